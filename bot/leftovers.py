"""Sealed files of an entry that did not come into the outbox, or was known there already: they have no use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import outbox

if TYPE_CHECKING:
    from delivery.spool import Spool
    from ledger.database import Database
    from ledger.outbox import Entry


async def discard_unkept(ledger: Database, spool: Spool, entry: Entry) -> None:
    """Remove those of the entry's files that no entry in the outbox needs. Call it after the transaction."""
    if entry.attachments:
        kept = await outbox.spool_names_in_use(ledger)
        for one in entry.attachments:
            if one.spool_name not in kept:
                spool.discard(one.spool_name)
