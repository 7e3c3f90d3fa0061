from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest

from ledger import audit, inbox, invitations, new_rooms
from ledger.database import Database
from ledger.invitations import MOVES, REMEMBERED, Invitation
from ledger.invitations import InvitationState as S
from ledger.new_rooms import WantedRoom

if TYPE_CHECKING:
    from pathlib import Path

    from config.state import FieldCipher

    from .conftest import Clock

ONE = Invitation("!a:x", "@anna:x", is_direct=True)
WISH = WantedRoom("$command", "!direct:x", "@anna:x", "PHONE", "Ankle clinic")


async def received(db: Database, *invited: Invitation) -> None:
    await inbox.receive(db, [], "t1", invited)


async def moved(db: Database, one: Invitation, *there: S) -> Invitation:
    for state in there:
        async with db.transaction() as tx:
            assert await invitations.move(tx, one, state)
        one = replace(one, state=state)
    return one


async def the_one(db: Database) -> Invitation:
    [one] = await invitations.unanswered(db)
    return one


async def test_an_invitation_is_kept_with_the_token(db: Database) -> None:
    await received(db, ONE)
    one = await the_one(db)
    assert (one.room_id, one.inviter, one.is_direct, one.state) == ("!a:x", "@anna:x", True, S.INVITED)
    assert await inbox.sync_token(db) == "t1"


async def test_neither_stands_without_the_other(db: Database) -> None:
    await received(db)
    with pytest.raises(AttributeError):
        await inbox.receive(db, [], "t2", [ONE, None])  # type: ignore[list-item]
    assert await invitations.unanswered(db) == []
    assert await inbox.sync_token(db) == "t1"


async def test_an_invitation_that_comes_again_is_the_same(db: Database) -> None:
    await received(db, ONE)
    await received(db, ONE)
    one = await the_one(db)
    await moved(db, one, S.JOINED)
    await received(db, ONE)
    assert (await the_one(db)).state is S.JOINED


async def test_of_an_open_invitation_the_newest_inviter_counts(db: Database) -> None:
    await received(db, replace(ONE, inviter="@mallory:x"))
    await received(db, ONE)
    assert (await the_one(db)).inviter == "@anna:x"


async def test_a_joined_room_keeps_who_brought_us(db: Database) -> None:
    await received(db, ONE)
    await moved(db, await the_one(db), S.JOINED)
    await received(db, replace(ONE, inviter="@mallory:x"))
    assert (await the_one(db)).inviter == "@anna:x"


@pytest.mark.parametrize("end", [(S.JOINED, S.GREETED), (S.JOINED, S.LEFT), (S.DECLINED,), (S.LOST,)])
async def test_after_the_end_of_one_invitation_another_may_come(db: Database, end: tuple[S, ...]) -> None:
    await received(db, ONE)
    first = await the_one(db)
    await moved(db, first, *end)
    assert await invitations.unanswered(db) == []
    await received(db, ONE)
    assert (await the_one(db)).id != first.id


async def test_a_known_invitation_is_not_a_new_one_when_the_server_says_which_it_is(db: Database) -> None:
    named = replace(ONE, event_id="$invite")
    await received(db, named)
    await moved(db, await the_one(db), S.DECLINED)
    await received(db, named)
    assert await invitations.unanswered(db) == []


@pytest.mark.parametrize(("here", "there"), list(product(S, S)))
async def test_only_the_moves_of_the_table_are_made(db: Database, here: S, there: S) -> None:
    async with db.transaction() as tx:
        await invitations.keep(tx, replace(ONE, state=here))
        row = await tx.row("SELECT id FROM invitations")
        assert row is not None
        one = replace(ONE, state=here, id=row[0])
        assert await invitations.move(tx, one, there) is (there in MOVES[here])


async def test_of_two_who_saw_the_same_state_one_moves_it(db: Database) -> None:
    await received(db, ONE)
    one = await the_one(db)
    async with db.transaction() as tx:
        assert await invitations.move(tx, one, S.JOINED)
        assert not await invitations.move(tx, one, S.DECLINED)


async def test_coming_and_going_are_audited_and_strangers_are_not(db: Database) -> None:
    await received(db, ONE, replace(ONE, room_id="!b:x", inviter="@mallory:y"))
    first, second = await invitations.unanswered(db)
    await moved(db, first, S.JOINED, S.LEFT)
    await moved(db, second, S.DECLINED)
    told = [(one.event.who, one.event.room_id, one.event.detail) for one in await audit.records(db)]
    assert told == [
        ("@anna:x", "!a:x", "came into the room"),
        ("@anna:x", "!a:x", "left the room: not fit for studies"),
    ]


async def test_what_failed_waits_behind_what_did_not(db: Database) -> None:
    await received(db, ONE, replace(ONE, room_id="!b:x"))
    async with db.transaction() as tx:
        await invitations.attempted(tx, (await invitations.unanswered(db))[0])
    assert [one.room_id for one in await invitations.unanswered(db)] == ["!b:x", "!a:x"]
    assert [one.room_id for one in await invitations.unanswered(db, 1)] == ["!b:x"]


async def test_old_ends_are_forgotten_and_nothing_open_is(db: Database, clock: Clock) -> None:
    await received(db, ONE, replace(ONE, room_id="!b:x"))
    await moved(db, (await invitations.unanswered(db))[0], S.DECLINED)
    clock.now += REMEMBERED + 1
    await received(db, replace(ONE, room_id="!c:x"))
    assert [row[0] for row in await db.rows("SELECT room_id FROM invitations ORDER BY id")] == ["!b:x", "!c:x"]


async def want(db: Database) -> WantedRoom:
    async with db.transaction() as tx:
        assert await new_rooms.want(tx, WISH)
    [wish] = await new_rooms.wanted(db)
    return wish


async def test_a_command_wants_one_room_however_often_it_is_run(db: Database, clock: Clock) -> None:
    wish = await want(db)
    assert wish == replace(WISH, created_at=clock.now)
    async with db.transaction() as tx:
        assert not await new_rooms.want(tx, WISH)


async def test_a_room_that_stands_waits_for_its_requester_and_its_name_is_forgotten(db: Database) -> None:
    wish = await want(db)
    async with db.transaction() as tx:
        await new_rooms.begun(tx, wish)
        assert await new_rooms.made(tx, wish, "!new:x")
        assert not await new_rooms.made(tx, wish, "!other:x")
        assert not await new_rooms.failed(tx, wish)
    one = await the_one(db)
    assert (one.room_id, one.inviter, one.ours, one.state) == ("!new:x", "@anna:x", True, S.EXPECTING)
    assert await new_rooms.wanted(db) == []
    row = await db.row("SELECT * FROM new_rooms")
    assert row is not None
    assert row["sealed_name"] is None
    [entry] = await audit.records(db)
    assert (entry.event.who, entry.event.room_id, entry.event.detail) == ("@anna:x", "!new:x", "made a room")


async def test_the_name_of_a_room_is_not_readable_in_the_file(
    db: Database, path: Path, cipher: FieldCipher, clock: Clock
) -> None:
    await want(db)
    await db.close()
    assert b"Ankle" not in b"".join(one.read_bytes() for one in path.parent.iterdir())
    again = await Database.open(path, cipher, clock=clock)
    try:
        assert [one.name for one in await new_rooms.wanted(again)] == ["Ankle clinic"]
    finally:
        await again.close()


async def test_what_a_person_asked_for_lately_is_counted(db: Database, clock: Clock) -> None:
    await want(db)
    assert await new_rooms.asked_since(db, "@anna:x", clock.now - 1) == 1
    assert await new_rooms.asked_since(db, "@ben:x", clock.now - 1) == 0
    assert await new_rooms.asked_since(db, "@anna:x", clock.now + 1) == 0
