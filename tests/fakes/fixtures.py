"""What the tests of commands and of the bot share: a house with nobody in it, and warm workers for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.workers import Workers
from tests.fakes.house import House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(1)
    await pool.warm_up()
    yield pool
    pool.close()


@pytest.fixture
async def house(tmp_path: Path, workers: Workers) -> AsyncIterator[House]:
    """Open and not running: `async with house.running(): ...`."""
    async with House(tmp_path, workers).open() as built:
        yield built
