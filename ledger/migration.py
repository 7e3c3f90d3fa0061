"""Numbered SQL files, applied once each, in order. `PRAGMA user_version` says how far a file has come."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import LedgerDamaged, in_our_words

if TYPE_CHECKING:
    import aiosqlite

DIRECTORY = Path(__file__).parent / "migrations"


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of each file `NNNN_name.sql`, in order."""
    return [(int(path.name[:4]), path.read_text("utf-8")) for path in sorted(DIRECTORY.glob("[0-9]*_*.sql"))]


async def migrate(connection: aiosqlite.Connection) -> None:
    """Apply what is missing, each file in a transaction of its own. Refuses a database newer than this program."""
    known = migrations()
    with in_our_words():
        [(version,)] = await connection.execute_fetchall("PRAGMA user_version")
        if version > known[-1][0]:
            raise LedgerDamaged("The bot's records were written by a newer carrierbag. Install that version.", "L04")
        for number, sql in known:
            if number > version:
                script = f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;"
                await connection.executescript(script)


def schema() -> str:
    """All tables, indexes and triggers as they are after every migration: the content of `schema.sql`."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for _, sql in migrations():
            connection.executescript(sql)
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
        statements = [row[0] for row in rows]
    head = "-- Made by `python -m ledger.migration > ledger/schema.sql`; a test keeps it equal to the migrations."
    return "\n\n".join([head, *(f"{statement};" for statement in statements)]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
