from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from config.errors import Bug
from ledger import audit, outbox, shares
from ledger.errors import LedgerBug, ShareMoved
from ledger.outbox import Entry
from ledger.states import ShareState

if TYPE_CHECKING:
    from ledger.database import Database, Transaction
    from ledger.shares import Share
    from tests.ledger.conftest import Clock


async def opened(
    tx: Transaction, command: str = "$c", study: str = "1.2.3", person: str = "@anna:x", room: str = "!a:x"
) -> Share:
    return await shares.open_share(
        tx,
        room_id=room,
        requested_by=person,
        command_event_id=command,
        study_instance_uid=study,
        source="radiology",
        plan={"parts": 2},
        patient="MIU|123",
    )


async def one(db: Database, **words: str) -> Share:
    async with db.transaction() as tx:
        return await opened(tx, **words)


async def test_a_share_is_kept_as_it_was_opened(db: Database, clock: Clock) -> None:
    share = await one(db)
    assert share == await shares.get(db, share.id)
    assert (share.id, share.state, share.plan) == (1, ShareState.OPENED, {"parts": 2})
    assert share.created_at == share.updated_at == clock.now
    assert await shares.get(db, 2) is None


async def test_a_command_opens_a_share_for_a_study_once(db: Database) -> None:
    first = await one(db)
    assert await one(db) == first
    assert (await one(db, study="1.2.4")).id == 2
    assert len(await audit.records(db)) == 2


async def test_a_share_walks_the_corridor_and_every_step_is_audited(db: Database, clock: Clock) -> None:
    share = await one(db)
    for state in (ShareState.PREVIEWING, ShareState.WAITING, ShareState.PREVIEWING, ShareState.DELIVERING):
        clock.now += 1
        async with db.transaction() as tx:
            share = await shares.move(tx, share, state)
    async with db.transaction() as tx:
        share = await shares.move(tx, share, ShareState.DELIVERED, "2 parts")
    assert share == await shares.get(db, share.id)
    trail = [(one.event.kind.name, one.event.detail) for one in await audit.records(db)]
    assert trail == [
        ("APPLICATION_ACTIVITY", "opened"),
        ("APPLICATION_ACTIVITY", "opened -> previewing"),
        ("APPLICATION_ACTIVITY", "previewing -> waiting"),
        ("APPLICATION_ACTIVITY", "waiting -> previewing"),
        ("EXPORT", "previewing -> delivering"),
        ("INSTANCES_TRANSFERRED", "delivering -> delivered 2 parts"),
    ]


async def test_a_move_that_is_not_in_the_table_is_our_bug(db: Database) -> None:
    share = await one(db)
    with pytest.raises(LedgerBug):
        async with db.transaction() as tx:
            await shares.move(tx, share, ShareState.DELIVERED)


async def test_of_two_who_move_a_share_one_wins(db: Database) -> None:
    share = await one(db)

    async def moving(to: ShareState) -> ShareState | None:
        try:
            async with db.transaction() as tx:
                return (await shares.move(tx, share, to, by=f"@{to}:x")).state
        except ShareMoved:
            return None

    goals = [ShareState.PREVIEWING, ShareState.CANCELLED] * 10
    ends = await asyncio.gather(*(moving(goal) for goal in goals))
    [winner] = [end for end in ends if end]
    kept = await shares.get(db, share.id)
    assert kept is not None
    assert kept.state == winner
    assert [one.event.who for one in await audit.records(db)] == ["@anna:x", f"@{winner}:x"]


async def test_the_loser_of_a_move_reads_where_the_share_stands(db: Database) -> None:
    share = await one(db)
    async with db.transaction() as tx:
        await shares.move(tx, share, ShareState.CANCELLED)
    with pytest.raises(ShareMoved, match=r"Share 1 has moved on meanwhile. Stopped."):
        async with db.transaction() as tx:
            await shares.move(tx, share, ShareState.PREVIEWING)


async def test_a_move_and_its_audit_record_are_one_transaction(db: Database) -> None:
    share = await one(db)

    async def fail() -> None:
        async with db.transaction() as tx:
            await shares.move(tx, share, ShareState.PREVIEWING)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await shares.get(db, share.id) == share
    assert len(await audit.records(db)) == 1
    assert await audit.verify(db) == []


async def test_a_plan_is_replaced_only_in_the_state_that_was_seen(db: Database) -> None:
    share = await one(db)
    async with db.transaction() as tx:
        newer = await shares.replan(tx, share, {"parts": 3})
        await shares.move(tx, newer, ShareState.CANCELLED)
    kept = await shares.get(db, share.id)
    assert kept is not None
    assert kept.plan == {"parts": 3}
    with pytest.raises(ShareMoved):
        async with db.transaction() as tx:
            await shares.replan(tx, share, {"parts": 4})


async def test_unfinished_shares_are_found_after_a_restart(db: Database) -> None:
    first, second = await one(db), await one(db, command="$d")
    async with db.transaction() as tx:
        await shares.move(tx, first, ShareState.CANCELLED)
    assert await shares.unfinished(db) == [second]


async def test_shares_of_a_room_are_listed_newest_first(db: Database) -> None:
    first = await one(db)
    second = await one(db, command="$d", person="@ben:x")
    await one(db, command="$e", room="!b:x")
    assert await shares.in_room(db, "!a:x") == [second, first]
    assert await shares.in_room(db, "!a:x", "@anna:x") == [first]
    assert await shares.in_room(db, "!a:x", limit=1) == [second]


async def test_steps_are_kept_unless_they_were_given_up(db: Database) -> None:
    share = await one(db)
    async with db.transaction() as tx:
        for step in ("preview 1", "preview 2", "part 1"):
            entry = Entry(outbox.transaction_id(share.origin, step), "!a:x", step, "m.room.message", {}, share.id)
            await outbox.enqueue(tx, entry)
        await outbox.sent(tx, outbox.transaction_id(share.origin, "preview 1"), "$1")
        await outbox.failed(tx, outbox.transaction_id(share.origin, "part 1"), "413")
    assert await shares.steps_kept(db, share.id) == {"preview 1", "preview 2"}


async def test_two_shares_of_one_command_have_different_transaction_ids(db: Database) -> None:
    first, second = await one(db), await one(db, study="1.2.4")
    assert outbox.transaction_id(first.origin, "preview 1") != outbox.transaction_id(second.origin, "preview 1")


async def test_a_plan_copied_to_another_share_does_not_open(db: Database) -> None:
    """Threat: somebody with the file, and without the key, has another share sent in another way."""
    first, second = await one(db), await one(db, study="1.2.4")
    async with db.transaction() as tx:
        await tx.rows(
            "UPDATE shares SET sealed_plan = (SELECT sealed_plan FROM shares WHERE id = ?) WHERE id = ?",
            first.id,
            second.id,
        )
    with pytest.raises(Bug, match="does not belong"):
        await shares.get(db, second.id)


async def test_a_share_that_is_gone_is_told_so(db: Database) -> None:
    share = replace(await one(db), id=99)
    with pytest.raises(ShareMoved, match="not known"):
        async with db.transaction() as tx:
            await shares.move(tx, share, ShareState.PREVIEWING)
