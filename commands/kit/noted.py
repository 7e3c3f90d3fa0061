"""A note of the person who typed it, for a share: what `!share --note` and `!note` both write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import notes
from ledger.notes import KeptNote

if TYPE_CHECKING:
    from commands.kit.context import Context
    from ledger.database import Transaction
    from ledger.shares import Share


async def noted(tx: Transaction, context: Context, share: Share, text: str) -> bool:
    """Keep it, to travel with the share's study. False when this message was kept before."""
    person = context.clinician
    note = KeptNote(
        event_id=context.event_id,
        share_id=share.id,
        room_id=context.room.room_id,
        author=person.user_id,
        name=person.display_name,
        text=text,
        audience=context.room.audience,
    )
    return await notes.write(tx, share, note, device_id=person.device_id)
