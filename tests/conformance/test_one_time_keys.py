"""One-time keys: offered once, used once, never short."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.bot.matrix.conftest import Bot, room_with, until
from tests.conformance.conftest import awake, heard, reads, room_of, say
from tests.servers import proxy as faults
from tests.servers.peer import Channel, Conversation, Peer
from tests.servers.rewriting import answer

if TYPE_CHECKING:
    from bot.demo.people import Person
    from tests.conformance.conftest import MakePeer
    from tests.servers.rewriting import Rewriting


async def exhaust(peer: Peer, user_id: str) -> tuple[str, dict[str, Any]]:
    """Claim all one-time keys of somebody's only device; returns the fallback key that is left."""
    (device_id,) = await peer.keys_of(user_id)
    for _ in range(200):
        key_id, key = await peer.claim(user_id, device_id)
        if key.get("fallback"):
            return key_id, key
    raise AssertionError("there is no end to the one-time keys")


async def begin(channel: Channel, room: str, text: str) -> None:
    """Send the key of a new session, and say something with it."""
    conversation = Conversation(channel.peer, room)
    await channel.send_key(conversation)
    await conversation.say(text)


def offered(proxy: Rewriting, part: str) -> list[tuple[str, str]]:
    """Id and key of all that was uploaded in this part, in order."""
    uploads = [one.body for one in proxy.exchanges("POST .*/keys/upload") if one.body]
    return [(key_id, key["key"]) for body in uploads for key_id, key in body.get(part, {}).items()]


async def test_the_fallback_key_serves_several_senders_when_one_time_keys_have_run_out(
    bot: Bot, anna: Person, ben: Person, peer: MakePeer
) -> None:
    """One-time keys: the fallback key is used when they run out, and each session begun with it is accepted."""
    mallory = await peer("mallory")
    async with awake(bot):
        room = await room_of(anna, bot, ben)
    await exhaust(mallory, bot.user_id)
    await anna.send(room, "first")
    await ben.send(room, "second")
    async with awake(bot):
        await heard(bot, "first", "second")


async def test_a_used_fallback_key_is_replaced_and_still_opens_what_is_on_its_way(
    bot: Bot, proxy: Rewriting, anna: Person, peer: MakePeer
) -> None:
    """One-time keys: the fallback key is cycled as soon as its use is known; the one before it is kept."""
    mallory = await peer("clara")
    async with awake(bot):
        room = await room_with(bot, anna)
    old_id, old = await exhaust(mallory, bot.user_id)
    async with awake(bot) as session:
        await until(lambda: len(offered(proxy, "fallback_keys")) >= 2)
        await anna.invite(room, mallory.user_id)
        await mallory.raw.join(room)
        channel = await mallory.channel(bot.user_id, session.device_id, old["key"])
        await begin(channel, room, "with the old fallback key")
        await heard(bot, "with the old fallback key")
    (first, _), *others = offered(proxy, "fallback_keys")
    assert first == old_id
    assert old_id not in {key_id for key_id, _ in others}


async def test_a_one_time_key_opens_one_session_and_no_second_one(bot: Bot, anna: Person, peer: MakePeer) -> None:
    """One-time keys: the second use of one is refused, also after a restart."""
    clara = await peer("clara")
    async with awake(bot) as session:
        room = await room_with(bot, anna)
        await anna.invite(room, clara.user_id)
        await clara.raw.join(room)
        _, key = await clara.claim(bot.user_id, session.device_id)
        await begin(await clara.channel(bot.user_id, session.device_id, key["key"]), room, "first")
        await heard(bot, "first")
    async with awake(bot) as session:
        for text in ("second", "third"):
            await begin(await clara.channel(bot.user_id, session.device_id, key["key"]), room, text)
        await begin(await clara.open(bot.user_id, session.device_id), room, "with a fresh key")
        await heard(bot, "first", "with a fresh key")


async def test_one_time_keys_outlive_a_restart_and_are_never_offered_twice(
    bot: Bot, proxy: Rewriting, anna: Person, peer: MakePeer
) -> None:
    """One-time keys: ids stay unique over restarts; what was claimed before one is accepted after it."""
    clara = await peer("clara")
    async with awake(bot) as session:
        room = await room_with(bot, anna)
        await anna.invite(room, clara.user_id)
        await clara.raw.join(room)
        channels = [await clara.open(bot.user_id, session.device_id) for _ in range(15)]
    async with awake(bot):
        for number in (0, 14):
            await begin(channels[number], room, f"channel {number}")
        await heard(bot, "channel 0", "channel 14")
        await until(lambda: len(offered(proxy, "one_time_keys")) >= 65)
    ids = [key_id for key_id, _ in offered(proxy, "one_time_keys")]
    keys = [key for _, key in offered(proxy, "one_time_keys")]
    assert len(ids) == len(set(ids)) == len(set(keys))
    assert all(one.status == 200 for one in proxy.exchanges("POST .*/keys/upload"))


async def test_a_failed_upload_is_repeated_with_the_same_keys(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """Connectivity: /keys/upload fails, then its answer is lost; others can send to this device all the same."""
    proxy.fail("POST .*/keys/upload", faults.status(504))
    proxy.fail("POST .*/keys/upload", faults.drop_response)
    async with awake(bot):
        room = await room_of(anna, bot)
        await anna.send(room, "reaches you")
        await heard(bot, "reaches you")
    tries = [str(body["one_time_keys"]) for _, body in proxy.attempts("/keys/upload") if "one_time_keys" in body]
    assert len(tries) == 3
    assert len(set(tries)) == 1


async def test_device_keys_are_uploaded_once(bot: Bot, proxy: Rewriting) -> None:
    """State synchronisation: what the server has is not uploaded again at each start."""
    for _ in range(3):
        async with awake(bot):
            pass
    uploads = [body for _, body in proxy.attempts("/keys/upload")]
    assert sum("device_keys" in body for body in uploads) == 1
    assert sum("one_time_keys" in body for body in uploads) == 1
    assert len(proxy.attempts("device_signing/upload")) == len(proxy.attempts("signatures/upload")) == 1


async def test_a_failed_claim_is_repeated(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """Connectivity: /keys/claim fails a few times; the message goes out, readable."""
    async with awake(bot) as session:
        room = await room_of(anna, bot)
        rule = proxy.fail("POST .*/keys/claim", faults.status(502), times=3)
        await reads(anna, await say(session, room, "after all"))
        assert rule.met == 3


async def test_a_message_waits_while_the_server_has_no_key_of_a_member(
    bot: Bot, proxy: Rewriting, anna: Person
) -> None:
    """Connectivity: /keys/claim answers without a key; nothing goes out that somebody could not read."""
    async with awake(bot) as session:
        room = await room_of(anna, bot)
        rule = proxy.fail("POST .*/keys/claim", answer(lambda given: given["one_time_keys"].clear()), times=3)
        sending = asyncio.create_task(say(session, room, "after all"))
        await until(lambda: rule.met == 3)
        assert not proxy.attempts("/send/")
        await reads(anna, await sending)
