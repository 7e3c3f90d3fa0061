"""What people wrote about a share, to travel with its study: waiting -> in one of its documents -> forgotten.

A message is a note once, and a note is in one document, however we crash.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ledger import audit
from ledger.database import bound
from ledger.shares import event_about
from ledger.states import ShareState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ledger.database import Columns, Reading, Transaction
    from ledger.shares import Share


@dataclass(frozen=True, slots=True)
class KeptNote:
    """One that is not forgotten."""

    event_id: str
    share_id: int
    room_id: str
    #: The Matrix ID whose device proved itself, and what their server calls them; the name is sealed.
    author: str
    name: str
    #: Sealed.
    text: str
    #: Who was in the room, joined or invited, when it was written; sealed.
    audience: frozenset[str]
    #: Set by the ledger: Unix seconds.
    created_at: float = 0.0


_BOUND = ("event_id", "share_id", "room_id", "author", "created_at")


async def write(tx: Transaction, share: Share, note: KeptNote, *, device_id: str = "") -> bool:
    """Keep a note. False when this message is known already. `device_id` goes only into the audit record."""
    row: Columns = {name: getattr(note, name) for name in _BOUND[:-1]} | {"created_at": tx.now}
    sealed: Columns = {
        "sealed_note": tx.seal_json({"name": note.name, "text": note.text}, bound("notes", row, _BOUND, "note")),
        "sealed_audience": tx.seal_json(sorted(note.audience), bound("notes", row, _BOUND, "audience")),
    }
    if await tx.insert("notes", row | sealed) is None:
        return False
    event = event_about(share, audit.AuditKind.APPLICATION_ACTIVITY, f"a note in {note.event_id}")
    await audit.record(tx, replace(event, action=audit.Action.CREATE, who=note.author, device_id=device_id))
    return True


async def take(tx: Transaction, share_id: int) -> None:
    """All that wait go into the share's first document. Those who write later write for the next."""
    await tx.rows("UPDATE notes SET document = 1 WHERE share_id = ? AND document IS NULL", share_id)


async def taken(db: Reading, share_id: int) -> list[KeptNote]:
    """What is in the share's first document, the oldest first, until it is sent."""
    return await _where(db, "share_id = ? AND document = 1", share_id)


async def waiting(db: Reading, share_id: int) -> list[KeptNote]:
    """What is in no document of the share yet, the oldest first."""
    return await _where(db, "share_id = ? AND document IS NULL", share_id)


async def late(db: Reading) -> list[int]:
    """Shares that were delivered, and have notes that wait."""
    rows = await db.rows(
        "SELECT DISTINCT share_id FROM notes JOIN shares ON shares.id = share_id "
        "WHERE sealed_note IS NOT NULL AND document IS NULL AND state = ? ORDER BY share_id",
        ShareState.DELIVERED.value,
    )
    return [row["share_id"] for row in rows]


async def next_document(db: Reading, share_id: int) -> int:
    """The number of the document after the share's last."""
    row = await db.row("SELECT max(document) AS last FROM notes WHERE share_id = ?", share_id)
    return (row["last"] or 0) + 1 if row else 1


async def put(tx: Transaction, share: Share, notes: Iterable[KeptNote], document: int) -> None:
    """They lie in the outbox, in a document of their own, and are forgotten."""
    for note in notes:
        event = event_about(share, audit.AuditKind.EXPORT, f"the note in {note.event_id}, in document {document}")
        await audit.record(tx, replace(event, who=note.author))
        await tx.rows(
            "UPDATE notes SET document = ?, sealed_note = NULL, sealed_audience = NULL "
            "WHERE event_id = ? AND share_id = ? AND document IS NULL",
            document,
            note.event_id,
            note.share_id,
        )


async def forget(tx: Transaction, share_id: int, *, waiting: bool = False) -> None:
    """What was taken was sent; with `waiting`, all that was written: it will never be."""
    await tx.rows(
        "UPDATE notes SET sealed_note = NULL, sealed_audience = NULL WHERE share_id = ? AND (document = 1 OR ?)",
        share_id,
        int(waiting),
    )


async def _where(db: Reading, condition: str, share_id: int) -> list[KeptNote]:
    rows = await db.rows(
        f"SELECT * FROM notes WHERE sealed_note IS NOT NULL AND {condition} ORDER BY created_at, rowid",  # noqa: S608 - our own words
        share_id,
    )
    return [_note(db, row) for row in rows]


def _note(db: Reading, row: sqlite3.Row) -> KeptNote:
    said = db.unseal_json(row["sealed_note"], bound("notes", row, _BOUND, "note"))
    audience = db.unseal_json(row["sealed_audience"], bound("notes", row, _BOUND, "audience"))
    return KeptNote(
        row["event_id"],
        row["share_id"],
        row["room_id"],
        row["author"],
        said["name"],
        said["text"],
        frozenset(audience),
        row["created_at"],
    )
