"""Rooms that people asked us to make: wanted -> made | failed. Each command makes one room, however often we crash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger import audit, invitations
from ledger.database import bound
from ledger.invitations import Invitation, InvitationState

if TYPE_CHECKING:
    import sqlite3

    from ledger.database import Columns, Reading, Transaction


@dataclass(frozen=True, slots=True)
class WantedRoom:
    """A room that does not stand yet, as far as we know."""

    #: The command that asked for it.
    command_event_id: str
    #: The room in which it was asked for.
    asked_in: str
    requested_by: str
    device_id: str
    name: str
    #: Unix seconds; None as long as the server was not asked: from then on the room may exist.
    begun_at: float | None = None
    #: Set by the ledger: Unix seconds.
    created_at: float = 0.0


_BOUND = ("command_event_id", "asked_in", "requested_by", "device_id")


async def want(tx: Transaction, room: WantedRoom) -> bool:
    """Keep the wish. False when this command has uttered it before."""
    row: Columns = {
        "command_event_id": room.command_event_id,
        "asked_in": room.asked_in,
        "requested_by": room.requested_by,
        "device_id": room.device_id,
    }
    sealed = tx.seal(room.name, bound("new_rooms", row, _BOUND, "name"))
    more: Columns = {"sealed_name": sealed, "state": "wanted", "created_at": tx.now}
    return await tx.insert("new_rooms", row | more) is not None


async def wanted(db: Reading) -> list[WantedRoom]:
    """All that do not stand yet, the oldest wish first."""
    rows = await db.rows("SELECT * FROM new_rooms WHERE state = 'wanted' ORDER BY created_at, rowid")
    return [_wanted(db, row) for row in rows]


async def asked_since(db: Reading, person: str, moment: float) -> int:
    """How many rooms this person has asked for since `moment` (Unix seconds)."""
    row = await db.row("SELECT count(*) FROM new_rooms WHERE requested_by = ? AND created_at >= ?", person, moment)
    return int(row[0]) if row else 0


async def begun(tx: Transaction, room: WantedRoom) -> None:
    """To be committed before the server is asked."""
    await tx.rows("UPDATE new_rooms SET begun_at = ? WHERE command_event_id = ?", tx.now, room.command_event_id)


async def made(tx: Transaction, room: WantedRoom, room_id: str) -> bool:
    """It stands, and waits for its requester. Audited. False when that was known."""
    if not await _finish(tx, room, "made", room_id):
        return False
    await audit.record(
        tx,
        audit.AuditEvent(
            audit.AuditKind.APPLICATION_ACTIVITY,
            audit.Action.CREATE,
            who=room.requested_by,
            device_id=room.device_id,
            room_id=room_id,
            detail="made a room",
        ),
    )
    return await invitations.keep(
        tx, Invitation(room_id, room.requested_by, ours=True, state=InvitationState.EXPECTING)
    )


async def failed(tx: Transaction, room: WantedRoom) -> bool:
    """It is given up."""
    return await _finish(tx, room, "failed", "")


async def _finish(tx: Transaction, room: WantedRoom, state: str, room_id: str) -> bool:
    return bool(
        await tx.rows(
            "UPDATE new_rooms SET state = ?, room_id = ?, sealed_name = NULL "
            "WHERE command_event_id = ? AND state = 'wanted' RETURNING 1",
            state,
            room_id,
            room.command_event_id,
        )
    )


def _wanted(db: Reading, row: sqlite3.Row) -> WantedRoom:
    return WantedRoom(
        command_event_id=row["command_event_id"],
        asked_in=row["asked_in"],
        requested_by=row["requested_by"],
        device_id=row["device_id"],
        name=db.unseal(row["sealed_name"], bound("new_rooms", row, _BOUND, "name")),
        begun_at=row["begun_at"],
        created_at=row["created_at"],
    )
