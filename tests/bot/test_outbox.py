from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot import content
from bot.matrix.cleartext import Farewell
from bot.matrix.errors import NotPermitted, RateLimited, ServerAway, SignedOut, UploadTooLarge
from bot.outbox import LEAVE, OLDEST, Undelivered
from commands.kit.reply import message
from ledger import outbox, shares
from ledger.outbox import Entry
from tests.fakes.house import House, until
from tests.fakes.session import ANNA, BEN, OTHER_ROOM, PIXEL, ROOM, SAFE

if TYPE_CHECKING:
    from pathlib import Path

    from bot.workers import Workers
    from ledger.shares import Share


DOWNGRADED = {"encrypted": False, "downgraded": True}


def words(txn_id: str, text: str = "x", **fields: Any) -> Entry:
    return Entry(txn_id, fields.pop("room_id", ROOM), txn_id, "m.room.message", message(text), **fields)


def with_file(house: House, txn_id: str, data: bytes = b"picture", **fields: Any) -> Entry:
    sealed = content.attachment(content.FILE, house.spool.seal_bytes(data), content.JPEG)
    return words(txn_id, attachments=(sealed,), **fields)


async def enqueue(house: House, *entries: Entry) -> None:
    async with house.ledger.transaction() as tx:
        for entry in entries:
            assert await outbox.enqueue(tx, entry)
    house.outbox.poke()


async def opened(house: House, uid: str = "1.2.3") -> Share:
    async with house.ledger.transaction() as tx:
        return await shares.open_share(
            tx,
            room_id=ROOM,
            requested_by=ANNA,
            command_event_id="$c",
            study_instance_uid=uid,
            source="radiology",
            audience=SAFE.audience,
        )


@contextlib.asynccontextmanager
async def sending(house: House) -> Any:
    """The outbox alone at work."""
    task = asyncio.create_task(house.outbox.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def sent(house: House) -> None:
    async def nothing_waits() -> bool:
        return not await outbox.queued(house.ledger)

    await until(nothing_waits)


async def test_what_is_enqueued_stands_in_the_room_once_and_its_event_is_known(house: House) -> None:
    async with sending(house):
        await enqueue(house, words("t1", "hello"))
        event_id = await house.outbox.standing("t1")
    assert [one.body for one in house.session.posted] == ["hello"]
    assert house.session.posted[0].event_id == event_id
    assert await house.outbox.standing("t1") == event_id, "and once more after it was sent"


async def test_a_file_is_uploaded_before_its_event_and_leaves_the_spool(house: House) -> None:
    async with sending(house):
        await enqueue(house, with_file(house, "t1", b"picture"))
        await house.outbox.standing("t1")
    [event] = house.session.posted
    file = event.content["file"]
    assert file["v"] == "v2"
    assert len(house.session.media.stored[file["url"]]) == len(b"picture")
    assert house.spooled() == []


async def test_a_server_that_reserves_no_addresses_gets_a_plain_upload(house: House) -> None:
    house.session.media.old = True
    async with sending(house):
        await enqueue(house, with_file(house, "t1"))
        await house.outbox.standing("t1")
    [event] = house.session.posted
    assert event.content["file"]["url"] in house.session.media.stored


async def test_each_lane_is_in_order(house: House) -> None:
    house.session.faults.extend([ServerAway(), None, ServerAway()])
    async with sending(house):
        await enqueue(house, *(words(f"t{number}") for number in range(10)))
        await sent(house)
    assert [one.txn_id for one in house.session.posted] == [f"t{number}" for number in range(10)]


async def test_an_answer_does_not_wait_behind_the_upload_of_a_share(house: House) -> None:
    share = await opened(house)
    house.session.media.flowing.clear()
    async with sending(house):
        await enqueue(house, with_file(house, "parcel", share_id=share.id), words("answer"))
        await house.outbox.standing("answer")
        assert [one.txn_id for one in house.session.posted] == ["answer"]
        house.session.media.flowing.set()
        await house.outbox.standing("parcel")


async def test_a_room_that_hangs_does_not_hold_up_another(house: House) -> None:
    house.session.silent.add(ROOM)
    async with sending(house):
        await enqueue(house, words("here"), words("there", room_id=OTHER_ROOM))
        await house.outbox.standing("there")


@pytest.mark.parametrize("fault", [ServerAway(), RateLimited(0.0)])
async def test_what_may_be_tried_later_is_tried_until_it_works(house: House, fault: Exception) -> None:
    house.session.faults.extend([fault] * 3)
    house.session.media.faults.extend([fault] * 2)
    async with sending(house):
        await enqueue(house, with_file(house, "t1"))
        await house.outbox.standing("t1")
    assert len(house.session.posted) == 1
    assert len(set(house.session.media.puts)) == 1, "always to the same address"
    assert len(house.session.media.stored) == 1


async def test_what_is_uploaded_is_not_uploaded_again_when_its_event_must_wait(house: House) -> None:
    house.session.faults.extend([ServerAway()] * 3)
    async with sending(house):
        await enqueue(house, with_file(house, "t1"))
        await house.outbox.standing("t1")
    assert len(house.session.media.puts) == 1


@pytest.mark.parametrize(("fault", "code"), [(NotPermitted(), "M06"), (UploadTooLarge(), "M07")])
async def test_what_is_refused_is_given_up_and_whoever_waits_is_told_why(
    house: House, fault: Exception, code: str
) -> None:
    house.session.media.faults.append(fault)
    async with sending(house):
        await enqueue(house, with_file(house, "t1"), words("t2"))
        with pytest.raises(Undelivered) as caught:
            await house.outbox.standing("t1")
        await house.outbox.standing("t2")
    assert caught.value.code == code
    assert str(caught.value) == str(fault)
    assert [one.txn_id for one in house.session.posted] == ["t2"], "the lane goes on"
    assert house.spooled() == []


async def test_who_asks_only_after_it_was_given_up_is_told_as_well(house: House) -> None:
    house.session.faults.append(NotPermitted())
    async with sending(house):
        await enqueue(house, words("t1"))
        await sent(house)
    with pytest.raises(Undelivered, match="M06"):
        await asyncio.wait_for(house.outbox.standing("t1"), 1)


async def test_a_bug_of_ours_costs_that_one_entry(house: House) -> None:
    entry = with_file(house, "t1")
    house.spool.discard(entry.attachments[0].spool_name)
    async with sending(house):
        await enqueue(house, entry, words("t2"))
        with pytest.raises(Undelivered, match="B21"):
            await house.outbox.standing("t1")
        await house.outbox.standing("t2")


async def test_to_be_signed_out_loses_nothing_and_stops_the_bot(house: House) -> None:
    house.session.faults.append(SignedOut())
    await enqueue(house, words("t1"))
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(house.outbox.run(), 5)
    assert caught.group_contains(SignedOut)
    assert len(await outbox.queued(house.ledger)) == 1


async def test_what_waited_longer_than_the_server_remembers_is_not_sent_again(house: House) -> None:
    await enqueue(house, with_file(house, "old"))
    house.clock.now += OLDEST + 1
    await enqueue(house, words("young"))
    async with sending(house):
        with pytest.raises(Undelivered, match="R21"):
            await house.outbox.standing("old")
        await house.outbox.standing("young")
    assert [one.txn_id for one in house.session.posted] == ["young"]
    assert house.spooled() == []


async def test_what_waited_almost_that_long_is_sent(house: House) -> None:
    await enqueue(house, words("t1"))
    house.clock.now += OLDEST - 1
    async with sending(house):
        await house.outbox.standing("t1")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("where", ["send", "put"])
async def test_after_a_crash_it_is_sent_under_the_same_transaction_id_and_stands_once(
    tmp_path: Path, workers: Workers, moment: str, where: str
) -> None:
    """The crash comes before the server has it, or when it has it and the answer is lost."""
    house = House(tmp_path, workers)
    reached = asyncio.Event()

    async def die(when: str, _: int) -> None:
        if when == moment:
            reached.set()
            await asyncio.Event().wait()

    async with house.open():
        await enqueue(house, with_file(house, "t1"), words("t2"))
        if where == "send":
            house.session.hook = die
        else:
            house.session.media.flowing.clear()
        async with sending(house):
            if where == "send":
                await reached.wait()
            else:
                await until(lambda: asyncio.sleep(0, bool(house.session.media.puts)))
    house.session.hook = None
    house.session.media.flowing.set()
    async with house.open(), sending(house):
        await sent(house)
    assert [one.txn_id for one in house.session.posted] == ["t1", "t2"]
    assert len(set(house.session.media.puts)) == 1
    assert house.spooled() == []


async def test_what_is_taken_back_during_its_upload_is_not_sent(house: House) -> None:
    share = await opened(house)
    house.session.media.flowing.clear()
    async with sending(house):
        await enqueue(house, with_file(house, "t1", share_id=share.id))
        await until(lambda: asyncio.sleep(0, bool(house.session.media.puts)))
        async with house.ledger.transaction() as tx:
            await outbox.withdraw(tx, share.id)
        house.session.media.flowing.set()
        await until(lambda: asyncio.sleep(0, not house.outbox._lanes))
    assert house.session.posted == []
    assert house.spooled() == []


async def test_an_upload_that_was_stopped_ends_at_once_and_the_lane_goes_on(house: House) -> None:
    share = await opened(house)
    house.session.media.flowing.clear()
    async with sending(house):
        await enqueue(house, with_file(house, "t1", share_id=share.id))
        await until(lambda: asyncio.sleep(0, bool(house.session.media.puts)))
        async with house.ledger.transaction() as tx:
            await outbox.withdraw(tx, share.id)
        house.outbox.stop(ROOM, share.id)
        await enqueue(house, words("t2", share_id=share.id))
        await house.outbox.standing("t2")
    assert [one.txn_id for one in house.session.posted] == ["t2"]


@pytest.mark.parametrize("change", [{"unverified_devices": (PIXEL,)}, DOWNGRADED, {"join_rule": "public"}])
async def test_a_room_that_changed_since_the_answer_was_decided_on_gets_it_only_if_harmless(
    house: House, change: dict[str, Any]
) -> None:
    house.session.change(**change)
    async with sending(house):
        await enqueue(house, words("find"), words("help", strict=False))
        with pytest.raises(Undelivered, match=r"R04|R14|R02"):
            await house.outbox.standing("find")
        await house.outbox.standing("help")


async def test_the_room_is_looked_at_once_for_words_and_before_and_after_an_upload(house: House) -> None:
    house.session.facts_faults.extend([None] * 10)
    async with sending(house):
        await enqueue(house, words("answer"))
        await house.outbox.standing("answer")
        assert len(house.session.facts_faults) == 9
        await enqueue(house, with_file(house, "picture"))
        await house.outbox.standing("picture")
        assert len(house.session.facts_faults) == 7


async def test_nothing_at_all_is_said_where_nothing_was_ever_encrypted(house: House) -> None:
    house.session.change(encrypted=False)
    async with sending(house):
        await enqueue(house, words("find"), words("help", strict=False))
        for step in ("find", "help"):
            with pytest.raises(Undelivered, match="R01"):
                await house.outbox.standing(step)
    assert house.session.posted == []


@pytest.mark.parametrize("audience", [SAFE.audience - {BEN}, frozenset[str]()])
async def test_an_answer_that_waited_is_not_for_who_came_meanwhile(house: House, audience: frozenset[str]) -> None:
    async with sending(house):
        await enqueue(house, words("find", audience=audience), words("help", strict=False), words("notice"))
        with pytest.raises(Undelivered, match=rf"{BEN}.* joined this room since this was asked for.*R12"):
            await house.outbox.standing("find")
        await house.outbox.standing("notice")
    assert [one.txn_id for one in house.session.posted] == ["help", "notice"]


async def test_an_answer_that_is_refused_late_is_refused_in_words_to_who_asked(house: House) -> None:
    house.session.change(join_rule="public")
    async with sending(house):
        await enqueue(house, replace(words("find"), content=message("BROWN", reply_to="$asked")))
        await sent(house)
    [said] = house.session.posted
    assert said.body.startswith("Not answered: people can join this room without an invitation.")
    assert "BROWN" not in str(said.content)
    assert said.content["m.relates_to"] == {"m.in_reply_to": {"event_id": "$asked"}}
    assert not said.strict


async def test_a_refusal_that_cannot_be_said_is_not_refused_again(house: House) -> None:
    house.session.change(encrypted=False)
    async with sending(house):
        await enqueue(house, words("find"))
        await sent(house)
    assert house.session.posted == []


async def test_who_was_invited_when_it_was_permitted_may_join_and_read_it(house: House) -> None:
    house.session.change(joined=SAFE.joined - {BEN}, invited=frozenset({BEN}))
    audience = house.session.rooms[ROOM].audience
    house.session.change(joined=SAFE.joined, invited=frozenset())
    async with sending(house):
        await enqueue(house, words("find", audience=audience))
        await house.outbox.standing("find")


GOODBYE = Entry("bye", ROOM, LEAVE, LEAVE, {"reason": Farewell.NOT_ENCRYPTED.value}, strict=False)


async def test_it_leaves_once_with_a_fixed_reason(house: House) -> None:
    house.session.change(encrypted=False)
    async with sending(house):
        await enqueue(house, GOODBYE, replace(GOODBYE, txn_id="again"))
        await sent(house)
    assert house.session.left == [(ROOM, Farewell.NOT_ENCRYPTED.value)]


async def test_it_stays_in_a_room_that_was_encrypted_meanwhile(house: House) -> None:
    async with sending(house):
        await enqueue(house, GOODBYE)
        await sent(house)
    assert house.session.left == []


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_crash_around_leaving_leaves_it_left_once(house: House, moment: str) -> None:
    house.session.change(encrypted=False)

    async def never_ends(when: str, _: int) -> None:
        if when == moment:
            await asyncio.Event().wait()

    house.session.hook = never_ends
    async with sending(house):
        await enqueue(house, GOODBYE)
        await asyncio.sleep(0.1)
    house.session.hook = None
    assert len(house.session.left) == (moment == "after")
    async with sending(house):
        await sent(house)
    assert house.session.left == [(ROOM, Farewell.NOT_ENCRYPTED.value)]


async def test_a_room_that_changes_during_an_upload_does_not_get_the_file(house: House) -> None:
    share = await opened(house)
    house.session.media.flowing.clear()
    async with sending(house):
        await enqueue(house, with_file(house, "t1", share_id=share.id))
        await until(lambda: asyncio.sleep(0, bool(house.session.media.puts)))
        house.session.change(join_rule="public")
        house.session.media.flowing.set()
        with pytest.raises(Undelivered, match="R02"):
            await house.outbox.standing("t1")
    assert house.session.posted == []


async def test_each_reason_of_a_refusal_is_said_once(house: House) -> None:
    share = await opened(house)
    house.session.change(join_rule="public", unverified_devices=(PIXEL,))
    async with sending(house):
        await enqueue(house, words("t1", share_id=share.id))
        with pytest.raises(Undelivered) as caught:
            await house.outbox.standing("t1")
    assert str(caught.value).count("[R02]") == str(caught.value).count("[R04]") == 1


async def test_what_is_said_in_passing_is_guarded_and_not_kept(house: House) -> None:
    await house.outbox.in_passing(words("t1"))
    assert len(house.session.posted) == 1
    assert await outbox.fate_of(house.ledger, "t1") is None
    house.session.change(join_rule="public")
    with pytest.raises(Exception, match="R02"):
        await house.outbox.in_passing(words("t2"))


async def test_who_stops_waiting_leaves_nothing_behind(house: House) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(house.outbox.standing("never"), 0.01)
    assert house.outbox._waiting == {}


async def test_every_upload_is_timed_once_and_a_failed_one_not_at_all(house: House) -> None:
    house.session.media.faults.append(ServerAway())
    async with sending(house):
        await enqueue(house, with_file(house, "t1", b"x" * 5000))
        await sent(house)
    [(size, seconds)] = house.timed
    assert size == 5000
    assert 0 <= seconds < 60
