"""What people said reaches the inbox once, in order, whatever strangers and the server do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix import reading
from bot.matrix.olm import OLM
from bot.matrix.patience import Patience
from tests.bot.matrix.conftest import Bot, Raw, joined, room_with, until
from tests.fakes.matrix import MemoryInbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.demo.people import Person
    from bot.matrix.events import SyncBatch
    from tests.servers.people import People


async def test_250_messages_sent_while_the_bot_was_away_all_arrive_in_their_order(bot: Bot, anna: Person) -> None:
    async with bot.running():
        room = await room_with(bot, anna)
        await anna.send(room, "before")
        await until(lambda: bot.inbox.bodies == ["before"])
    for start in range(0, 250, 25):  # so many at once: the order is the server's
        await asyncio.gather(*(anna.send(room, f"!status {number}") for number in range(start, start + 25)))
    async with bot.running():
        await until(lambda: len(bot.inbox.bodies) >= 251)
    said = [event.body for event in await anna.timeline(room, 300) if event.type == "m.room.message"]
    assert bot.inbox.bodies == said
    assert len(said) == 251
    assert all(message.clinician for message in bot.inbox.messages)
    assert len({(message.session_id, message.message_index) for message in bot.inbox.messages}) == 251


async def test_a_fresh_inbox_runs_no_old_command(bot: Bot, anna: Person) -> None:
    async with bot.running():
        room = await room_with(bot, anna)
        for number in range(10):
            await anna.send(room, f"!share study {number}")
        await until(lambda: len(bot.inbox.bodies) == 10)
    old = {(message.session_id, message.message_index) for message in bot.inbox.messages}
    bot.inbox = MemoryInbox()
    async with bot.running():
        await anna.send(room, "!help")
        await until(lambda: bot.inbox.bodies)
    assert bot.inbox.bodies == ["!help"]
    # History is handed over as such: the inbox learns which ciphertexts were used, and knows a replay.
    assert {(one.session_id, one.message_index) for one in bot.inbox.messages if not one.live} == old


async def test_nothing_is_lost_when_the_inbox_breaks(bot: Bot, anna: Person) -> None:
    async with bot.running():
        room = await room_with(bot, anna)
        await anna.send(room, "first")
        await until(lambda: bot.inbox.bodies == ["first"])
    token = bot.inbox.token
    await anna.send(room, "second")
    bot.inbox.broken = True
    async with bot.session() as session:
        with pytest.raises(RuntimeError, match="broken"):
            await bot.loop(session).run()
    assert bot.inbox.token == token
    bot.inbox.broken = False
    async with bot.running():
        await until(lambda: bot.inbox.bodies == ["first", "second"])


async def test_an_inbox_that_is_away_for_a_while_gets_everything_later(
    bot: Bot, stranger: Callable[[str], Awaitable[Raw]], monkeypatch: pytest.MonkeyPatch, anna: Person
) -> None:
    monkeypatch.setattr(reading, "KEY_WITHIN", 0.5)  # seconds
    mallory = await stranger("mallory")
    async with bot.running(patience=Patience(first_pause=0.05)):
        room = await room_with(bot, anna)
        await anna.invite(room, mallory.user_id)
        await mallory.join(room)
        for number in range(5):
            bot.inbox.away = 2
            await anna.send(room, f"message {number}")
            await mallory.say(room, KEYLESS, "m.room.encrypted")
            await asyncio.sleep(0.2)
        await until(lambda: len({one.event_id for one in bot.inbox.undecryptable}) == 5)
    assert bot.inbox.bodies == [f"message {number}" for number in range(5)]


async def test_invitations_are_handed_over_with_who_invites(bot: Bot, anna: Person) -> None:
    async with bot.session():
        pass
    early = await anna.create_room("Before the first sync", [bot.user_id])
    heard: list[SyncBatch] = []

    async def on_news(batch: SyncBatch) -> None:
        heard.append(batch)

    async with bot.running(on_news=on_news):
        late = await anna.create_room("Ankle clinic", [bot.user_id])
        await anna.wait(lambda event: joined(event, late, bot.user_id))
    handed = [one for batch in heard for one in batch.invitations]
    assert [(one.room_id, one.inviter, one.is_direct) for one in handed] == [
        (early, anna.user_id, False),
        (late, anna.user_id, False),
    ]
    assert bot.inbox.invitations == handed


async def test_who_comes_and_goes_is_a_hint(bot: Bot, stranger: Callable[[str], Awaitable[Raw]], anna: Person) -> None:
    mallory = await stranger("mallory")
    heard: list[str] = []

    async def on_news(batch: SyncBatch) -> None:
        heard.extend(batch.members_changed)

    async with bot.running(on_news=on_news):
        room = await room_with(bot, anna)
        heard.clear()
        await anna.invite(room, mallory.user_id)
        await until(lambda: heard.count(room) == 1)
        await mallory.join(room)
        await until(lambda: heard.count(room) == 2)
        await anna.send(room, "!help")
        await until(lambda: bot.inbox.bodies)
    assert set(heard) == {room}


async def test_only_new_plain_text_of_others_is_a_message(bot: Bot, anna: Person) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna)
        first = await anna.send(room, "typo")
        await anna.edit(room, first, "!share study")
        await anna.notice(room, "!share study")
        await anna.react(room, first, "!share study")
        await anna.send_raw(room, "m.room.message", {"msgtype": "m.emote", "body": "!share study"})
        await anna.send_raw(room, "org.example.other", {"msgtype": "m.text", "body": "!share study"})
        await session.send(room, {"msgtype": "m.text", "body": "!share study"}, "own")
        quoted = "> <@eve:localhost> !share study\n\nI agree"
        reply = {"m.in_reply_to": {"event_id": first}}
        await anna.send_raw(room, "m.room.message", {"msgtype": "m.text", "body": quoted, "m.relates_to": reply})
        await anna.send(room, "last")
        await until(lambda: "last" in bot.inbox.bodies)
    assert bot.inbox.bodies == ["typo", "I agree", "last"]
    assert bot.inbox.messages[1].relates_to == reply


async def test_what_was_said_before_the_bot_came_is_not_for_it(bot: Bot, person: People, anna: Person) -> None:
    async with bot.running():
        room = await person.room(anna, history="shared", encrypted=False)
        for number in range(30):
            await anna.send(room, f"!share study {number}")
        await anna.invite(room, bot.user_id)
        await anna.wait(lambda event: joined(event, room, bot.user_id))
        await anna.send(room, "welcome")
        await until(lambda: bot.inbox.bodies)
    assert [message.body for message in bot.inbox.messages] == ["welcome"]


async def test_a_message_in_the_clear_has_no_author(bot: Bot, anna: Person) -> None:
    async with bot.running():
        room = await room_with(bot, anna, encrypted=False)
        await anna.send(room, "!share study")
        await until(lambda: bot.inbox.bodies)
    (message,) = bot.inbox.messages
    assert (message.clinician, message.why_not, message.session_id) == (None, "it was not encrypted", "")


KEYLESS = {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "A" * 43, "ciphertext": "AwgAEg"}
GARBAGE: list[Any] = [
    {},
    {"algorithm": OLM},
    {"algorithm": OLM, "sender_key": "AAAA", "ciphertext": {"$us": {"type": 0, "body": "A"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": 0, "body": "AAAA"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": 1, "body": "AAAA"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": 1, "body": "%"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": 7, "body": "A"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": [], "body": 5}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": "text"}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": "text"},
    {"algorithm": OLM, "sender_key": 5, "ciphertext": []},
    {"algorithm": ["m.megolm.v1.aes-sha2"], "session_id": {"a": 1}},
]  # fmt: skip


async def test_malformed_messages_of_a_stranger_to_our_device_change_nothing(
    bot: Bot, stranger: Callable[[str], Awaitable[Raw]], anna: Person
) -> None:
    mallory = await stranger("mallory")
    async with bot.running() as session:
        room = await room_with(bot, anna)
        us = session.client.olm.curve25519
        for garbage in GARBAGE:
            await mallory.to_device(bot.user_id, "m.room.encrypted", _filled(garbage, us))
        for kind in ("m.room_key", "m.forwarded_room_key", "m.room_key.withheld", "m.key.verification.start"):
            await mallory.to_device(bot.user_id, kind, {"session_id": [], "room_id": room, "methods": 3})
        await anna.send(room, "!help")
        await until(lambda: bot.inbox.bodies)
        sent = await session.send(room, {"msgtype": "m.notice", "body": "Still here."}, "txn-1")
        assert (await anna.wait(lambda event: event.event_id == sent)).trusted
    assert bot.inbox.messages[0].clinician is not None


async def test_malformed_events_of_a_member_change_nothing(
    bot: Bot, stranger: Callable[[str], Awaitable[Raw]], anna: Person
) -> None:
    mallory = await stranger("mallory")
    async with bot.running():
        room = await room_with(bot, anna)
        await anna.invite(room, mallory.user_id)
        await mallory.join(room)
        for content in (*GARBAGE, {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "A", "ciphertext": "%"}):
            await mallory.say(room, content, "m.room.encrypted")
        await mallory.say(room, {"m.relates_to": 5, "msgtype": "m.text", "body": ""})  # well-formed after all
        await anna.send(room, "!help")
        await until(lambda: "!help" in bot.inbox.bodies)
    assert bot.inbox.bodies == ["", "!help"]


async def test_malformed_device_keys_in_a_shared_room_change_nothing_but_for_their_owner(
    bot: Bot, stranger: Callable[[str], Awaitable[Raw]], anna: Person
) -> None:
    mallory = await stranger("mallory")
    device = mallory.device_id
    await mallory.call("POST", "/keys/upload", {"device_keys": {
        "user_id": mallory.user_id, "device_id": device, "algorithms": [OLM],
        "keys": {f"ed25519:{device}": "AAAA", f"curve25519:{device}": "AAAA"},
        "signatures": {mallory.user_id: {f"ed25519:{device}": "AAAA"}},
    }})  # fmt: skip
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await anna.invite(room, mallory.user_id)
        await mallory.join(room)
        await anna.send(room, "!help")
        await until(lambda: bot.inbox.bodies)
        (found,) = (await session.facts(room)).unverified_devices
        sent = await session.send(room, {"msgtype": "m.notice", "body": "No."}, "txn-1", strict=False)
        assert (await anna.wait(lambda event: event.event_id == sent)).trusted
    assert (found.user_id, found.device_id, found.reason) == (mallory.user_id, device, "malformed")


async def test_a_message_waits_for_its_key_and_its_sender_hears_when_none_comes(
    bot: Bot, stranger: Callable[[str], Awaitable[Raw]], monkeypatch: pytest.MonkeyPatch, anna: Person
) -> None:
    monkeypatch.setattr(reading, "KEY_WITHIN", 2.0)  # seconds
    mallory = await stranger("mallory")
    async with bot.running():
        room = await room_with(bot, anna)
        await anna.invite(room, mallory.user_id)
        await mallory.join(room)
        before = bot.inbox.token
        event_id = await mallory.say(room, KEYLESS, "m.room.encrypted")
        await anna.send(room, "!help")
        await until(lambda: bot.inbox.bodies == ["!help"])
        held = bot.inbox.token
        await until(lambda: bot.inbox.undecryptable)
        await until(lambda: bot.inbox.token != held)
    (found,) = bot.inbox.undecryptable
    assert (found.event_id, found.sender) == (event_id, mallory.user_id)
    assert "key" in found.why
    assert before is not None


async def test_a_crash_while_a_message_waits_for_its_key_brings_it_again(
    bot: Bot, stranger: Callable[[str], Awaitable[Raw]], monkeypatch: pytest.MonkeyPatch, anna: Person
) -> None:
    mallory = await stranger("mallory")
    async with bot.running():
        room = await room_with(bot, anna)
        await anna.invite(room, mallory.user_id)
        await mallory.join(room)
        await mallory.say(room, KEYLESS, "m.room.encrypted")
        await anna.send(room, "!help")
        await until(lambda: bot.inbox.bodies == ["!help"])
    assert not bot.inbox.undecryptable
    monkeypatch.setattr(reading, "KEY_WITHIN", 0.5)
    async with bot.running():
        await until(lambda: bot.inbox.undecryptable)
    assert bot.inbox.bodies == ["!help"]


async def test_a_key_that_comes_late_makes_the_message_readable(bot: Bot, anna: Person) -> None:
    async with bot.running():
        room = await room_with(bot, anna)
        await anna.send(room, "first")
        await until(lambda: bot.inbox.bodies == ["first"])
    async with bot.session() as session:
        await anna.send(room, "second")
        sessions = session.client.olm.inbound_group_store._entries
        kept = {**sessions}
        sessions.clear()  # as if the key were still on its way
        loop = bot.loop(session)
        task = asyncio.create_task(loop.run())
        await asyncio.wait_for(loop.ready.wait(), 20)
        assert bot.inbox.bodies == ["first"]
        sessions.update(kept)
        await anna.send(room, "third")
        await until(lambda: len(bot.inbox.bodies) == 3)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert bot.inbox.bodies == ["first", "second", "third"]


async def test_used_one_time_keys_are_replaced_even_when_none_is_left(
    bot: Bot, stranger: Callable[[str], Awaitable[Raw]]
) -> None:
    mallory = await stranger("mallory")

    async def left() -> int:
        answer = await session.client.call("POST", "/_matrix/client/v3/keys/upload", {})
        return int(answer["one_time_key_counts"].get("signed_curve25519", 0))

    async def filled() -> None:
        async with asyncio.timeout(20):
            while await left() < 50:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.1)

    async with bot.running() as session:
        await filled()
        claim = {"one_time_keys": {bot.user_id: {session.device_id: "signed_curve25519"}}}
        offered = [await mallory.call("POST", "/keys/claim", claim) for _ in range(60)]
        assert all(answer["one_time_keys"] for answer in offered)  # from the 51st on it is the fallback key
        assert await left() == 0
        await mallory.to_device(bot.user_id, "m.dummy", {})  # wakes the sync that waits
        await filled()


def _filled(garbage: Any, us: str) -> Any:
    if isinstance(garbage, dict):
        return {(us if key == "$us" else key): _filled(value, us) for key, value in garbage.items()}
    return us if garbage == "$key" else garbage
