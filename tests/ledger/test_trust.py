"""Pins, in the ledger and in its in-memory twin: the same rules for both."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from config.errors import Bug
from ledger import audit, trust
from ledger.database import Database
from ledger.trust import EMOJI, OPERATOR, Pins
from tests.fakes.matrix import MemoryPins

if TYPE_CHECKING:
    from pathlib import Path

    from config.state import FieldCipher

ANNA, EVE = "@anna:x", "@eve:x"


@pytest.fixture(params=["ledger", "memory"])
def pins(request: pytest.FixtureRequest, db: Database) -> Pins | MemoryPins:
    return Pins(db) if request.param == "ledger" else MemoryPins()


async def pinned(pins: Pins | MemoryPins, user_id: str = ANNA) -> trust.Pin:
    return (await pins.of([user_id]))[user_id]


async def test_somebody_never_met_has_no_pin(pins: Pins | MemoryPins) -> None:
    assert await pins.of([ANNA, EVE]) == {}
    assert await pins.met(ANNA, "") is None
    assert await pins.of([ANNA]) == {}


async def test_the_first_key_of_a_person_stays(pins: Pins | MemoryPins) -> None:
    """Threat: the server gives somebody a new identity."""
    first, second, again = [await pins.met(ANNA, key) for key in ("first", "second", "second")]
    assert first
    assert second
    assert (first.master_key, first.changed_to, first.verified) == ("first", None, False)
    assert (second.master_key, second.changed_to, second.stated) == ("first", "second", "second")
    assert again == second == await pinned(pins)


async def test_an_identity_that_vanishes_is_a_change(pins: Pins | MemoryPins) -> None:
    await pins.met(ANNA, "first")
    await pins.met(ANNA, "")
    assert (await pinned(pins)).changed_to == ""


async def test_the_pinned_key_again_ends_the_change(pins: Pins | MemoryPins) -> None:
    await pins.met(ANNA, "first")
    before = await pinned(pins)
    await pins.met(ANNA, "second")
    assert await pins.met(ANNA, "first") == before


async def test_a_key_that_was_compared_is_verified(pins: Pins | MemoryPins) -> None:
    await pins.met(ANNA, "first")
    await pins.verified(ANNA, "first", EMOJI)
    pin = await pinned(pins)
    assert (pin.master_key, pin.verified, pin.how, pin.changed_to) == ("first", True, EMOJI, None)
    assert pin.compared_at == 1_800_000_000.0


async def test_comparing_the_new_key_replaces_the_old_one(pins: Pins | MemoryPins) -> None:
    await pins.met(ANNA, "first")
    await pins.verified(ANNA, "first", EMOJI)
    await pins.met(ANNA, "second")
    await pins.verified(ANNA, "second", OPERATOR)
    pin = await pinned(pins)
    assert (pin.master_key, pin.how, pin.changed_to) == ("second", OPERATOR, None)
    await pins.met(ANNA, "first")
    assert (await pinned(pins)).changed_to == "first"


async def test_a_key_that_changed_again_while_the_last_was_compared_is_still_a_change(pins: Pins | MemoryPins) -> None:
    for key in ("first", "second", "third"):
        await pins.met(ANNA, key)
    await pins.verified(ANNA, "second", OPERATOR)
    pin = await pinned(pins)
    assert (pin.master_key, pin.changed_to) == ("second", "third")


async def test_somebody_never_met_can_be_verified_at_once(pins: Pins | MemoryPins) -> None:
    await pins.verified(ANNA, "first", EMOJI)
    assert (await pinned(pins)).verified


async def test_people_are_asked_for_together(pins: Pins | MemoryPins) -> None:
    await pins.met(ANNA, "a")
    await pins.met(EVE, "e")
    found = await pins.of([ANNA, EVE, "@nobody:x"])
    assert {user: pin.master_key for user, pin in found.items()} == {ANNA: "a", EVE: "e"}


async def test_of_two_who_pin_at_once_one_wins(db: Database) -> None:
    found = await asyncio.gather(*(Pins(db).met(ANNA, f"key {n}") for n in range(10)))
    assert {pin.master_key for pin in found if pin} == {(await pinned(Pins(db))).master_key}


async def test_changes_are_listed_and_told_once_for_each_new_key(db: Database) -> None:
    pins = Pins(db)
    await pins.met(ANNA, "first")
    await pins.met(EVE, "e")
    assert await pins.changed() == []
    await pins.met(ANNA, "second")
    (change,) = await pins.changed()
    assert (change.user_id, change.told) == (ANNA, False)
    async with db.transaction() as tx:
        await trust.told(tx, change)
    assert [pin.told for pin in await pins.changed()] == [True]
    await pins.met(ANNA, "second")
    assert [pin.told for pin in await pins.changed()] == [True]
    await pins.met(ANNA, "third")
    assert [pin.told for pin in await pins.changed()] == [False]


async def test_every_change_and_every_comparison_is_in_the_audit_trail(db: Database) -> None:
    pins = Pins(db)
    await pins.met(ANNA, "first")
    await pins.met(ANNA, "second")
    await pins.verified(ANNA, "second", OPERATOR, by="root")
    records = [record.event for record in await audit.records(db)]
    assert [(event.who, event.kind) for event in records] == [(ANNA, audit.AuditKind.SECURITY_ALERT)] * 3
    assert [event.detail for event in records] == [
        "identity first met",
        "identity changed from first to second",
        "identity second confirmed by operator root in place of first",
    ]
    assert await audit.verify(db) == []


async def test_a_pin_copied_to_another_person_is_refused(db: Database) -> None:
    pins = Pins(db)
    await pins.met(ANNA, "a")
    await pins.met(EVE, "e")
    async with db.transaction() as tx:
        await tx.rows(
            "UPDATE pins SET sealed_master_key = (SELECT sealed_master_key FROM pins WHERE user_id = '@eve:x')"
        )
    with pytest.raises(Bug, match="does not belong"):
        await pins.pinned(ANNA)


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE pins SET sealed_proof = zeroblob(60) WHERE user_id = '@anna:x'",
        "UPDATE pins SET sealed_proof = (SELECT sealed_proof FROM pins WHERE user_id = '@eve:x')",
        "UPDATE pins SET sealed_proof = sealed_master_key",
    ],
)
async def test_nobody_without_the_key_can_mark_an_identity_as_compared(db: Database, path: Path, forged: str) -> None:
    pins = Pins(db)
    await pins.met(ANNA, "a")
    await pins.verified(EVE, "a", EMOJI)
    with closing(sqlite3.connect(path, isolation_level=None)) as attacker:
        attacker.execute(forged)
    with pytest.raises(Bug, match="does not belong"):
        await pins.pinned(ANNA)


async def test_the_proof_of_an_old_key_does_not_vouch_for_another_one(db: Database) -> None:
    pins = Pins(db)
    await pins.verified(ANNA, "old", EMOJI)
    row = await db.row("SELECT sealed_proof FROM pins")
    assert row is not None
    await pins.verified(ANNA, "new", EMOJI)
    async with db.transaction() as tx:
        await tx.rows("UPDATE pins SET sealed_proof = ?", row["sealed_proof"])
    assert not (await pinned(pins)).verified


@pytest.mark.parametrize("how", ["met", "verified"])
async def test_a_pin_that_was_taken_out_of_the_file_is_not_made_anew(db: Database, path: Path, how: str) -> None:
    """Threat: who writes to the file makes us meet somebody for the first time once more."""
    pins = Pins(db)
    await (pins.met(ANNA, "first") if how == "met" else pins.verified(ANNA, "first", EMOJI))
    with closing(sqlite3.connect(path, isolation_level=None)) as attacker:
        attacker.execute("DELETE FROM pins")
    assert await trust.missing(db) == 1
    pin = await pins.met(ANNA, "evil")
    assert pin
    assert (pin.master_key, pin.changed_to, pin.verified) == ("", "evil", False)
    await pins.verified(ANNA, "first", OPERATOR)
    assert (await pinned(pins)).changed_to == "evil"
    assert await trust.missing(db) == 0


async def test_another_process_sees_what_was_confirmed(db: Database, path: Path, cipher: FieldCipher) -> None:
    await Pins(db).met(ANNA, "first")
    await Pins(db).met(ANNA, "second")
    console = await Database.open(path, cipher)
    await Pins(console).verified(ANNA, "second", OPERATOR)
    await console.close()
    assert (await pinned(Pins(db))).master_key == "second"
