"""To-device messages: delivered once, in order, and none of them lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix import reading
from tests.bot.matrix.conftest import room_with, until
from tests.conformance.conftest import awake, heard, key_deliveries, next_poll, reads, room_of, say
from tests.servers import proxy as faults
from tests.servers.peer import Conversation
from tests.servers.rewriting import Held, answer

if TYPE_CHECKING:
    from bot.demo.people import Person
    from tests.bot.matrix.conftest import Bot
    from tests.conformance.conftest import MakePeer
    from tests.servers.rewriting import Rewriting

ROOM_KEYS = r"PUT .*/sendToDevice/m\.room\.encrypted"


@pytest.mark.parametrize(
    "fault", [faults.status(500), faults.html(504), faults.drop_response], ids=["500", "gateway", "answer lost"]
)
async def test_a_room_key_is_repeated_under_one_transaction_and_delivered_once(
    bot: Bot, proxy: Rewriting, anna: Person, peer: MakePeer, fault: Any
) -> None:
    """Connectivity: /sendToDevice fails a few times; the message is readable, and its key has come once."""
    clara = await peer("clara")
    async with awake(bot) as session:
        room = await room_with(bot, anna)
        await anna.invite(room, clara.user_id)
        await clara.raw.join(room)
        proxy.fail(ROOM_KEYS, fault, times=3)
        await reads(anna, await say(session, room, "three views"))
    tries = proxy.attempts("/sendToDevice/")
    assert len(tries) == 4
    assert len({path for path, _ in tries}) == len({str(body) for _, body in tries}) == 1
    assert len(await clara.received()) == 1


async def test_everybody_gets_the_key_in_one_request(
    bot: Bot, proxy: Rewriting, anna: Person, ben: Person, peer: MakePeer
) -> None:
    """To-device: messages are batched."""
    clara = await peer("clara")
    async with awake(bot) as session:
        room = await room_of(anna, bot, ben)
        await anna.invite(room, clara.user_id)
        await clara.raw.join(room)
        await reads(ben, await say(session, room, "to all of you"))
    assert [set(delivery) for delivery in key_deliveries(proxy)] == [{anna.user_id, ben.user_id, clara.user_id}]


async def test_a_flood_of_room_keys_is_taken_in_their_order(
    bot: Bot, proxy: Rewriting, anna: Person, peer: MakePeer
) -> None:
    """To-device: processed in order, more of them than one sync brings; each opens its message."""
    clara = await peer("clara")
    async with awake(bot) as session:
        room = await room_with(bot, anna)
        await anna.invite(room, clara.user_id)
        await clara.raw.join(room)
        held = Held()
        proxy.fail("GET .*/sync", held, times=2)
        channel = await clara.open(bot.user_id, session.device_id)
        conversations = [Conversation(clara, room) for _ in range(105)]  # one sync brings 100
        for conversation in conversations:
            await channel.send_key(conversation)
        for number in range(0, 105, 8):
            await conversations[number].say(f"message {number}")
        held.release()
        await heard(bot, *(f"message {number}" for number in range(0, 105, 8)))


async def test_keys_and_messages_of_one_sync_are_read_keys_first(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """To-device: a message whose key comes in the same sync is read at once."""
    async with awake(bot):
        room = await room_of(anna, bot)
        held = Held()
        proxy.fail("GET .*/sync", held)
        await next_poll(proxy, anna, room)
        await anna.send(room, "with its key")
        held.release()
        async with asyncio.timeout(reading.KEY_WITHIN - 2):  # and not when the bot looks again for what waits
            await heard(bot, "with its key")
        (both,) = [one.answer for one in proxy.exchanges("GET .*/sync") if one.answer.get("to_device")]
        assert room in both["rooms"]["join"]


async def test_a_key_that_comes_later_than_its_message_opens_it(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """To-device: the key is late by some syncs; nothing else waits for it."""
    kept: list[Any] = []
    late = True

    def delay(given: Any) -> None:
        events = given.get("to_device", {}).get("events", [])
        if late:
            kept.extend(events)
            events.clear()
        elif kept:
            given.setdefault("to_device", {}).setdefault("events", []).extend(kept)
            kept.clear()

    proxy.always("GET .*/sync", answer(delay))
    async with awake(bot):
        room, other = await room_of(anna, bot), await room_of(anna, bot, encrypted=False)
        await anna.send(room, "before its key")
        await anna.send(other, "in the clear")
        await until(lambda: bot.inbox.bodies == ["in the clear"])
        late = False
        await anna.send(other, "in the clear again")
        await until(lambda: len(bot.inbox.bodies) == 3)
    assert set(bot.inbox.bodies) == {"in the clear", "before its key", "in the clear again"}
    assert not bot.inbox.undecryptable


async def test_a_key_is_not_lost_while_nobodys_devices_can_be_asked_for(
    bot: Bot, proxy: Rewriting, anna: Person
) -> None:
    """To-device: a room key arrives, and /keys/query fails for a while; the message is read in the end."""
    async with awake(bot):
        room = await room_of(anna, bot)
        rule = proxy.fail("POST .*/keys/query", faults.html(502), times=14)
        await anna.send(room, "patience")
        await heard(bot, "patience")
        assert rule.met == 14


@pytest.mark.parametrize("answered", ["never answered", "answered"])
async def test_a_lost_olm_session_is_begun_anew(
    bot: Bot, proxy: Rewriting, anna: Person, monkeypatch: pytest.MonkeyPatch, answered: str
) -> None:
    """To-device: wedged sessions. The bot's side of the Olm session is gone; the next key comes through a new one."""
    monkeypatch.setattr(reading, "KEY_WITHIN", 1.0)  # seconds
    async with awake(bot) as session:
        room = await room_of(anna, bot, rotation={"rotation_period_msgs": 1})
        await anna.send(room, "first")
        await heard(bot, "first")
        if answered == "answered":  # what she sends from now on is no more a pre-key message
            await reads(anna, await say(session, room, "answer"))
        _forget_olm_sessions(session)
    before = len(key_deliveries(proxy))
    async with awake(bot):
        await anna.send(room, "lost")
        await until(lambda: len(key_deliveries(proxy)) > before)  # m.dummy
        await anna.send(room, "lost, perhaps")  # sent before she has heard of it
        await until(lambda: len(bot.inbox.bodies) > 1 or len(bot.inbox.undecryptable) > 1)
        await anna.send(room, "found")
        await until(lambda: "found" in bot.inbox.bodies)
    assert "lost" not in bot.inbox.bodies
    assert len(key_deliveries(proxy)) == before + 1  # once an hour


def _forget_olm_sessions(session: Any) -> None:
    """As when the state directory comes from an old backup."""
    session.client.store.database.execute_sql("DELETE FROM olmsessions")
