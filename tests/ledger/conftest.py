"""A ledger of its own for each test, with a clock that stands still until it is told otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from config.state import FieldCipher
from ledger.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = bytes(range(32))


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cipher() -> FieldCipher:
    return FieldCipher(KEY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def db(path: Path, cipher: FieldCipher, clock: Clock) -> AsyncIterator[Database]:
    database = await Database.open(path, cipher, clock=clock)
    yield database
    await database.close()
