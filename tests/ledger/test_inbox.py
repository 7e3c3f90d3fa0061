from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ledger import audit, inbox
from ledger.inbox import InboxMessage

if TYPE_CHECKING:
    from ledger.database import Database

ONE = InboxMessage(
    "$1", "!a:x", "@anna:x", "DEV", "Anna", "!share", "m.text", 1_700_000_000_000, "sess", 0, authenticated=True
)


def message(number: int, room: str = "!a:x") -> InboxMessage:
    return replace(ONE, event_id=f"${number}", room_id=room, message_index=number)


async def drain(db: Database, busy: tuple[str, ...] = ()) -> list[str]:
    seen = []
    while one := await inbox.next_unhandled(db, busy):
        seen.append(one.event_id)
        async with db.transaction() as tx:
            await inbox.handled(tx, one.event_id)
    return seen


async def test_messages_come_out_as_they_went_in(db: Database) -> None:
    odd = replace(ONE, body="Ünïcode\0\U0001f600", why_not="unsigned", authenticated=False, live=False)
    assert await inbox.receive(db, [odd], "t1") == [odd]
    assert await inbox.next_unhandled(db) == odd
    assert await inbox.sync_token(db) == "t1"


async def test_there_is_no_token_before_the_first_sync(db: Database) -> None:
    assert await inbox.sync_token(db) is None


async def test_an_event_is_received_and_handed_out_once(db: Database) -> None:
    assert len(await inbox.receive(db, [ONE, ONE], "t1")) == 1
    assert await inbox.receive(db, [ONE], "t2") == []
    assert await drain(db) == ["$1"]
    assert await inbox.receive(db, [ONE], "t3") == []
    assert await inbox.next_unhandled(db) is None
    assert await audit.records(db) == []


async def test_a_replayed_ciphertext_is_dropped_and_audited(db: Database) -> None:
    """Threat: the server sends an old command again under a new event id, also after it was handled."""
    await inbox.receive(db, [ONE], "t1")
    await drain(db)
    assert await inbox.receive(db, [replace(ONE, event_id="$again"), message(2)], "t2") == [message(2)]
    [alert] = await audit.records(db)
    assert alert.event.kind == audit.AuditKind.SECURITY_ALERT
    assert "$again" in alert.event.detail
    assert await audit.verify(db) == []


async def test_a_replay_within_one_sync_is_dropped(db: Database) -> None:
    assert await inbox.receive(db, [ONE, replace(ONE, event_id="$again")], "t1") == [ONE]


async def test_events_without_a_session_are_no_replays_of_each_other(db: Database) -> None:
    plain = [replace(ONE, event_id=f"${n}", session_id="", message_index=-1) for n in range(3)]
    assert await inbox.receive(db, plain, "t1") == plain


async def test_one_room_keeps_its_order_and_a_busy_room_is_skipped(db: Database) -> None:
    await inbox.receive(db, [message(1), message(2, "!b:x"), message(3), message(4, "!b:x")], "t1")
    first = await inbox.next_unhandled(db, ["!a:x"])
    assert first is not None
    assert first.event_id == "$2"
    assert await inbox.next_unhandled(db, ["!a:x", "!b:x"]) is None
    assert await drain(db) == ["$1", "$2", "$3", "$4"]


async def test_a_handled_message_is_forgotten_and_handled_once(db: Database) -> None:
    await inbox.receive(db, [ONE], "t1")
    async with db.transaction() as tx:
        assert await inbox.handled(tx, "$1")
        assert not await inbox.handled(tx, "$1")
    [(body,)] = await db.rows("SELECT sealed_body FROM inbox")
    assert body is None


async def test_a_message_found_by_backfill_is_kept_once(db: Database) -> None:
    async with db.transaction() as tx:
        assert await inbox.keep(tx, ONE)
        assert not await inbox.keep(tx, ONE)
    assert await inbox.sync_token(db) is None
