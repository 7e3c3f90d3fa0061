"""What a person reads who asks what we can do, or has just brought us into a room."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from access.policy import GRANTS, Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from access.reasons import Reason
    from access.rooms import RoomFacts
    from commands.kit.registry import Command

HELLO = "Hello. "
GREETING = "I share imaging studies in this room. I am a program, not a person. You can type:"
NOTHING = "You may not do anything here yet. Ask your administrator to allow it, or ask in another room."
DIRECT = (
    "Here only you read what I send. To share with colleagues, let me make a room that is safe for it: "
    "type !room new and what the room is for, like: !room new Ankle clinic"
)
YOURS = (
    "I made this room for you: encrypted, only by invitation, and you are in charge of it. "
    "Invite your colleagues in your app; nobody else can."
)
IN_THE_WAY = "I cannot share here yet:"
LEAVING = "Studies would not be safe in this room, so I leave it:"
_AGAIN = re.compile(r",? (?:then|and) (?:ask|send the command) again(?=\.)")
INVITE_AGAIN = "When that is put right, invite me again."


def is_direct(room: RoomFacts) -> bool:
    """Whether this is a chat between us and one person."""
    return len(room.joined | room.invited) <= 2  # noqa: PLR2004 - we two


def usable(commands: Iterable[Command], may: Callable[[Action], bool], *, direct: bool) -> str:
    """All that somebody may type here, a line each."""
    lines = [one for one in commands if may(one.action)]
    helpless = not any(one.action in GRANTS for one in lines)
    hint = [DIRECT] if direct and may(Action.ROOM) else []
    return "\n".join(
        [GREETING, *(f"{one.usage}: {one.summary}" for one in lines), *([NOTHING] if helpless else []), *hint]
    )


def hello(
    commands: Iterable[Command],
    may: Callable[[Action], bool],
    in_the_way: Sequence[Reason],
    *,
    direct: bool,
    made_for: str = "",
) -> str:
    """Said once in each room that we come into. `made_for` is who asked for a room of our own making."""
    own = [YOURS] if made_for else []
    against = [IN_THE_WAY, *_listed(in_the_way)] if in_the_way else []
    return HELLO + "\n".join([*own, usable(commands, may, direct=direct and not made_for), *against])


def farewell(reasons: Sequence[Reason]) -> str:
    """Said before we leave a room that is encrypted, and unfit all the same."""
    return "\n".join([LEAVING, *_listed(reasons), INVITE_AGAIN])


def _listed(reasons: Sequence[Reason]) -> list[str]:
    return [f"- {_unasked(reason.sentence)} [{reason.code}]" for reason in reasons]


def _unasked(sentence: str) -> str:
    """Nobody has asked for anything yet, that they could ask for again."""
    plain = _AGAIN.sub("", sentence)
    return plain[:1].upper() + plain[1:]
