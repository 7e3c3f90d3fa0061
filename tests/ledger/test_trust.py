from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from config.errors import Bug
from ledger.trust import Pins

if TYPE_CHECKING:
    from ledger.database import Database


async def test_the_first_key_of_a_person_stays(db: Database) -> None:
    """Threat: the server gives somebody a new identity."""
    pins = Pins(db)
    assert await pins.pinned("@anna:x") is None
    assert await pins.pin("@anna:x", "first")
    assert not await pins.pin("@anna:x", "second")
    assert await pins.pin("@anna:x", "first")
    assert await pins.pinned("@anna:x") == "first"


async def test_of_two_who_pin_at_once_one_wins(db: Database) -> None:
    pins = Pins(db)
    won = await asyncio.gather(*(pins.pin("@anna:x", f"key {n}") for n in range(10)))
    assert won.count(True) == 1


async def test_a_pin_copied_to_another_person_is_refused(db: Database) -> None:
    pins = Pins(db)
    await pins.pin("@anna:x", "a")
    await pins.pin("@eve:x", "e")
    async with db.transaction() as tx:
        await tx.rows(
            "UPDATE pins SET sealed_master_key = (SELECT sealed_master_key FROM pins WHERE user_id = '@eve:x')"
        )
    with pytest.raises(Bug, match="does not belong"):
        await pins.pinned("@anna:x")
