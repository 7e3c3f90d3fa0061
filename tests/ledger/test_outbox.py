from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ledger import attachments, audit, outbox
from ledger.attachments import Attachment
from ledger.errors import LedgerBug
from ledger.outbox import Entry
from tests.ledger.test_shares import opened

if TYPE_CHECKING:
    from ledger.database import Database
    from tests.ledger.conftest import Clock

FILE = Attachment("file", "0001.bin", b"k" * 32, b"i" * 16, b"s" * 32, 5, "image/jpeg")
THUMBNAIL = replace(FILE, slot="info.thumbnail_file", spool_name="0002.bin", key=b"K" * 32)
ONE = Entry("t1", "!a:x", "preview 1", "m.room.message", {"body": "ankle"}, attachments=(FILE, THUMBNAIL))


async def enqueue(db: Database, *entries: Entry) -> list[bool]:
    async with db.transaction() as tx:
        return [await outbox.enqueue(tx, entry) for entry in entries]


def test_a_transaction_id_depends_on_origin_and_step_only() -> None:
    assert outbox.transaction_id("$e", "preview 1") == outbox.transaction_id("$e", "preview 1")
    assert len({outbox.transaction_id(*pair) for pair in [("$e", "1"), ("$e", "2"), ("$f", "1"), ("$e1", "")]}) == 4


async def test_an_entry_comes_out_as_it_went_in(db: Database, clock: Clock) -> None:
    assert await enqueue(db, ONE) == [True]
    waiting = await outbox.next_to_send(db, "!a:x")
    assert waiting == ONE
    assert waiting.created_at == clock.now


async def test_to_enqueue_twice_changes_nothing(db: Database) -> None:
    assert await enqueue(db, ONE, replace(ONE, content={"body": "other"}, attachments=())) == [True, False]
    assert await outbox.next_to_send(db, "!a:x") == ONE


async def test_a_sent_transaction_is_never_enqueued_again(db: Database) -> None:
    await enqueue(db, ONE)
    async with db.transaction() as tx:
        assert await outbox.sent(tx, "t1", "$sent")
        assert not await outbox.sent(tx, "t1", "$other")
    assert await enqueue(db, ONE) == [False]
    assert await outbox.event_id_of(db, "t1") == "$sent"
    assert await outbox.rooms_with_work(db) == []


async def test_each_room_is_sent_in_order_and_rooms_do_not_wait_for_each_other(db: Database) -> None:
    two, three = replace(ONE, txn_id="t2", room_id="!b:x"), replace(ONE, txn_id="t3")
    await enqueue(db, ONE, two, three)
    assert await outbox.rooms_with_work(db) == ["!a:x", "!b:x"]
    async with db.transaction() as tx:
        await outbox.sent(tx, "t1", "$1")
    assert await outbox.next_to_send(db, "!a:x") == three
    assert await outbox.next_to_send(db, "!b:x") == two
    assert await outbox.rooms_with_work(db) == ["!b:x", "!a:x"]


async def test_tries_are_counted_with_their_reason(db: Database) -> None:
    await enqueue(db, ONE)
    async with db.transaction() as tx:
        await outbox.attempted(tx, "t1", "502 from the server")
        await outbox.attempted(tx, "t1", "timeout")
    waiting = await outbox.next_to_send(db, "!a:x")
    assert waiting is not None
    assert (waiting.attempts, waiting.last_error) == (2, "timeout")


async def test_what_was_given_up_is_not_sent_and_blocks_nobody(db: Database) -> None:
    await enqueue(db, ONE, replace(ONE, txn_id="t2"))
    async with db.transaction() as tx:
        assert await outbox.failed(tx, "t1", "413")
        assert not await outbox.sent(tx, "t1", "$late")
    waiting = await outbox.next_to_send(db, "!a:x")
    assert waiting is not None
    assert waiting.txn_id == "t2"
    assert await outbox.event_id_of(db, "t1") is None


async def test_what_is_older_than_the_server_remembers_is_listed(db: Database, clock: Clock) -> None:
    await enqueue(db, ONE)
    clock.now += 23 * 3600 + 1
    await enqueue(db, replace(ONE, txn_id="t2"))
    assert await outbox.older_than(db, clock.now - 23 * 3600) == [ONE]


async def test_an_upload_is_reserved_then_done(db: Database) -> None:
    await enqueue(db, ONE)
    async with db.transaction() as tx:
        await outbox.set_mxc(tx, "t1", "file", "mxc://x/1")
        await outbox.set_mxc(tx, "t1", "file", "mxc://x/2")
        await outbox.set_uploaded(tx, "t1", "file")
        await outbox.set_mxc(tx, "t1", "file", "mxc://x/3")
    assert await attachments.of(db, "t1") == (replace(FILE, mxc="mxc://x/2", uploaded=True), THUMBNAIL)


async def test_a_file_without_an_address_cannot_be_uploaded(db: Database) -> None:
    await enqueue(db, ONE)
    with pytest.raises(LedgerBug):
        async with db.transaction() as tx:
            await outbox.set_uploaded(tx, "t1", "file")


async def test_two_files_for_one_place_are_our_bug(db: Database) -> None:
    with pytest.raises(LedgerBug):
        await enqueue(db, replace(ONE, attachments=(FILE, FILE)))
    assert await outbox.rooms_with_work(db) == []


@pytest.mark.parametrize("end", ["sent", "failed"])
async def test_content_and_keys_are_forgotten_at_the_end(db: Database, end: str) -> None:
    await enqueue(db, ONE)
    assert await outbox.spool_names_in_use(db) == {"0001.bin", "0002.bin"}
    async with db.transaction() as tx:
        await (outbox.sent if end == "sent" else outbox.failed)(tx, "t1", "$1")
    assert await outbox.spool_names_in_use(db) == frozenset()
    assert [tuple(row) for row in await db.rows("SELECT DISTINCT sealed_key FROM attachments")] == [(None,)]
    assert [tuple(row) for row in await db.rows("SELECT sealed_content FROM outbox")] == [(None,)]


async def test_files_of_a_share_are_audited_when_they_are_sent_or_given_up(db: Database) -> None:
    async with db.transaction() as tx:
        share = await opened(tx)
        for txn_id in ("t1", "t2", "t3"):
            files = () if txn_id == "t3" else (FILE,)
            await outbox.enqueue(tx, replace(ONE, txn_id=txn_id, step=txn_id, share_id=share.id, attachments=files))
        for txn_id in ("t1", "t1", "t3"):
            await outbox.sent(tx, txn_id, f"${txn_id}")
        await outbox.failed(tx, "t2", "413")
    trail = [(one.event.kind.name, one.event.outcome, one.event.detail) for one in await audit.records(db, since=1)]
    assert trail == [("EXPORT", 0, "sent t1 as $t1"), ("EXPORT", 8, "gave up t2: 413")]


def test_a_key_is_never_in_a_repr() -> None:
    assert "kkkk" not in repr(ONE)
