"""Shares as a person in a room may speak of them: only those of this room exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import Mistake
from ledger import shares
from ledger.states import ShareState

if TYPE_CHECKING:
    from commands.kit.context import Context
    from ledger.shares import Share


#: Of these nothing is shown and nothing goes with them any more.
STOPPED = frozenset({ShareState.CANCELLED, ShareState.FAILED})


class ShareUnknown(Mistake):
    """No share of that number in this room."""


async def share_here(context: Context, number: int) -> Share:
    """The share of that number. One of another room is as unknown as one that never was."""
    share = await shares.get(context.ledger, number)
    if share is None or share.room_id != context.room.room_id:
        raise ShareUnknown(f"There is no share {number} in this room. Type !status for those that are.", "H01")
    return share


async def only_share(context: Context, none: Mistake, several: Mistake) -> Share:
    """The one share of this room that was not stopped. Of several none is guessed: it would be another patient's.

    Not by the thread in which somebody types, either: that is the server's word. Raises `none`, or `several` with the
    places {first} and {all} of its sentence filled by the shares' numbers.
    """
    here = [one for one in await shares.in_room(context.ledger, context.room.room_id) if one.state not in STOPPED]
    if not here:
        raise none
    if len(here) > 1:
        numbers = ", ".join(str(one.id) for one in here)
        raise Mistake(several.sentence.format(first=here[0].id, all=numbers), several.code)
    return here[0]
