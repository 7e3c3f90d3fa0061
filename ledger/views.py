"""Pictures of a share that people asked to see: wanted -> answered. Each command is answered once, however we crash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ledger import audit, shares
from ledger.database import bound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from ledger.database import Columns, Reading, Transaction


@dataclass(frozen=True, slots=True)
class WantedView:
    """One that is not answered yet."""

    command_event_id: str
    share_id: int
    room_id: str
    requested_by: str
    device_id: str
    #: Which picture, and how; sealed.
    wish: Mapping[str, Any]
    #: Who was in the room, joined or invited, when it was permitted; sealed.
    audience: frozenset[str]
    #: Set by the ledger: Unix seconds.
    created_at: float = 0.0


_BOUND = ("command_event_id", "share_id", "room_id", "requested_by", "device_id")


async def want(tx: Transaction, view: WantedView) -> bool:
    """Keep the wish. False when this command has uttered it before."""
    row: Columns = {name: getattr(view, name) for name in _BOUND}
    sealed: Columns = {
        "sealed_wish": tx.seal_json(view.wish, bound("views", row, _BOUND, "wish")),
        "sealed_audience": tx.seal_json(sorted(view.audience), bound("views", row, _BOUND, "audience")),
    }
    return await tx.insert("views", row | sealed | {"state": "wanted", "created_at": tx.now}) is not None


async def wanted(db: Reading) -> list[WantedView]:
    """All that are not answered, the oldest wish first."""
    rows = await db.rows("SELECT * FROM views WHERE state = 'wanted' ORDER BY created_at, rowid")
    return [_wanted(db, row) for row in rows]


async def waiting(db: Reading, person: str) -> int:
    """How many wishes of this person are not answered yet, in all rooms."""
    row = await db.row("SELECT count(*) FROM views WHERE state = 'wanted' AND requested_by = ?", person)
    return int(row[0]) if row else 0


async def answered(tx: Transaction, view: WantedView, *, shown: bool) -> bool:
    """The answer lies in the outbox: a picture (`shown`, audited as an access), or words why there is none.

    False when that was known.
    """
    done = await tx.rows(
        "UPDATE views SET state = 'answered', sealed_wish = NULL, sealed_audience = NULL "
        "WHERE command_event_id = ? AND state = 'wanted' RETURNING 1",
        view.command_event_id,
    )
    if done and shown:
        await audit.record(tx, await _access(tx, view))
    return bool(done)


async def _access(tx: Transaction, view: WantedView) -> audit.AuditEvent:
    share = await shares.get(tx, view.share_id)
    return audit.AuditEvent(
        audit.AuditKind.INSTANCES_ACCESSED,
        audit.Action.READ,
        who=view.requested_by,
        device_id=view.device_id,
        room_id=view.room_id,
        share_id=view.share_id,
        study_instance_uid=share.study_instance_uid if share else "",
        detail=f"a picture for {view.command_event_id}",
    )


def _wanted(db: Reading, row: sqlite3.Row) -> WantedView:
    return WantedView(
        command_event_id=row["command_event_id"],
        share_id=row["share_id"],
        room_id=row["room_id"],
        requested_by=row["requested_by"],
        device_id=row["device_id"],
        wish=db.unseal_json(row["sealed_wish"], bound("views", row, _BOUND, "wish")),
        audience=frozenset(db.unseal_json(row["sealed_audience"], bound("views", row, _BOUND, "audience"))),
        created_at=row["created_at"],
    )
