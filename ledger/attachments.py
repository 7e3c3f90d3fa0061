"""The ciphertext files that an event carries: where they lie in the spool, their keys, and how far their upload is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger.database import bound
from ledger.errors import LedgerBug

if TYPE_CHECKING:
    import sqlite3

    from ledger.database import Columns, Reading, Transaction


@dataclass(frozen=True, slots=True)
class Attachment:
    """One encrypted file (Matrix, EncryptedFile v2): AES-256-CTR, digest over the ciphertext."""

    #: Which open place of the event's content it fills, like "file" or "info.thumbnail_file".
    slot: str
    spool_name: str
    #: 32 bytes.
    key: bytes = field(repr=False)
    #: The first counter block, 16 bytes.
    iv: bytes
    #: 32 bytes.
    sha256: bytes
    #: Of the ciphertext, in bytes.
    size: int
    mimetype: str
    mxc: str = ""
    uploaded: bool = False


_BOUND = ("txn_id", "slot", "spool_name", "iv", "sha256", "size", "mimetype")


async def attach(tx: Transaction, txn_id: str, attachment: Attachment) -> None:
    """Keep one file of an event that is being enqueued."""
    row: Columns = {
        "txn_id": txn_id,
        "slot": attachment.slot,
        "spool_name": attachment.spool_name,
        "iv": attachment.iv,
        "sha256": attachment.sha256,
        "size": attachment.size,
        "mimetype": attachment.mimetype,
        "mxc": attachment.mxc,
        "uploaded": int(attachment.uploaded),
    }
    sealed = tx.cipher.seal(attachment.key, bound("attachments", row, _BOUND, "key"))
    if await tx.insert("attachments", row | {"sealed_key": sealed}) is None:
        raise LedgerBug("An event has two files for one place. Nothing was changed.", "B14")


async def of(db: Reading, txn_id: str) -> tuple[Attachment, ...]:
    """The files of one event that is not sent yet, in the order in which they were given."""
    rows = await db.rows(
        "SELECT * FROM attachments WHERE txn_id = ? AND sealed_key IS NOT NULL ORDER BY rowid",
        txn_id,
    )
    return tuple(_attachment(db, row) for row in rows)


async def set_mxc(tx: Transaction, txn_id: str, slot: str, mxc: str) -> None:
    """The server has reserved this address for the file (POST /_matrix/media/v1/create)."""
    await tx.rows("UPDATE attachments SET mxc = ? WHERE txn_id = ? AND slot = ? AND uploaded = 0", mxc, txn_id, slot)


async def set_uploaded(tx: Transaction, txn_id: str, slot: str) -> None:
    """The whole ciphertext stands at its address. Raises `LedgerBug` when it has none."""
    await tx.rows("UPDATE attachments SET uploaded = 1 WHERE txn_id = ? AND slot = ?", txn_id, slot)


async def spool_names_in_use(db: Reading) -> frozenset[str]:
    """Files that are still needed. Everything else in the spool may go."""
    rows = await db.rows("SELECT DISTINCT spool_name FROM attachments WHERE sealed_key IS NOT NULL")
    return frozenset(row["spool_name"] for row in rows)


async def spool_names_let_go(db: Reading, share_id: int) -> list[str]:
    """Files of this share's events that are sent, given up or withdrawn: what is left of them may go."""
    rows = await db.rows(
        "SELECT spool_name FROM attachments JOIN outbox USING (txn_id) WHERE share_id = ? AND sealed_key IS NULL",
        share_id,
    )
    return [row["spool_name"] for row in rows]


async def forget_keys(tx: Transaction, txn_id: str) -> bool:
    """The event is sent or given up: its files are no longer needed, and nobody can decrypt them with our help.

    Returns whether it had files.
    """
    return bool(await tx.rows("UPDATE attachments SET sealed_key = NULL WHERE txn_id = ? RETURNING 1", txn_id))


def _attachment(db: Reading, row: sqlite3.Row) -> Attachment:
    return Attachment(
        slot=row["slot"],
        spool_name=row["spool_name"],
        key=db.cipher.open(row["sealed_key"], bound("attachments", row, _BOUND, "key")),
        iv=row["iv"],
        sha256=row["sha256"],
        size=row["size"],
        mimetype=row["mimetype"],
        mxc=row["mxc"],
        uploaded=bool(row["uploaded"]),
    )
