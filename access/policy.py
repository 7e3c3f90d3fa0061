"""Who may do what in which room. Pure: facts in, decision out; a refusal gives every reason, the weightiest first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from access import reasons
from access.globs import people_pattern, room_pattern, server_pattern
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
    STATUS = "Not shown"
    CANCEL = "Not cancelled"
    HELP = "Not answered"


#: Whoever may do one of these may also look at, and stop, what was begun.
GRANTS = {
    Action.FIND: frozenset({"find"}),
    Action.SHARE: frozenset({"share"}),
    Action.STATUS: frozenset({"find", "share"}),
    Action.CANCEL: frozenset({"find", "share"}),
}

#: Answers that hold nothing of a study. To stop a share must work above all when something is wrong with the room.
HARMLESS = frozenset({Action.HELP, Action.CANCEL})


@dataclass(frozen=True, slots=True)
class Rule:
    """These people, in these rooms, may do these things ("find", "share")."""

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

    @classmethod
    def of(
        cls,
        own_server: str,
        *,
        foreign_servers: Iterable[str] = (),
        rules: Iterable[tuple[Iterable[str], Iterable[str], Iterable[str]]] = ((("own",), ("*",), ("find", "share")),),
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
        )

    def welcomes(self, user_id: str) -> bool:
        """Whether this person's server may be present where studies are shared."""
        server = user_id.partition(":")[2].lower()
        return server == self.own_server or _any(self.foreign_servers, server)

    def grants(self, user_id: str, room_id: str) -> frozenset[str]:
        """All that this person may do in this room if nothing is wrong with it."""
        return frozenset().union(*(rule.may for rule in self.rules if rule.fits(user_id, room_id)))


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


def decide(clinician: Clinician, room: RoomFacts, action: Action, policy: Policy) -> Decision:
    """Whether this person may do this in this room, as both are now."""
    found = tuple(reason.told(action.value) for reason in _objections(clinician, room, action, policy))
    return Refuse(found) if found else Permit()


def _objections(clinician: Clinician, room: RoomFacts, action: Action, policy: Policy) -> Iterator[Reason]:
    yield from reasons.encryption(room)
    if action not in HARMLESS:
        yield from reasons.openness(room)
        yield from reasons.foreigners(room, policy.welcomes)
        yield from reasons.devices(room)
    yield from reasons.membership(clinician, room)
    if action in GRANTS and not policy.grants(clinician.user_id, room.room_id) & GRANTS[action]:
        yield reasons.not_granted(clinician)


def _any(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in patterns)
