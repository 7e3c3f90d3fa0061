"""Shares: who asked for which study in which room, and how far it has come.

A move is one compare-and-set and its audit record in the same transaction: of two who move a share, one wins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ledger import audit
from ledger.database import bound
from ledger.errors import LedgerBug, ShareMoved
from ledger.states import UNFINISHED, ShareState, allowed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from ledger.database import Columns, Reading, Transaction


@dataclass(frozen=True, slots=True)
class Share:
    """One study on its way into one room, as it was when it was read."""

    #: Small and shown to users: "share 12".
    id: int
    room_id: str
    requested_by: str
    command_event_id: str
    study_instance_uid: str
    #: The operator's word for where the study comes from.
    source: str
    state: ShareState
    #: What the corridor must know to go on after a restart (parts, file names, settings); sealed.
    plan: Mapping[str, Any]
    #: Who was in the room, joined or invited, when it was permitted; sealed.
    audience: frozenset[str]
    #: Unix seconds.
    created_at: float
    updated_at: float

    @property
    def origin(self) -> str:
        """What its transaction ids are made from."""
        return f"share {self.id} {self.command_event_id}"


_BOUND = ("room_id", "requested_by", "command_event_id", "study_instance_uid", "source", "created_at")


async def open_share(
    tx: Transaction,
    *,
    room_id: str,
    requested_by: str,
    command_event_id: str,
    study_instance_uid: str,
    source: str,
    audience: frozenset[str] = frozenset(),
    plan: Mapping[str, Any] | None = None,
    device_id: str = "",
    patient: str = "",
) -> Share:
    """Open a share, or return the one that this command opened for this study before.

    `patient` ("issuer|patient id") and `device_id` go only into the audit record.
    """
    known = await _by_command(tx, command_event_id, study_instance_uid)
    if known:
        return known
    row: Columns = {
        "room_id": room_id,
        "requested_by": requested_by,
        "command_event_id": command_event_id,
        "study_instance_uid": study_instance_uid,
        "source": source,
        "state": ShareState.OPENED.value,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    sealed: Columns = {
        "sealed_plan": tx.seal_json(plan or {}, _place(row, "plan")),
        "sealed_audience": tx.seal_json(sorted(audience), _place(row, "audience")),
    }
    await tx.insert("shares", row | sealed)
    share = await _by_command(tx, command_event_id, study_instance_uid)
    if share is None:
        raise LedgerBug("The bot made a mistake in its own records. Nothing was changed.", "B12")
    event = event_about(share, audit.AuditKind.APPLICATION_ACTIVITY, "opened")
    await audit.record(tx, replace(event, action=audit.Action.CREATE, device_id=device_id, patient=patient))
    return share


async def move(tx: Transaction, share: Share, to: ShareState, detail: str = "", *, by: str = "") -> Share:
    """Move a share from the state that the caller saw. `by` is who did it when not the requester.

    Raises `ShareMoved` when it is no longer in that state, `LedgerBug` when the move is not in the table of moves.
    """
    if not allowed(share.state, to):
        raise LedgerBug(f"A share cannot go from {share.state} to {to}.", "B13")
    won = await tx.rows(
        "UPDATE shares SET state = ?, updated_at = ? WHERE id = ? AND state = ? RETURNING 1",
        to.value,
        tx.now,
        share.id,
        share.state.value,
    )
    if not won:
        raise await _moved(tx, share)
    event = event_about(
        share, _KINDS.get(to, audit.AuditKind.APPLICATION_ACTIVITY), f"{share.state} -> {to} {detail}".strip()
    )
    await audit.record(
        tx, replace(event, who=by or share.requested_by, outcome=_OUTCOMES.get(to, audit.Outcome.SUCCESS))
    )
    return replace(share, state=to, updated_at=tx.now)


async def replan(tx: Transaction, share: Share, plan: Mapping[str, Any]) -> Share:
    """Keep a new plan. Raises `ShareMoved` when the share is no longer in the state that the caller saw."""
    place = _place({name: getattr(share, name) for name in _BOUND}, "plan")
    won = await tx.rows(
        "UPDATE shares SET sealed_plan = ?, updated_at = ? WHERE id = ? AND state = ? RETURNING 1",
        tx.seal_json(plan, place),
        tx.now,
        share.id,
        share.state.value,
    )
    if not won:
        raise await _moved(tx, share)
    return replace(share, plan=plan, updated_at=tx.now)


async def get(db: Reading, share_id: int) -> Share | None:
    """One share by its number."""
    row = await db.row("SELECT * FROM shares WHERE id = ?", share_id)
    return _share(db, row) if row else None


async def unfinished(db: Reading) -> list[Share]:
    """What a restart must go on with, oldest first."""
    states = ", ".join(f"'{state.value}'" for state in UNFINISHED)
    rows = await db.rows(f"SELECT * FROM shares WHERE state IN ({states}) ORDER BY id")  # noqa: S608 - our own words
    return [_share(db, row) for row in rows]


async def every(db: Reading) -> list[Share]:
    """All shares there ever were, oldest first."""
    return [_share(db, row) for row in await db.rows("SELECT * FROM shares ORDER BY id")]


async def in_room(db: Reading, room_id: str, person: str | None = None, *, limit: int = 10) -> list[Share]:
    """The newest shares of a room, of one person or of all, newest first."""
    rows = await db.rows(
        "SELECT * FROM shares WHERE room_id = ?1 AND (?2 IS NULL OR requested_by = ?2) ORDER BY id DESC LIMIT ?3",
        room_id,
        person,
        limit,
    )
    return [_share(db, row) for row in rows]


async def steps_kept(db: Reading, share_id: int) -> frozenset[str]:
    """Steps whose message was enqueued, sent or not: they need not be made again."""
    rows = await db.rows("SELECT step FROM outbox WHERE share_id = ? AND state <> 'failed'", share_id)
    return frozenset(row["step"] for row in rows)


_KINDS = {
    ShareState.DELIVERING: audit.AuditKind.EXPORT,
    ShareState.DELIVERED: audit.AuditKind.INSTANCES_TRANSFERRED,
}
_OUTCOMES = {
    ShareState.WAITING: audit.Outcome.MINOR_FAILURE,
    ShareState.FAILED: audit.Outcome.SERIOUS_FAILURE,
}


def event_about(
    share: Share, kind: audit.AuditKind, detail: str, outcome: audit.Outcome = audit.Outcome.SUCCESS
) -> audit.AuditEvent:
    """The audit event for something that happened to a share, in its requester's name."""
    return audit.AuditEvent(
        kind,
        outcome=outcome,
        who=share.requested_by,
        room_id=share.room_id,
        share_id=share.id,
        study_instance_uid=share.study_instance_uid,
        detail=detail,
    )


async def _moved(db: Reading, share: Share) -> ShareMoved:
    now = await get(db, share.id)
    sentence = now.state.sentence if now else "It is not known."
    return ShareMoved(f"Share {share.id} has moved on meanwhile. {sentence}", "L10")


async def _by_command(db: Reading, command_event_id: str, study_instance_uid: str) -> Share | None:
    row = await db.row(
        "SELECT * FROM shares WHERE command_event_id = ? AND study_instance_uid = ?",
        command_event_id,
        study_instance_uid,
    )
    return _share(db, row) if row else None


def _share(db: Reading, row: sqlite3.Row) -> Share:
    return Share(
        id=row["id"],
        room_id=row["room_id"],
        requested_by=row["requested_by"],
        command_event_id=row["command_event_id"],
        study_instance_uid=row["study_instance_uid"],
        source=row["source"],
        state=ShareState(row["state"]),
        plan=db.unseal_json(row["sealed_plan"], _place(row, "plan")),
        audience=_audience(db, row),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _audience(db: Reading, row: sqlite3.Row) -> frozenset[str]:
    """Nobody for a share from before audiences were kept."""
    sealed = row["sealed_audience"]
    return frozenset(db.unseal_json(sealed, _place(row, "audience"))) if sealed else frozenset()


def _place(row: Columns | sqlite3.Row, column: str) -> str:
    return bound("shares", row, _BOUND, column)
