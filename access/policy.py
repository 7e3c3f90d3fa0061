"""Who may do what in which room. Pure: facts in, decision out; a refusal gives every reason, the weightiest first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from access import reasons
from access.globs import account_pattern, bot_pattern, people_pattern, room_pattern, server_pattern
from config.errors import NotAllowed

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from access.people import Clinician
    from access.reasons import Reason
    from access.rooms import RoomFacts


class Action(Enum):
    """What somebody wants to do, with the word that begins every refusal of it."""

    FIND = "Not searched"
    SHARE = "Not shared"
    VIEW = "Not viewed"
    STATUS = "Not shown"
    CANCEL = "Not cancelled"
    NOTE = "Not noted"
    ROOM = "Not made"
    HELP = "Not answered"
    AUDIENCE = "Not listed"
    ADMIN = "Not done"


#: Whoever may do one of these may also look at, and stop, what was begun. A closer view of what was shared is for all
#: with whom it was shared: see `commands.view`.
GRANTS = {
    Action.FIND: frozenset({"find"}),
    Action.SHARE: frozenset({"share"}),
    Action.NOTE: frozenset({"share"}),
    Action.STATUS: frozenset({"find", "share"}),
    Action.CANCEL: frozenset({"find", "share"}),
    Action.ROOM: frozenset({"share"}),
    Action.ADMIN: frozenset({"admin"}),
}

#: Answers that hold nothing of a study. To stop a share must work above all when something is wrong with the room.
HARMLESS = frozenset({Action.HELP, Action.CANCEL, Action.ROOM, Action.AUDIENCE})

#: How accounts of programs are usually called: ghosts and bots of application services, and what calls itself a bot.
BRIDGES = (
    "bluesky", "discord", "facebook", "gmessages", "googlechat", "imessage", "instagram", "irc", "linkedin", "meta",
    "signal", "slack", "teams", "telegram", "twitter", "whatsapp", "xmpp", "zulip",
)  # fmt: skip
BOTS = (
    "@_*", "@bot", "@bot-*", "@bot_*", "@*-bot", "@*_bot", "@*.bot",
    *(f"@{name}bot" for name in BRIDGES), *(f"@{name}_*" for name in BRIDGES),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """These people, in these rooms, may do these things ("find", "share", "admin")."""

    people: tuple[re.Pattern[str], ...]
    rooms: tuple[re.Pattern[str], ...]
    may: frozenset[str]

    def fits(self, user_id: str, room_id: str) -> bool:
        """Whether this rule speaks of this person in this room."""
        return _any(self.people, user_id) and _any(self.rooms, room_id)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows."""

    own_server: str
    #: Servers other than our own whose people may be present.
    foreign_servers: tuple[re.Pattern[str], ...]
    rules: tuple[Rule, ...]
    #: Accounts that look like programs, and those of them that may be present.
    bots: tuple[re.Pattern[str], ...] = ()
    known_bots: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(
        cls,
        own_server: str,
        *,
        foreign_servers: Iterable[str] = (),
        rules: Iterable[tuple[Iterable[str], Iterable[str], Iterable[str]]] = ((("own",), ("*",), ("find", "share")),),
        bots: Iterable[str] = BOTS,
        known_bots: Iterable[str] = (),
    ) -> Policy:
        """From patterns as the operator writes them: rules are (people, rooms, may). Raises ValueError for a bad one.

        Without arguments the default: everybody of the bot's own server, nobody else in the room.
        """
        return cls(
            own_server.lower(),
            tuple(server_pattern(one) for one in foreign_servers),
            tuple(
                Rule(
                    tuple(people_pattern(one, own_server) for one in people),
                    tuple(room_pattern(one) for one in rooms),
                    frozenset(may),
                )
                for people, rooms, may in rules
            ),
            tuple(bot_pattern(one) for one in bots),
            tuple(account_pattern(one) for one in known_bots),
        )

    def welcomes(self, user_id: str) -> bool:
        """Whether this person's server may be present where studies are shared."""
        server = user_id.partition(":")[2].lower()
        return server == self.own_server or _any(self.foreign_servers, server)

    def suspects(self, user_id: str) -> bool:
        """Whether this account looks like a program that nobody has approved."""
        return _any(self.bots, user_id) and not _any(self.known_bots, user_id)

    def grants(self, user_id: str, room_id: str) -> frozenset[str]:
        """All that this person may do in this room if nothing is wrong with it."""
        return frozenset().union(*(rule.may for rule in self.rules if rule.fits(user_id, room_id)))

    def allows(self, user_id: str, room_id: str, action: Action) -> bool:
        """Whether this person may do this there if nothing is wrong with the room."""
        if action is Action.ROOM and not self.owns(user_id):
            return False
        return action not in GRANTS or bool(self.grants(user_id, room_id) & GRANTS[action])

    def follows(self, inviter: str, room_id: str) -> bool:
        """Whether the bot follows this person into that room: only people who may do something there."""
        return self.welcomes(inviter) and bool(self.grants(inviter, room_id))

    def owns(self, user_id: str) -> bool:
        """Whether this account is on our own server."""
        return user_id.partition(":")[2].lower() == self.own_server


@dataclass(frozen=True, slots=True)
class Permit:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """What speaks against it; never empty."""

    reasons: tuple[Reason, ...]

    @property
    def text(self) -> str:
        """All reasons for the person in the room: a sentence and its code on each line, not yet escaped."""
        return "\n".join(str(reason) for reason in self.reasons)

    def error(self) -> Refused:
        """The same, to be raised."""
        return Refused(self.text, self.reasons[0].code)


class Refused(NotAllowed):
    """A refusal as an exception: `sentence` holds every reason with its code, `code` is the most important one's."""

    def __str__(self) -> str:
        return self.sentence


Decision = Permit | Refuse


def decide(
    clinician: Clinician, room: RoomFacts, action: Action, policy: Policy, audience: frozenset[str] | None = None
) -> Decision:
    """Whether this person may do this in this room, as both are now.

    `audience` are those who were there when it was first permitted: it is not continued for others.
    """
    return _decision(_objections(clinician, room, action, policy, audience), action.value)


def suits(room: RoomFacts, policy: Policy, word: str, audience: frozenset[str] | None = None) -> Decision:
    """Whether what concerns a patient may be said in this room now, whoever asked. `word` begins a refusal."""
    return _decision(_unsuitable(room, policy, audience), word)


def obstacles(room: RoomFacts, policy: Policy) -> tuple[Reason, ...]:
    """All that speaks against studies in this room now, whoever asks."""
    return tuple(_unsuitable(room, policy, None))


def audible(room: RoomFacts, word: str) -> Decision:
    """Whether we may say something harmless in this room: nothing goes out in clear text."""
    return Permit() if room.confidential else _decision(reasons.encryption(room), word)


def _objections(
    clinician: Clinician, room: RoomFacts, action: Action, policy: Policy, audience: frozenset[str] | None
) -> Iterator[Reason]:
    if action not in HARMLESS:
        yield from _unsuitable(room, policy, audience)
    elif not room.confidential:
        yield from reasons.encryption(room)
    yield from reasons.membership(clinician, room)
    if action is Action.ROOM and not policy.owns(clinician.user_id):
        yield reasons.not_ours()
    elif not policy.allows(clinician.user_id, room.room_id, action):
        yield reasons.not_granted(clinician)


def _unsuitable(room: RoomFacts, policy: Policy, audience: frozenset[str] | None) -> Iterator[Reason]:
    yield from reasons.encryption(room)
    yield from reasons.openness(room)
    yield from reasons.relays(room, policy.suspects)
    yield from reasons.foreigners(room, policy.welcomes)
    yield from reasons.devices(room)
    if audience is not None:
        yield from reasons.newcomers(room, audience)


def _decision(objections: Iterable[Reason], word: str) -> Decision:
    found = tuple(reason.told(word) for reason in objections)
    return Refuse(found) if found else Permit()


def _any(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in patterns)
