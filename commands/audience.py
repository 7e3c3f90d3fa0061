"""`!audience`: who will be able to read what is posted in this room now, who will not, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.policy import Action
from commands.kit import describe
from commands.kit.context import Context, Outcome
from commands.kit.registry import command
from commands.kit.reply import Reply
from studies.identity import without_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from access.rooms import Reader, RoomFacts, UnverifiedDevice

#: People, and those who cannot read, that are named; the others are counted.
MOST, MOST_OTHERS = 50, 20
NAME_LENGTH = 40

JOINING = {
    "invite": "people come in by invitation only",
    "knock": "people come in by invitation, and may ask for one",
    "restricted": "members of another room can join",
    "knock_restricted": "members of another room can join",
    "public": "anybody can join",
}
HISTORY = {
    "shared": "its history is for members only",
    "invited": "its history is for members only, from their invitation on",
    "joined": "its history is for members only, from their joining on",
    "world_readable": "anybody can read its history",
}
WHY = {
    "unsigned": "not verified by its owner",
    "no identity": "its owner has not set up verification",
    "identity changed": "its owner's identity has changed",
    "identity not verified": "its owner and I have not verified each other",
    "malformed": "its keys are not in order",
}


@command("audience", action=Action.AUDIENCE, examples=("!audience",))
async def audience(context: Context) -> Outcome:
    """Say who can read what is posted in this room."""
    room = context.room
    lines = [
        "Who can read what I post here now:",
        *_bounded([*_able(room.readers)], MOST),
        *_section("Who cannot:", _bounded([*_unable(room)], MOST_OTHERS)),
        f"The room: {_settings(room)}.",
        _verdict(may_share=context.may(Action.SHARE)),
    ]
    return Outcome((Reply("audience", "\n".join(lines), strict=False),))


def _able(readers: Sequence[Reader]) -> Iterator[str]:
    """Organisation by organisation."""
    for one in sorted(readers, key=lambda one: (_server(one.user_id), one.user_id)):
        if one.devices:
            verified = ", verified with me" if one.verified else ""
            yield f"{_person(one)} of {_server(one.user_id)}: {describe.count(one.devices, 'device')}{verified}"


def _unable(room: RoomFacts) -> Iterator[str]:
    excluded = sorted(room.unverified_devices, key=lambda one: (one.user_id, one.device_id))
    with_devices = {one.user_id for one in excluded}
    yield from (f"{one.user_id} on the device {_device(one)}: {WHY.get(one.reason, one.reason)}" for one in excluded)
    for one in room.readers:
        if not one.known:
            yield f"{_person(one)}: their server does not say which devices they use"
        elif not one.devices and one.user_id not in with_devices:
            yield f"{_person(one)}: they have no device with encryption"
    yield from (f"{user}: invited, but not here yet" for user in sorted(room.invited))


def _settings(room: RoomFacts) -> str:
    words = [
        "encrypted" if room.encrypted else "its server says that it is not encrypted any more, but I encrypt",
        JOINING.get(room.join_rule, "it is not clear who can join"),
        HISTORY.get(room.history_visibility, "it is not clear who can read its history"),
        "guests can join" if room.guest_access else "no guests",
        *(f"bridged to {_short(bridge)}" for bridge in room.bridges[:MOST_OTHERS]),
        *(["it was replaced by a newer room"] if room.tombstoned else []),
    ]
    return "; ".join(words)


def _verdict(*, may_share: bool) -> str:
    if may_share:
        return "You may share studies here. I look again before each message."
    return "If you ask for a study here now, I refuse and say why."


def _section(head: str, lines: Sequence[str]) -> Iterable[str]:
    return [head, *lines] if lines else []


def _bounded(lines: Sequence[str], most: int) -> list[str]:
    more = len(lines) - most
    return [*(f"- {line}" for line in lines[:most]), *([f"- and {more} more"] if more > 0 else [])]


def _person(one: Reader) -> str:
    name = _short(one.display_name)
    return f"{name} ({one.user_id})" if name else one.user_id


def _device(one: UnverifiedDevice) -> str:
    return f'"{_short(one.display_name) or _short(one.device_id)}"'


def _short(name: str) -> str:
    plain = without_controls(name)
    return plain if len(plain) <= NAME_LENGTH else f"{plain[: NAME_LENGTH - 1]}…"


def _server(user_id: str) -> str:
    return user_id.partition(":")[2]
