"""`!cancel [share]`: stop a share that is under way. What stands in the room already stays there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit import own
from commands.kit.context import Context, Outcome
from commands.kit.registry import command
from commands.kit.reply import Reply
from config.errors import Mistake, NotAllowed
from ledger import notes, outbox, shares
from ledger.states import ShareState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.database import Transaction
    from ledger.shares import Share


@command("cancel", action=Action.CANCEL, examples=("!cancel", "!cancel 12"))
async def cancel(context: Context, share: Annotated[int, "the number of a share"] = 0) -> Outcome:
    """Stop a share that you asked for."""
    asked = await own.share_here(context, share) if share else await _latest(context)
    if asked.requested_by != context.clinician.user_id:
        raise NotAllowed(f"Only {asked.requested_by}, who asked for share {asked.id}, can stop it.", "H03")

    async def effect(tx: Transaction) -> Sequence[Reply]:
        return (Reply("cancelled", await _stopped(tx, asked), strict=False),)

    return Outcome(effects=(effect,))


async def _stopped(tx: Transaction, asked: Share) -> str:
    """Stop it as it is now, which may be further than when it was looked up."""
    now = await shares.get(tx, asked.id)
    if now is None or now.state.finished:
        return f"Share {asked.id} is not under way. {now.state.sentence if now else ''}".strip()
    await shares.move(tx, now, ShareState.CANCELLED, "by its requester")
    await notes.forget(tx, now.id, waiting=True)
    await outbox.withdraw(tx, now.id)
    return f"Share {now.id} is stopped. What was already posted stays in the room."


async def _latest(context: Context) -> Share:
    room, person = context.room.room_id, context.clinician.user_id
    for share in await shares.in_room(context.ledger, room, person):
        if not share.state.finished:
            return share
    raise Mistake("None of your shares in this room is under way. Type !status to see them.", "H02")
