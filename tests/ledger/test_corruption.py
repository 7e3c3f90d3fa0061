"""A disk that lies: what changes anything that we read is noticed, at the start or by the doctor, never used."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from config.errors import CarrierbagError
from ledger import health
from ledger.database import Database
from tests.ledger.test_secrecy import live_through_a_day

if TYPE_CHECKING:
    from pathlib import Path

    from config.state import FieldCipher

PAGE = 4096


def _damage(data: bytes, kind: str, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    if kind == "a page of zeros":
        start = place // PAGE * PAGE
        return data[:start] + bytes(PAGE) + data[start + PAGE :]
    if kind == "cut short":
        return data[: max(100, place)]
    if kind == "a sector of noise":
        start = place // 512 * 512
        return data[:start] + chance.randbytes(512) + data[start + 512 :]
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _rows(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names]  # noqa: S608


async def _noticed(path: Path, cipher: FieldCipher) -> bool:
    try:
        database = await Database.open(path, cipher)
    except CarrierbagError:
        return True
    try:
        return bool([problem async for problem in health.problems(database)])
    finally:
        await database.close()


@pytest.mark.parametrize("kind", ["a page of zeros", "cut short", "a sector of noise", "a bit turned"])
async def test_damage_is_noticed(db: Database, path: Path, cipher: FieldCipher, tmp_path: Path, kind: str) -> None:
    await live_through_a_day(db)
    await db.close()
    whole, rows = path.read_bytes(), _rows(path)
    chance = random.Random(kind)  # noqa: S311 - places, not secrets
    for number in range(15):
        damaged = tmp_path / f"damaged-{number}.db"
        damaged.write_bytes(_damage(whole, kind, chance))
        assert await _noticed(damaged, cipher) or _rows(damaged) == rows
