"""Every reason for a refusal: what is wrong, and what to do now, with a code. Pure.

Sentences hold Matrix IDs and device names as they come: whoever shows them escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from access.people import Clinician
    from access.rooms import RoomFacts, UnverifiedDevice

#: As many people or devices are named; the others are counted.
NAMED = 3
#: Characters of a device's name that are shown.
NAME_LENGTH = 40

INVITED_ONLY = frozenset({"invite", "knock"})
MEMBERS_ONLY = frozenset({"shared", "invited", "joined"})


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks against it."""

    code: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.sentence} [{self.code}]"

    def told(self, prefix: str) -> Reason:
        """With the words that say what was not done."""
        return replace(self, sentence=f"{prefix}: {self.sentence}")


def encryption(room: RoomFacts) -> Iterator[Reason]:
    """[R14, R01] The server reads what is not encrypted."""
    if room.downgraded:
        yield Reason(
            "R14",
            "this room was encrypted, and its server now says that it is not, or no longer in a way that I trust. "
            "Make a new encrypted room, and ask there.",
        )
    elif not room.encrypted:
        yield Reason(
            "R01",
            "this room is not encrypted. Turn on encryption in the room's settings, or ask in an encrypted room.",
        )


def openness(room: RoomFacts) -> Iterator[Reason]:
    """[R08, R02, R03, R07] Who could come in, or read, without anybody's invitation."""
    if room.tombstoned:
        yield Reason("R08", "this room was replaced by a newer one. Go there, and ask again.")
    if room.join_rule not in INVITED_ONLY:
        yield Reason(
            "R02",
            "people can join this room without an invitation. Set its access to invited people only, then ask again.",
        )
    if room.history_visibility not in MEMBERS_ONLY:
        yield Reason(
            "R03",
            "people outside can read this room's history. Set it to members only in its settings, then ask again.",
        )
    if room.guest_access and room.join_rule != "invite":  # invited by a member, a guest is a member like any other
        yield Reason(
            "R07", "guests can join this room. Switch off guest access in the room's settings, then ask again."
        )


def relays(room: RoomFacts, is_bot: Callable[[str], bool]) -> Iterator[Reason]:
    """[R11] Bridges and programs: what they read leaves the room."""
    if room.bridges:
        yield Reason(
            "R11",
            f"this room is bridged to {_some([_short(one) for one in room.bridges])}, and what is posted here would "
            "go there too. Ask in a room without a bridge.",
        )
    programs = sorted(person for person in room.audience if is_bot(person))
    if programs:
        are, them = ("are programs", "them") if len(programs) > 1 else ("is a program", "it")
        yield Reason(
            "R11",
            f"{_some(programs)} {are} that could pass on what is posted here. "
            f"Remove {them} from the room, or ask your administrator to approve {them}.",
        )


def newcomers(room: RoomFacts, audience: frozenset[str]) -> Iterator[Reason]:
    """[R12] People whom nobody had in mind when it was permitted."""
    new = sorted(room.joined - audience - {room.us})
    if new:
        have = "have" if len(new) > 1 else "has"
        yield Reason(
            "R12",
            f"{_some(new)} {have} joined this room since this was asked for. "
            "If they may see it, send the command again.",
        )


def foreigners(room: RoomFacts, welcome: Callable[[str], bool]) -> Iterator[Reason]:
    """[R05, R06] People of servers that the operator has not allowed, here or on their way in."""
    here = sorted(person for person in room.joined if not welcome(person))
    if here:
        yield Reason(
            "R05",
            f"{_some(here)} {_is(here)} from another organisation that is not approved for sharing. "
            "Ask in a room without them, or ask your administrator to approve their server.",
        )
    coming = sorted(person for person in room.invited if not welcome(person))
    if coming:
        yield Reason(
            "R06",
            f"{_some(coming)} {_is(coming)} invited, from another organisation that is not approved for sharing. "
            "Withdraw the invitation, or ask your administrator to approve their server.",
        )


def devices(room: RoomFacts) -> Iterator[Reason]:
    """[R04] One reason for each person who has a device that nobody vouches for."""
    ordered = sorted(room.unverified_devices, key=lambda one: (one.user_id, one.device_id))
    people = [(user_id, list(theirs)) for user_id, theirs in groupby(ordered, key=lambda one: one.user_id)]
    yield from (Reason("R04", _about_devices(user_id, theirs)) for user_id, theirs in people[:NAMED])
    if more := people[NAMED:]:
        count = "one more person has" if len(more) == 1 else f"{len(more)} more people have"
        yield Reason(
            "R04", f"{count} a device that is not verified. Ask them to verify it, then send the command again."
        )


def membership(clinician: Clinician, room: RoomFacts) -> Iterator[Reason]:
    """[R10] Somebody who left between asking and now."""
    if clinician.user_id not in room.joined:
        yield Reason("R10", "you are not a member of this room any more. Join it, then ask again.")


def not_granted(clinician: Clinician) -> Reason:
    """[R09] No rule of the policy fits."""
    return Reason(
        "R09",
        f"{clinician.user_id} is not allowed to do this in this room. "
        "Ask in a room where you are, or ask your administrator to allow it.",
    )


def not_ours() -> Reason:
    """[R15] Who owns a room answers for it: somebody of our own organisation."""
    return Reason(
        "R15",
        "I make rooms only for people of my own organisation. Ask a colleague there, or make the room in your app, "
        "encrypted and for invited people only; then invite me.",
    )


def _about_devices(user_id: str, theirs: list[UnverifiedDevice]) -> str:
    kinds = {one.reason for one in theirs}
    if "identity changed" in kinds:
        return (
            f"the identity of {user_id} has changed. Make sure in person or by phone that it is them, "
            "and ask your administrator to accept it."
        )
    if "no identity" in kinds:
        return f"{user_id} has not set up verification. Ask them to do so in their app, then send the command again."
    if kinds == {"identity not verified"}:
        return (
            f"{user_id} and I have not verified each other. Ask them to start a verification with me in their app "
            "and to compare the emoji with your administrator, then send the command again."
        )
    theirs = [one for one in theirs if one.reason != "identity not verified"]
    names = _some([f'"{_shown(one)}"' for one in theirs])
    have, them = ("devices that are", "them") if len(theirs) > 1 else ("a device that is", "it")
    return f"{user_id} has {have} not verified ({names}). Ask them to verify {them}, then send the command again."


def _shown(device: UnverifiedDevice) -> str:
    return _short(device.display_name) or _short(device.device_id)


def _short(name: str) -> str:
    """On one line, and not too long."""
    plain = " ".join(name.split())
    return plain if len(plain) <= NAME_LENGTH else f"{plain[: NAME_LENGTH - 1]}…"


def _some(names: list[str]) -> str:
    """At most `NAMED` of them, and how many more."""
    more = len(names) - NAMED
    return f"{', '.join(names[:NAMED])} and {more} more" if more > 0 else _listed(names)


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _is(people: Iterable[str]) -> str:
    return "are" if len(list(people)) > 1 else "is"
