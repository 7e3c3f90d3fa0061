from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import finds

if TYPE_CHECKING:
    from ledger.database import Database
    from tests.ledger.conftest import Clock

ITEMS = [{"study_instance_uid": "1.2.3"}, {"study_instance_uid": "1.2.4"}]
ANNA, BEN, ROOM = "@anna:x", "@ben:x", "!a:x"


async def test_a_list_belongs_to_one_person_in_one_room(db: Database, clock: Clock) -> None:
    async with db.transaction() as tx:
        await finds.remember(tx, ROOM, ANNA, ITEMS, kind="question", command="share")
    found = await finds.recall(db, ROOM, ANNA, clock.now)
    assert found == finds.FoundList(tuple(ITEMS), "question", "share", clock.now)
    assert await finds.recall(db, ROOM, BEN, clock.now) is None
    assert await finds.recall(db, "!b:x", ANNA, clock.now) is None


async def test_a_new_list_takes_the_place_of_the_old_one(db: Database, clock: Clock) -> None:
    async with db.transaction() as tx:
        await finds.remember(tx, ROOM, ANNA, ITEMS)
        await finds.remember(tx, ROOM, ANNA, ITEMS[:1])
    found = await finds.recall(db, ROOM, ANNA, clock.now)
    assert found is not None
    assert (len(found.items), found.kind) == (1, "find")


async def test_a_number_means_nothing_after_fifteen_minutes(db: Database, clock: Clock) -> None:
    """Hazard: "1" typed an hour later shares the wrong patient."""
    async with db.transaction() as tx:
        await finds.remember(tx, ROOM, ANNA, ITEMS)
    assert await finds.recall(db, ROOM, ANNA, clock.now + 900)
    assert await finds.recall(db, ROOM, ANNA, clock.now + 901) is None


async def test_old_lists_are_deleted(db: Database, clock: Clock) -> None:
    async with db.transaction() as tx:
        await finds.remember(tx, ROOM, ANNA, ITEMS)
    clock.now += 901
    async with db.transaction() as tx:
        await finds.remember(tx, ROOM, BEN, ITEMS)
    assert [tuple(row) for row in await db.rows("SELECT person FROM finds")] == [(BEN,)]


async def test_an_answered_question_is_forgotten(db: Database, clock: Clock) -> None:
    async with db.transaction() as tx:
        await finds.remember(tx, ROOM, ANNA, ITEMS)
        await finds.forget(tx, ROOM, ANNA)
    assert await finds.recall(db, ROOM, ANNA, clock.now) is None
