"""Whether the ledger is what we wrote: for the doctor, for a restored backup, and for whoever answers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import Bug
from ledger import audit, inbox, outbox, shares, trust
from ledger.trust import Pins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ledger.database import Database


async def problems(db: Database) -> AsyncIterator[str]:
    """Everything that is wrong, a sentence each. Reads the whole file and opens every sealed field that is in use."""
    for (finding,) in await db.rows("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"The database: {finding}."
    for row in await db.rows("PRAGMA foreign_key_check"):
        yield f"The database: a row of {row[0]} points to nothing."
    for problem in await audit.verify(db):
        yield f"The audit trail: {problem}."
    if gone := await trust.missing(db):
        yield f"The pins: {gone} are gone."
    async for table in _unreadable(db):
        yield f"The {table}: a stored field is not what was stored."


async def _unreadable(db: Database) -> AsyncIterator[str]:
    tables = {
        "inbox": lambda: inbox.unhandled(db),
        "outbox": lambda: outbox.queued(db),
        "shares": lambda: shares.every(db),
        "pins": Pins(db).everyone,
    }
    for table, opened in tables.items():
        try:
            await opened()
        except (Bug, ValueError):  # ValueError: a state that is no state, a digest that is no text
            yield table
