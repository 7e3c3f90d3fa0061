from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ledger import audit
from ledger.audit import AuditEvent, AuditKind, Outcome
from ledger.database import Database
from ledger.errors import LedgerBug

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from config.state import FieldCipher
    from ledger.chain import Anchor
    from tests.ledger.conftest import Clock

QUERY = AuditEvent(AuditKind.QUERY, who="@anna:x", room_id="!a:x", patient="MIU|9990000018", detail="by accession")
EXPORT = AuditEvent(AuditKind.EXPORT, who="@ben:x", share_id=7, study_instance_uid="1.2.3", outcome=Outcome.SUCCESS)


async def fill(db: Database, count: int = 6) -> Anchor:
    async with db.transaction() as tx:
        for number in range(count):
            anchor = await audit.record(tx, EXPORT if number % 2 else QUERY)
    return anchor


async def test_records_come_out_as_they_went_in(db: Database, clock: Clock) -> None:
    await fill(db, 2)
    assert await audit.records(db) == [
        audit.AuditRecord(1, clock.now, QUERY),
        audit.AuditRecord(2, clock.now, EXPORT),
    ]
    assert await audit.records(db, since=1, limit=1) == [audit.AuditRecord(2, clock.now, EXPORT)]


async def test_an_empty_and_a_growing_trail_verify(db: Database) -> None:
    assert await audit.verify(db) == []
    for _ in range(3):
        anchor = await fill(db)
        assert await audit.verify(db, anchors=[anchor]) == []
        assert anchor == await audit.anchor(db)


async def test_the_trail_goes_on_after_a_restart(db: Database, path: Path, cipher: FieldCipher, clock: Clock) -> None:
    await fill(db)
    again = await Database.open(path, cipher, clock=clock)
    await fill(again)
    assert await audit.verify(again) == []
    await again.close()


async def test_a_first_key_kept_elsewhere_is_needed_only_to_begin_and_to_verify(
    path: Path, cipher: FieldCipher
) -> None:
    for audit_key in (b"z" * 32, None):
        database = await Database.open(path, cipher, audit_key=audit_key)
        await fill(database)
        problems = await audit.verify(database, first_key=b"z" * 32)
        assert problems == []
        await database.close()
    database = await Database.open(path, cipher)
    assert await audit.verify(database)
    await database.close()


async def test_the_export_is_one_json_line_per_record(db: Database) -> None:
    await fill(db, 3)
    lines = [json.loads(line) async for line in audit.export(db)]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert (lines[0]["kind"], lines[0]["who"], lines[0]["patient"]) == ("110112", "@anna:x", "MIU|9990000018")


async def test_a_record_is_never_changed_or_deleted_by_our_own_code(db: Database) -> None:
    await fill(db)
    for sql in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(LedgerBug):
            async with db.transaction() as tx:
                await tx.rows(sql)
    assert await audit.verify(db) == []


def _change(sql: str) -> Callable[[sqlite3.Connection], None]:
    return lambda connection: connection.execute(sql) and None


def _swap(connection: sqlite3.Connection) -> None:
    connection.executescript("""
        UPDATE audit SET seq = -1 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;
        UPDATE audit SET seq = 3 WHERE seq = -1;
    """)


def _insert(connection: sqlite3.Connection) -> None:
    connection.executescript("""
        UPDATE audit SET seq = -seq - 1 WHERE seq > 3; UPDATE audit SET seq = -seq WHERE seq < 0;
        INSERT INTO audit SELECT 4, at, kind, action, outcome, who, device_id, room_id, share_id, study_instance_uid,
            sealed_patient, sealed_detail, digest, mac FROM audit WHERE seq = 2;
    """)


def _renumber_over_a_gap(connection: sqlite3.Connection) -> None:
    connection.executescript("""
        DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = -seq + 1 WHERE seq > 3;
        UPDATE audit SET seq = -seq WHERE seq < 0;
    """)


def _rehash(connection: sqlite3.Connection) -> None:
    """Change a record and compute every later digest anew, as somebody would who read this source code."""
    from ledger import chain  # noqa: PLC0415 - belongs to the attacker

    connection.row_factory = sqlite3.Row
    connection.execute("UPDATE audit SET who = '@harmless:x' WHERE seq = 2")
    head = chain.start(b"not the key")
    for row in connection.execute("SELECT * FROM audit ORDER BY seq").fetchall():
        link, head = chain.append(head, audit._payload(audit._stored(row)))
        connection.execute("UPDATE audit SET digest = ?, mac = ? WHERE seq = ?", (link.digest, link.mac, row["seq"]))


TAMPERING = {
    "a field changed": _change("UPDATE audit SET who = '@harmless:x' WHERE seq = 3"),
    "the time changed": _change("UPDATE audit SET at = at + 0.001 WHERE seq = 3"),
    "the patient removed": _change("UPDATE audit SET sealed_patient = NULL WHERE seq = 1"),
    "the patient of another record": _change(
        "UPDATE audit SET sealed_patient = (SELECT sealed_patient FROM audit WHERE seq = 1) WHERE seq = 3"
    ),
    "an outcome changed": _change("UPDATE audit SET outcome = 12 WHERE seq = 4"),
    "a record deleted": _change("DELETE FROM audit WHERE seq = 3"),
    "a record deleted and the gap closed": _renumber_over_a_gap,
    "the first records deleted": _change("DELETE FROM audit WHERE seq < 3"),
    "the last records deleted": _change("DELETE FROM audit WHERE seq > 4"),
    "all records deleted": _change("DELETE FROM audit"),
    "two records swapped": _swap,
    "a record inserted": _insert,
    "a record appended": _change(
        "INSERT INTO audit SELECT 7, at, kind, action, outcome, who, device_id, room_id, share_id, study_instance_uid, "
        "sealed_patient, sealed_detail, digest, mac FROM audit WHERE seq = 6"
    ),
    "everything hashed anew": _rehash,
    "a MAC changed": _change("UPDATE audit SET mac = zeroblob(32) WHERE seq = 2"),
    "the head removed": _change("DELETE FROM audit_head"),
    "the head changed": _change("UPDATE audit_head SET sealed_head = zeroblob(90)"),
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_tampering_is_found(db: Database, path: Path, kind: str) -> None:
    await fill(db)
    with closing(sqlite3.connect(path, isolation_level=None)) as attacker:
        attacker.executescript("DROP TRIGGER audit_never_changes; DROP TRIGGER audit_never_goes;")
        TAMPERING[kind](attacker)
    assert await audit.verify(db)


async def test_an_old_copy_put_back_is_found_with_an_anchor(
    path: Path, cipher: FieldCipher, clock: Clock, tmp_path: Path
) -> None:
    for copy in (True, False):
        database = await Database.open(path, cipher, clock=clock)
        anchor = await fill(database)
        await database.close()
        if copy:
            shutil.copy(path, tmp_path / "old")
    shutil.copy(tmp_path / "old", path)
    database = await Database.open(path, cipher, clock=clock)
    assert await audit.verify(database) == []
    assert await audit.verify(database, anchors=[anchor]) == ["entry 12, noted elsewhere, is missing"]
    await database.close()


async def test_the_head_of_an_earlier_time_is_found(db: Database, path: Path) -> None:
    await fill(db, 2)
    with closing(sqlite3.connect(path)) as attacker:
        [(old_head,)] = attacker.execute("SELECT sealed_head FROM audit_head").fetchall()
    await fill(db, 2)
    with closing(sqlite3.connect(path, isolation_level=None)) as attacker:
        attacker.execute("UPDATE audit_head SET sealed_head = ?", (old_head,))
    assert await audit.verify(db)
