"""On start: what a crash left behind is cleared, and what it interrupted goes on.

Unfinished shares need no list of their own: the corridor walks whatever the ledger says is unfinished, and the outbox
sends whatever it says is queued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ledger import outbox, shares

if TYPE_CHECKING:
    from delivery.spool import Spool
    from ledger.database import Database

log = structlog.get_logger()


async def resume(ledger: Database, spool: Spool) -> None:
    """Remove ciphertext that no entry needs, and tell the operator what goes on."""
    spool.sweep(await outbox.spool_names_in_use(ledger))
    unfinished = await shares.unfinished(ledger)
    waiting = await outbox.queued(ledger)
    if unfinished or waiting:
        log.info("going on", shares=[share.id for share in unfinished], messages=len(waiting))
