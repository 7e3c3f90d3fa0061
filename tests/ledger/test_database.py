from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger import migration
from ledger.database import Database
from ledger.errors import LedgerAway, LedgerBug, LedgerDamaged

if TYPE_CHECKING:
    from config.state import FieldCipher
    from tests.ledger.conftest import Clock

WRITE = "INSERT OR REPLACE INTO sync VALUES (1, ?)"


async def token(db: Database) -> str | None:
    row = await db.row("SELECT token FROM sync")
    return row["token"] if row else None


def test_schema_sql_equals_the_migrations() -> None:
    kept = Path(migration.__file__).parent / "schema.sql"
    assert kept.read_text("utf-8") == migration.schema(), "run: python -m ledger.migration > ledger/schema.sql"


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [number for number, _ in migration.migrations()] == list(range(1, len(migration.migrations()) + 1))


async def test_an_empty_file_is_brought_to_the_newest_schema_once(path: Path, cipher: FieldCipher) -> None:
    for _ in range(2):
        database = await Database.open(path, cipher)
        [(version,)] = await database.rows("PRAGMA user_version")
        await database.close()
        assert version == migration.migrations()[-1][0]


async def test_a_ledger_of_a_newer_program_is_refused(path: Path, cipher: FieldCipher) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9999")
    with pytest.raises(LedgerDamaged, match="newer carrierbag"):
        await Database.open(path, cipher)


@pytest.fixture
def picture(path: Path) -> Path:
    path.write_bytes(b"\xff\xd8\xff\xe0" * 4096)
    return path


async def test_a_file_that_is_no_database_is_refused(picture: Path, cipher: FieldCipher) -> None:
    with pytest.raises(LedgerDamaged, match="damaged"):
        await Database.open(picture, cipher)


async def test_a_directory_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path, cipher: FieldCipher) -> None:
    with pytest.raises(LedgerAway, match="cannot be opened"):
        await Database.open(tmp_path / "nowhere" / "ledger.db", cipher)


async def test_only_the_bots_user_can_read_the_files(db: Database, path: Path) -> None:
    async with db.transaction() as tx:
        await tx.rows(WRITE, "a")
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}


async def test_every_commit_is_on_disk_before_it_returns(db: Database) -> None:
    async with db.transaction() as tx:
        assert [tuple(row) for row in await tx.rows("PRAGMA synchronous")] == [(2,)]
        assert [tuple(row) for row in await tx.rows("PRAGMA foreign_keys")] == [(1,)]
        assert [tuple(row) for row in await tx.rows("PRAGMA journal_mode")] == [("wal",)]


async def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    async def fail() -> None:
        async with db.transaction() as tx:
            await tx.rows(WRITE, "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await token(db) is None


async def test_readers_see_only_what_is_committed(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.rows(WRITE, "a")
        assert await token(db) is None
    assert await token(db) == "a"


async def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises(LedgerAway):
        await db.rows(WRITE, "a")


async def test_a_transaction_happens_at_one_moment(db: Database, clock: Clock) -> None:
    async with db.transaction() as tx:
        clock.now += 5
        assert tx.now == clock.now - 5


async def test_writers_take_turns(db: Database) -> None:
    async def append(letter: str) -> None:
        async with db.transaction() as tx:
            row = await tx.row("SELECT token FROM sync")
            await asyncio.sleep(0)
            await tx.rows(WRITE, (row["token"] if row else "") + letter)

    await asyncio.gather(*(append("x") for _ in range(20)))
    assert await token(db) == "x" * 20


@pytest.mark.parametrize("turns", range(12))
async def test_a_cancelled_transaction_is_all_or_nothing_and_blocks_nobody(db: Database, turns: int) -> None:
    async def write() -> None:
        async with db.transaction() as tx:
            await tx.rows("INSERT INTO sync VALUES (1, 'half')")
            await tx.rows("UPDATE sync SET token = 'whole'")

    task = asyncio.create_task(write())
    for _ in range(turns):
        await asyncio.sleep(0.0002)
    task.cancel()
    await asyncio.wait([task])
    assert await token(db) in {None, "whole"}
    async with db.transaction() as tx:
        await tx.rows(WRITE, "next")
    assert await token(db) == "next"


async def test_a_full_disk_is_try_later_and_changes_nothing(db: Database) -> None:
    async with db.transaction() as tx:
        [(pages,)] = await tx.rows("PRAGMA page_count")
    await db._writer.execute_fetchall(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerAway, match="disk may be full"):
        async with db.transaction() as tx:
            await tx.rows(WRITE, "x" * 100_000)
    assert await token(db) is None
    await db._writer.execute_fetchall("PRAGMA max_page_count = 1000000")
    async with db.transaction() as tx:
        await tx.rows(WRITE, "x" * 100_000)


async def test_a_broken_rule_of_the_schema_is_our_bug(db: Database) -> None:
    with pytest.raises(LedgerBug):
        async with db.transaction() as tx:
            await tx.rows("INSERT INTO attachments (txn_id, slot) VALUES ('none', 'file')")


async def test_insert_says_when_a_unique_value_stands_there_already(db: Database) -> None:
    async with db.transaction() as tx:
        row = {"user_id": "@a:x", "sealed_master_key": b"k", "pinned_at": 0.0}
        assert await tx.insert("pins", dict(row)) == 1
        assert await tx.insert("pins", dict(row)) is None


async def test_close_waits_for_the_writer(path: Path, cipher: FieldCipher) -> None:
    database = await Database.open(path, cipher)
    begun = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as tx:
            begun.set()
            await asyncio.sleep(0.01)
            await tx.rows(WRITE, "last words")

    task = asyncio.create_task(write())
    await begun.wait()
    await database.close()
    await task
    again = await Database.open(path, cipher)
    assert await token(again) == "last words"
    await again.close()
