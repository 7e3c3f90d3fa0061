"""What people wrote to us, kept before the sync token moves on, handed out once and in order per room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger import audit, invitations
from ledger.database import bound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from ledger.database import Columns, Database, Reading, Transaction
    from ledger.invitations import Invitation


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """One decrypted message, and what we know about who really wrote it."""

    event_id: str
    room_id: str
    sender: str
    device_id: str
    display_name: str
    body: str
    msgtype: str
    #: origin_server_ts: milliseconds since 1970, as the sender's server claims.
    server_ts: int
    #: Megolm session and ratchet index; "" and -1 when the event was not encrypted.
    session_id: str = ""
    message_index: int = -1
    #: The sender is bound to a cross-signed device.
    authenticated: bool = False
    #: Why not, in a few words; "" when authenticated.
    why_not: str = ""
    #: False for what lay in the room before the bot first came.
    live: bool = True
    #: The thread's root or the event replied to: a pointer, never an authority.
    relates_to_event: str = ""


_BOUND = (
    "event_id",
    "room_id",
    "sender",
    "device_id",
    "display_name",
    "msgtype",
    "server_ts",
    "session_id",
    "message_index",
    "authenticated",
    "why_not",
    "live",
    "relates_to_event",
)


async def receive(
    db: Database, messages: Sequence[InboxMessage], token: str, invited: Sequence[Invitation] = ()
) -> list[InboxMessage]:
    """Keep all messages, invitations, and then the sync token, in one transaction. Returns the messages that were new.

    An event seen before is ignored. A Megolm index used before under another event id is a replay: it is dropped and
    goes into the audit trail as a security alert.
    """
    async with db.transaction() as tx:
        new = [message for message in messages if await _keep(tx, message)]
        for invitation in invited:
            await invitations.keep(tx, invitation)
        await tx.rows("INSERT OR REPLACE INTO sync (only_row, token) VALUES (1, ?)", token)
    return new


async def keep(tx: Transaction, message: InboxMessage) -> bool:
    """Keep one message that came by another way than sync (backfill, a late key). False when it is not new."""
    return await _keep(tx, message)


async def sync_token(db: Reading) -> str | None:
    """The token of the last sync whose messages are safe here; None before the first."""
    row = await db.row("SELECT token FROM sync")
    return row["token"] if row else None


async def next_unhandled(db: Reading, busy_rooms: Collection[str] = ()) -> InboxMessage | None:
    """The oldest message that waits, skipping rooms whose message is being worked on."""
    marks = ", ".join("?" * len(busy_rooms))
    row = await db.row(
        f"SELECT * FROM inbox WHERE handled_at IS NULL AND room_id NOT IN ({marks}) ORDER BY seq LIMIT 1",  # noqa: S608 - only marks
        *busy_rooms,
    )
    return _message(db, row) if row else None


async def unhandled(db: Reading) -> list[InboxMessage]:
    """All messages that wait, the oldest first."""
    return [_message(db, row) for row in await db.rows("SELECT * FROM inbox WHERE handled_at IS NULL ORDER BY seq")]


async def handled(tx: Transaction, event_id: str) -> bool:
    """It was answered: never hand it out again, and forget what it said. False when that was so already."""
    return bool(
        await tx.rows(
            "UPDATE inbox SET handled_at = ?, sealed_body = NULL WHERE event_id = ? AND handled_at IS NULL RETURNING 1",
            tx.now,
            event_id,
        )
    )


async def _keep(tx: Transaction, message: InboxMessage) -> bool:
    if await tx.row("SELECT 1 FROM inbox WHERE event_id = ?", message.event_id):
        return False
    if await _replayed(tx, message):
        await audit.record(tx, _alert(message))
        return False
    await _insert(tx, message)
    return True


async def _replayed(tx: Transaction, message: InboxMessage) -> bool:
    return bool(
        message.session_id
        and await tx.row(
            "SELECT 1 FROM inbox WHERE session_id = ? AND message_index = ? AND session_id <> ''",
            message.session_id,
            message.message_index,
        )
    )


async def _insert(tx: Transaction, message: InboxMessage) -> None:
    row: Columns = {
        "event_id": message.event_id,
        "room_id": message.room_id,
        "sender": message.sender,
        "device_id": message.device_id,
        "display_name": message.display_name,
        "msgtype": message.msgtype,
        "server_ts": message.server_ts,
        "session_id": message.session_id,
        "message_index": message.message_index,
        "authenticated": int(message.authenticated),
        "why_not": message.why_not,
        "live": int(message.live),
        "relates_to_event": message.relates_to_event,
    }
    sealed = tx.seal(message.body, bound("inbox", row, _BOUND, "body"))
    await tx.insert("inbox", row | {"sealed_body": sealed, "received_at": tx.now})


def _message(db: Reading, row: sqlite3.Row) -> InboxMessage:
    return InboxMessage(
        event_id=row["event_id"],
        room_id=row["room_id"],
        sender=row["sender"],
        device_id=row["device_id"],
        display_name=row["display_name"],
        body=db.unseal(row["sealed_body"], bound("inbox", row, _BOUND, "body")),
        msgtype=row["msgtype"],
        server_ts=row["server_ts"],
        session_id=row["session_id"],
        message_index=row["message_index"],
        authenticated=bool(row["authenticated"]),
        why_not=row["why_not"],
        live=bool(row["live"]),
        relates_to_event=row["relates_to_event"],
    )


def _alert(message: InboxMessage) -> audit.AuditEvent:
    return audit.AuditEvent(
        audit.AuditKind.SECURITY_ALERT,
        outcome=audit.Outcome.SERIOUS_FAILURE,
        who=message.sender,
        device_id=message.device_id,
        room_id=message.room_id,
        detail=f"replayed ciphertext: session {message.session_id}, index {message.message_index}, "
        f"event {message.event_id}",
    )
