"""What we say, kept before it is sent: in order per room, each under a transaction id that is used once for ever."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ledger import attachments, audit, shares
from ledger.attachments import Attachment, set_mxc, set_uploaded, spool_names_in_use, spool_names_let_go
from ledger.database import bound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from ledger.database import Columns, Reading, Transaction

__all__ = [
    "Attachment",
    "Entry",
    "Fate",
    "attempted",
    "enqueue",
    "event_id_of",
    "failed",
    "fate_of",
    "lanes",
    "last_of",
    "next_in_lane",
    "next_to_send",
    "older_than",
    "queued",
    "rooms_with_work",
    "sent",
    "set_mxc",
    "set_uploaded",
    "spool_names_in_use",
    "spool_names_let_go",
    "transaction_id",
    "withdraw",
]


#: The step of an entry that explains why the others wait: it goes out before them.
URGENT = "queued"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to send. `content` is its JSON with the attachments' places still open."""

    txn_id: str
    room_id: str
    #: Names this message among all of its share's (or command's), like "preview 3".
    step: str
    #: The event's type, like "m.room.message".
    kind: str
    content: Mapping[str, Any]
    share_id: int | None = None
    #: Send only when every joined member's devices are cross-signed.
    strict: bool = True
    attachments: tuple[Attachment, ...] = ()
    #: Who was in the room when an answer was permitted; None for what is not said to particular people. A share's
    #: own audience stands in the share.
    audience: frozenset[str] | None = None
    #: Set by the ledger: Unix seconds, and how often it was tried and why that failed.
    created_at: float = field(default=0.0, compare=False)
    attempts: int = field(default=0, compare=False)
    last_error: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Fate:
    """How far one event has come: "queued", "sent" and then with its event id, or "failed" and then why."""

    state: str
    event_id: str
    error: str


_BOUND = ("txn_id", "room_id", "share_id", "step", "kind", "strict", "created_at")


def transaction_id(origin: str, step: str) -> str:
    """The same for the same share or command event and step, whatever happens in between (Matrix, PUT .../{txnId})."""
    return hashlib.sha256(f"{origin}\0{step}".encode()).hexdigest()[:32]


async def enqueue(tx: Transaction, entry: Entry) -> bool:
    """Keep an event for sending. False, and nothing changes, when its transaction id is known already."""
    row: Columns = {
        "txn_id": entry.txn_id,
        "room_id": entry.room_id,
        "share_id": entry.share_id,
        "step": entry.step,
        "kind": entry.kind,
        "strict": int(entry.strict),
        "state": "queued",
        "created_at": tx.now,
    }
    sealed: Columns = {"sealed_content": tx.seal_json(entry.content, bound("outbox", row, _BOUND, "content"))}
    if entry.audience is not None:
        sealed["sealed_audience"] = tx.seal_json(sorted(entry.audience), bound("outbox", row, _BOUND, "audience"))
    if await tx.insert("outbox", row | sealed) is None:
        return False
    for one in entry.attachments:
        await attachments.attach(tx, entry.txn_id, one)
    return True


async def rooms_with_work(db: Reading) -> list[str]:
    """Rooms in which something waits to be sent, the longest waiting first."""
    rows = await db.rows("SELECT room_id FROM outbox WHERE state = 'queued' GROUP BY room_id ORDER BY min(seq)")
    return [row["room_id"] for row in rows]


async def next_to_send(db: Reading, room_id: str) -> Entry | None:
    """The oldest event that waits in this room."""
    row = await db.row(
        "SELECT * FROM outbox WHERE state = 'queued' AND room_id = ? ORDER BY seq LIMIT 1",
        room_id,
    )
    return await _entry(db, row) if row else None


async def lanes(db: Reading) -> list[tuple[str, int | None]]:
    """Room and share of all that waits, the longest waiting first: what belongs to no share has a lane per room."""
    rows = await db.rows(
        "SELECT room_id, share_id FROM outbox WHERE state = 'queued' GROUP BY room_id, share_id ORDER BY min(seq)"
    )
    return [(row["room_id"], row["share_id"]) for row in rows]


async def next_in_lane(db: Reading, room_id: str, share_id: int | None) -> Entry | None:
    """The oldest event that waits in this lane, the one that explains the wait before all others."""
    row = await db.row(
        "SELECT * FROM outbox WHERE state = 'queued' AND room_id = ? AND share_id IS ? "
        "ORDER BY step = ? DESC, seq LIMIT 1",
        room_id,
        share_id,
        URGENT,
    )
    return await _entry(db, row) if row else None


async def queued(db: Reading) -> list[Entry]:
    """All that waits to be sent, in every room, the oldest first."""
    return await older_than(db, math.inf)


async def older_than(db: Reading, moment: float) -> list[Entry]:
    """What has waited since before `moment` (Unix seconds).

    The server forgets transaction ids after 24 h: what is older than 23 h is reported and not sent, since it may stand
    in the room already.
    """
    rows = await db.rows("SELECT * FROM outbox WHERE state = 'queued' AND created_at < ? ORDER BY seq", moment)
    return [await _entry(db, row) for row in rows]


async def attempted(tx: Transaction, txn_id: str, error: str = "") -> None:
    """Count one try. `error` is a few words without anything about a patient."""
    await tx.rows(
        "UPDATE outbox SET attempts = attempts + 1, last_error = ? WHERE txn_id = ? AND state = 'queued'", error, txn_id
    )


async def sent(tx: Transaction, txn_id: str, event_id: str) -> bool:
    """It stands in the room. Its content and its attachments' keys are forgotten. False when that was known.

    What carried files of a share is audited as an export.
    """
    done = await tx.row(
        "UPDATE outbox SET state = 'sent', event_id = ?, finished_at = ?, sealed_content = NULL, "
        "sealed_audience = NULL "
        "WHERE txn_id = ? AND state = 'queued' RETURNING share_id, step",
        event_id,
        tx.now,
        txn_id,
    )
    if done:
        await _finish(tx, txn_id, done, audit.Outcome.SUCCESS, f"sent {done['step']} as {event_id}")
    return bool(done)


async def failed(tx: Transaction, txn_id: str, error: str) -> bool:
    """It is given up and never sent. Content and keys are forgotten. False when it was no longer waiting.

    `error` is a few words without anything about a patient. What carried files of a share is audited.
    """
    done = await tx.row(
        "UPDATE outbox SET state = 'failed', last_error = ?, finished_at = ?, sealed_content = NULL, "
        "sealed_audience = NULL "
        "WHERE txn_id = ? AND state = 'queued' RETURNING share_id, step",
        error,
        tx.now,
        txn_id,
    )
    if done:
        await _finish(tx, txn_id, done, audit.Outcome.SERIOUS_FAILURE, f"gave up {done['step']}: {error}")
    return bool(done)


async def _finish(tx: Transaction, txn_id: str, done: sqlite3.Row, outcome: audit.Outcome, detail: str) -> None:
    had_files = await attachments.forget_keys(tx, txn_id)
    share = await shares.get(tx, done["share_id"]) if had_files and done["share_id"] is not None else None
    if share:
        await audit.record(tx, shares.event_about(share, audit.AuditKind.EXPORT, detail, outcome))


async def withdraw(tx: Transaction, share_id: int) -> None:
    """Give up whatever of this share still waits: it was cancelled. What is on the wire in this moment may arrive."""
    rows = await tx.rows("SELECT txn_id FROM outbox WHERE share_id = ? AND state = 'queued'", share_id)
    for row in rows:
        await failed(tx, row["txn_id"], "cancelled")


async def event_id_of(db: Reading, txn_id: str) -> str | None:
    """The event that this transaction became; None as long as it is not sent."""
    row = await db.row("SELECT event_id FROM outbox WHERE txn_id = ?", txn_id)
    return row["event_id"] if row else None


async def last_of(db: Reading, room_id: str, step: str) -> float:
    """When the last entry with this step was enqueued for this room (Unix seconds); 0 for never."""
    row = await db.row("SELECT max(created_at) AS latest FROM outbox WHERE room_id = ? AND step = ?", room_id, step)
    return float(row["latest"] or 0) if row else 0.0


async def fate_of(db: Reading, txn_id: str) -> Fate | None:
    """What became of an event; None when it was never enqueued."""
    row = await db.row("SELECT state, event_id, last_error FROM outbox WHERE txn_id = ?", txn_id)
    return Fate(row["state"], row["event_id"] or "", row["last_error"]) if row else None


def _audience(db: Reading, row: sqlite3.Row) -> frozenset[str] | None:
    sealed = row["sealed_audience"]
    return frozenset(db.unseal_json(sealed, bound("outbox", row, _BOUND, "audience"))) if sealed else None


async def _entry(db: Reading, row: sqlite3.Row) -> Entry:
    return Entry(
        txn_id=row["txn_id"],
        room_id=row["room_id"],
        step=row["step"],
        kind=row["kind"],
        content=db.unseal_json(row["sealed_content"], bound("outbox", row, _BOUND, "content")),
        share_id=row["share_id"],
        strict=bool(row["strict"]),
        attachments=await attachments.of(db, row["txn_id"]),
        audience=_audience(db, row),
        created_at=row["created_at"],
        attempts=row["attempts"],
        last_error=row["last_error"],
    )
