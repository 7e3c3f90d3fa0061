"""Shares as a person in a room may speak of them: only those of this room exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import Mistake
from ledger import shares

if TYPE_CHECKING:
    from commands.kit.context import Context
    from ledger.shares import Share


class ShareUnknown(Mistake):
    """No share of that number in this room."""


async def share_here(context: Context, number: int) -> Share:
    """The share of that number. One of another room is as unknown as one that never was."""
    share = await shares.get(context.ledger, number)
    if share is None or share.room_id != context.room.room_id:
        raise ShareUnknown(f"There is no share {number} in this room. Type !status for those that are.", "H01")
    return share
