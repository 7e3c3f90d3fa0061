"""One SQLite file, one writer at a time, and nothing about a patient readable in it.

Readers have a connection of their own and see only what is committed. Sensitive columns go through `seal` and `unseal`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import aiosqlite

from ledger.errors import LedgerAway, LedgerDamaged, in_our_words
from ledger.migration import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from config.state import FieldCipher

Value = str | float | bytes | None
Columns = dict[str, Value]

#: Milliseconds that a statement waits for another process (a backup, `carrierbag audit`) to let go of the file.
BUSY_MS = 5000


def bound(table: str, row: Mapping[str, Value] | sqlite3.Row, names: tuple[str, ...], column: str) -> str:
    """The place of a sealed column that opens only beside these other values of its row.

    So nobody without the key can send a sealed text to another room, or let another person have written it.
    """
    values = [row[name] for name in names]
    plain = [value.hex() if isinstance(value, bytes) else value for value in values]
    return f"{table}/{json.dumps(plain, separators=(',', ':'))}/{column}"


class Reading:
    """A connection that can be asked, and the cipher for its sealed columns."""

    def __init__(self, connection: aiosqlite.Connection, cipher: FieldCipher) -> None:
        self._connection = connection
        self.cipher = cipher

    async def rows(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        """All rows of one statement. Raises the errors of `ledger.errors`."""
        with in_our_words():
            return list(await self._connection.execute_fetchall(sql, values))

    async def row(self, sql: str, *values: Value) -> sqlite3.Row | None:
        """The first row, or None."""
        return next(iter(await self.rows(sql, *values)), None)

    def seal(self, value: str, place: str) -> bytes:
        """Encrypt one field; `place` is "table/row/column"."""
        return self.cipher.seal(value.encode(), place)

    def unseal(self, sealed: bytes, place: str) -> str:
        """Decrypt one field. Raises `Bug` (B01) when it was not sealed for this place."""
        return self.cipher.open(sealed, place).decode()

    def seal_json(self, value: object, place: str) -> bytes:
        """Encrypt a JSON value."""
        return self.seal(json.dumps(value, separators=(",", ":"), ensure_ascii=False), place)

    def unseal_json(self, sealed: bytes, place: str) -> Any:
        """Decrypt a JSON value. Raises `Bug` (B01) when it was not sealed for this place."""
        return json.loads(self.unseal(sealed, place))


class Transaction(Reading):
    """The one writer's work: all of it is kept, or none. It happens at one moment, `now` (Unix seconds)."""

    def __init__(self, connection: aiosqlite.Connection, cipher: FieldCipher, now: float, audit_key: bytes) -> None:
        super().__init__(connection, cipher)
        self.now = float(now)
        #: The first key of the audit chain; used only when the chain is empty.
        self.audit_key = audit_key

    async def insert(self, table: str, row: Columns) -> int | None:
        """Add one row and return its rowid; None when a row with the same unique value stands there already."""
        marks = ", ".join("?" * len(row))
        sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING rowid"  # noqa: S608 - our own names
        added = await self.rows(sql, *row.values())
        return added[0][0] if added else None


class Database(Reading):
    """The ledger. Ask it directly for what is committed; write inside `transaction()`."""

    def __init__(
        self,
        reader: aiosqlite.Connection,
        writer: aiosqlite.Connection,
        cipher: FieldCipher,
        clock: Callable[[], float],
        audit_key: bytes,
    ) -> None:
        super().__init__(reader, cipher)
        self._writer = writer
        self._lock = asyncio.Lock()
        self.clock = clock
        self.audit_key = audit_key

    @classmethod
    async def open(
        cls,
        path: Path,
        cipher: FieldCipher,
        *,
        clock: Callable[[], float] = time.time,
        audit_key: bytes | None = None,
    ) -> Database:
        """Make or open the file (0600), check its integrity, bring its schema up to date.

        `audit_key` starts an empty audit chain; kept on another machine it proves that the chain was not rewritten by
        somebody who got hold of this one. Without it a key is derived from the cipher's.

        Raises `LedgerDamaged` when the file is corrupt or newer than this program, `LedgerAway` when out of reach.
        """
        _make_private(path)
        writer = await _connect(path)
        try:
            await _check(writer)
            await migrate(writer)
            reader = await _connect(path, query_only=True)
        except BaseException:
            await writer.close()
            raise
        return cls(reader, writer, cipher, clock, audit_key or cipher.blind("first key", "audit"))

    async def close(self) -> None:
        """Wait for the writer, then close both connections; the WAL is folded into the file."""
        async with self._lock:
            await self._connection.close()
            await self._writer.close()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One writer at a time. Committed and on disk when the block ends well; as if never begun when it does not.

        Cancellation in the very moment of the commit may find it done: callers are idempotent.
        """
        async with self._lock:
            try:
                with in_our_words():
                    await self._writer.execute_fetchall("BEGIN IMMEDIATE")
                yield Transaction(self._writer, self.cipher, self.clock(), self.audit_key)
                with in_our_words():
                    await self._writer.execute_fetchall("COMMIT")
            except BaseException:
                await asyncio.shield(self._roll_back())
                raise

    async def _roll_back(self) -> None:
        """The connection works first in, first out: whatever was cancelled half way has run before this."""
        with contextlib.suppress(
            sqlite3.OperationalError
        ):  # nothing was open: BEGIN failed, or COMMIT had come through
            await self._writer.execute_fetchall("ROLLBACK")


def _make_private(path: Path) -> None:
    """SQLite gives its -wal and -shm files the mode of the database."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise LedgerAway(f"The ledger {path} cannot be opened: {error.strerror}. Check the disk.", "L03") from error


async def _connect(path: Path, *, query_only: bool = False) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    settings = (
        f"busy_timeout = {BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        f"query_only = {'ON' if query_only else 'OFF'}",
    )
    try:
        with in_our_words():
            for setting in settings:
                await connection.execute_fetchall(f"PRAGMA {setting}")
    except BaseException:
        await connection.close()
        raise
    return connection


async def _check(connection: aiosqlite.Connection) -> None:
    with in_our_words():
        findings = [row[0] for row in await connection.execute_fetchall("PRAGMA quick_check(1)")]
    if findings != ["ok"]:
        raise LedgerDamaged("The bot's records are damaged. Restore the ledger from your backup.", "L01")
