"""Who did what to which study, in the words of DICOM PS3.15 annex A.5, kept so that it cannot be quietly changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from config.errors import Bug
from ledger import chain
from ledger.errors import LedgerBug

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Iterable

    from ledger.database import Columns, Database, Reading, Transaction


class AuditKind(StrEnum):
    """EventID: code value of the DICOM Controlled Terminology (PS3.16 CID 400)."""

    APPLICATION_ACTIVITY = "110100"
    INSTANCES_ACCESSED = "110103"
    INSTANCES_TRANSFERRED = "110104"
    EXPORT = "110106"
    QUERY = "110112"
    SECURITY_ALERT = "110113"


class Action(StrEnum):
    """EventActionCode (PS3.15 A.5.1): create, read, update, delete, execute."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    DELETE = "D"
    EXECUTE = "E"


class Outcome(IntEnum):
    """EventOutcomeIndicator (PS3.15 A.5.1)."""

    SUCCESS = 0
    MINOR_FAILURE = 4
    SERIOUS_FAILURE = 8
    MAJOR_FAILURE = 12


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened. `patient` and `detail` are sealed; all other fields are readable in the file."""

    kind: AuditKind
    action: Action = Action.EXECUTE
    outcome: Outcome = Outcome.SUCCESS
    #: Matrix ID of the person, or of the bot itself.
    who: str = ""
    device_id: str = ""
    room_id: str = ""
    share_id: int | None = None
    study_instance_uid: str = ""
    #: "issuer|patient id"; sealed.
    patient: str = ""
    #: What exactly, in a few words; sealed.
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An event as it was kept: its number and its time (Unix seconds)."""

    seq: int
    at: float
    event: AuditEvent


async def record(tx: Transaction, event: AuditEvent) -> chain.Anchor:
    """Append one event to the chain, in the caller's transaction. Returns what to note elsewhere."""
    head = await _head(tx) or chain.start(tx.audit_key)
    seq = head.seq + 1
    columns = _columns(event) | {
        "at": tx.now,
        "sealed_patient": tx.seal(event.patient, f"audit/{seq}/patient") if event.patient else None,
        "sealed_detail": tx.seal(event.detail, f"audit/{seq}/detail") if event.detail else None,
    }
    link, following = chain.append(head, _payload(columns))
    if await tx.insert("audit", columns | {"seq": seq, "digest": link.digest, "mac": link.mac}) is None:
        raise LedgerBug("The audit trail has an entry too many; nothing was recorded.", "B11")
    await _keep_head(tx, following)
    return chain.Anchor(seq, link.digest)


async def verify(db: Database, *, first_key: bytes | None = None, anchors: Iterable[chain.Anchor] = ()) -> list[str]:
    """Every sign of tampering, as sentences; empty when there is none. `anchors` were noted elsewhere earlier."""
    # One statement sees one snapshot: between two of them a record could be added.
    rows = await db.rows("SELECT audit.*, (SELECT sealed_head FROM audit_head) AS sealed_head FROM audit ORDER BY seq")
    key = first_key or db.audit_key
    try:
        head = _open_head(db, rows[0]["sealed_head"]) if rows else await _head(db)
    except Bug:
        return ["the head of the chain was changed"]
    if rows and head is None:
        return ["the head of the chain is missing"]
    links = [chain.Link(row["seq"], _payload(_stored(row)), row["digest"], row["mac"]) for row in rows]
    return list(chain.problems(links, key, head or chain.start(key), anchors))


async def anchor(db: Reading) -> chain.Anchor:
    """The end of the chain as it is now: to be noted elsewhere (an admin room, paper)."""
    head = await _head(db)
    return chain.Anchor(head.seq, head.digest) if head else chain.Anchor(0, chain.BEGINNING)


async def records(db: Reading, *, since: int = 0, limit: int = 1000) -> list[AuditRecord]:
    """At most `limit` records after number `since`, in order, opened."""
    found = await db.rows("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", since, limit)
    return [_opened(db, row) for row in found]


async def export(db: Reading) -> AsyncIterator[str]:
    """Each record as one line of JSON, for whoever answers for it."""
    since = 0
    while page := await records(db, since=since):
        for one in page:
            yield json.dumps({"seq": one.seq, "at": one.at, **_columns(one.event), **_secrets(one.event)})
        since = page[-1].seq


def _columns(event: AuditEvent) -> Columns:
    return {
        "kind": event.kind.value,
        "action": event.action.value,
        "outcome": event.outcome.value,
        "who": event.who,
        "device_id": event.device_id,
        "room_id": event.room_id,
        "share_id": event.share_id,
        "study_instance_uid": event.study_instance_uid,
    }


def _secrets(event: AuditEvent) -> dict[str, str]:
    return {"patient": event.patient, "detail": event.detail}


_PAYLOAD = (*_columns(AuditEvent(AuditKind.QUERY)), "at", "sealed_patient", "sealed_detail")


def _stored(row: sqlite3.Row) -> Columns:
    return {name: row[name] for name in _PAYLOAD}


def _payload(columns: Columns) -> bytes:
    """Canonical bytes: sorted JSON, floats as Python writes them (shortest form that reads back), bytes as hex."""
    plain = {name: value.hex() if isinstance(value, bytes) else value for name, value in columns.items()}
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def _opened(db: Reading, row: sqlite3.Row) -> AuditRecord:
    seq = row["seq"]
    patient, detail = row["sealed_patient"], row["sealed_detail"]
    event = AuditEvent(
        kind=AuditKind(row["kind"]),
        action=Action(row["action"]),
        outcome=Outcome(row["outcome"]),
        who=row["who"],
        device_id=row["device_id"],
        room_id=row["room_id"],
        share_id=row["share_id"],
        study_instance_uid=row["study_instance_uid"],
        patient=db.unseal(patient, f"audit/{seq}/patient") if patient else "",
        detail=db.unseal(detail, f"audit/{seq}/detail") if detail else "",
    )
    return AuditRecord(seq, row["at"], event)


async def _head(db: Reading) -> chain.Head | None:
    row = await db.row("SELECT sealed_head FROM audit_head")
    return _open_head(db, row["sealed_head"]) if row else None


def _open_head(db: Reading, sealed: bytes | None) -> chain.Head | None:
    if sealed is None:
        return None
    seq, digest, key = db.unseal_json(sealed, "audit_head/1/head")
    return chain.Head(seq, bytes.fromhex(digest), bytes.fromhex(key))


async def _keep_head(tx: Transaction, head: chain.Head) -> None:
    sealed = tx.seal_json([head.seq, head.digest.hex(), head.key.hex()], "audit_head/1/head")
    await tx.rows("INSERT OR REPLACE INTO audit_head (only_row, seq, sealed_head) VALUES (1, ?, ?)", head.seq, sealed)
