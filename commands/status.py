"""`!status [share]`: how far the shares of this room are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit import own
from commands.kit.context import Context, Outcome
from commands.kit.registry import command
from commands.kit.reply import Reply
from ledger import shares

if TYPE_CHECKING:
    from ledger.shares import Share

#: Shares listed when none was named.
MOST = 5


@command("status", action=Action.STATUS, examples=("!status", "!status 12"))
async def status(context: Context, share: Annotated[int, "the number of a share"] = 0) -> Outcome:
    """Say how far a share is."""
    if share:
        listed = [await own.share_here(context, share)]
    else:
        listed = await shares.in_room(context.ledger, context.room.room_id, limit=MOST)
    text = "\n".join(_line(one) for one in listed) or "Nothing was shared in this room yet."
    return Outcome((Reply("status", text),))


def _line(one: Share) -> str:
    return f"Share {one.id}, asked for by {one.requested_by}: {one.state.sentence}"
