"""Lies in every place where one can stand: of a member with a device made by hand, and of the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix import reading
from bot.matrix.errors import KeyNotDelivered, NotSent
from tests.bot.matrix.conftest import until
from tests.conformance.conftest import awake, key_deliveries, next_poll, reads, room_of, say
from tests.servers.peer import Channel, Conversation, Peer
from tests.servers.rewriting import answer

if TYPE_CHECKING:
    from bot.demo.people import Person
    from bot.matrix.session import MatrixSession
    from tests.bot.matrix.conftest import Bot
    from tests.conformance.conftest import Bare, MakePeer
    from tests.servers.people import People
    from tests.servers.rewriting import Rewriting

NOTICE = {"msgtype": "m.notice", "body": "Ankle, three views"}


@pytest.fixture
async def mallory(peer: MakePeer) -> Peer:
    """A member with good keys and bad intentions."""
    return await peer("mallory")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "KEY_WITHIN", 0.5)  # seconds


async def with_mallory(session: MatrixSession, bot: Bot, anna: Person, mallory: Peer) -> tuple[str, Channel]:
    """A room with all three, and an Olm channel of Mallory's to the bot."""
    room = await room_of(anna, bot)
    await anna.invite(room, mallory.user_id)
    await mallory.raw.join(room)
    return room, await mallory.open(bot.user_id, session.device_id)


async def only_honest(bot: Bot, anna: Person, room: str) -> None:
    """The bot still hears Anna, and whatever else it read has no author."""
    await anna.send(room, "honest")
    await until(lambda: "honest" in bot.inbox.bodies)
    for message in bot.inbox.messages:
        assert (message.body == "honest") == (message.clinician is not None), message


async def test_a_member_with_a_device_made_by_hand_is_heard_when_they_do_not_lie(
    bot: Bot, anna: Person, mallory: Peer
) -> None:
    """Adversarial: the control. The same means, without a lie, are an authenticated message."""
    async with awake(bot) as session:
        room, channel = await with_mallory(session, bot, anna, mallory)
        conversation = Conversation(mallory, room)
        await channel.send_key(conversation)
        await conversation.say("no lie")
        await until(lambda: bot.inbox.bodies == ["no lie"])
    (message,) = bot.inbox.messages
    assert message.clinician is not None
    assert message.clinician.user_id == mallory.user_id


async def test_a_room_key_whose_olm_payload_lies_is_no_proof_of_anything(bot: Bot, anna: Person, mallory: Peer) -> None:
    """Adversarial: an Olm payload with another sender, recipient, recipient key or fingerprint, or without them."""
    theirs = {"ed25519": mallory.ed25519[::-1]}
    async with awake(bot) as session:
        room, channel = await with_mallory(session, bot, anna, mallory)
        (device,) = (await mallory.keys_of(anna.user_id)).values()
        lies: list[dict[str, Any]] = [
            {"sender": anna.user_id},
            {"sender": None},
            {"recipient": anna.user_id},
            {"recipient": None},
            {"recipient_keys": {"ed25519": device["ed25519"]}},
            {"recipient_keys": {}},
            {"recipient_keys": None},
            {"keys": {"ed25519": device["ed25519"]}},
            {"keys": theirs},
            {"keys": {}},
            {"keys": None},
            {"type": "m.room.message"},
            {"content": "text"},
        ]
        for number, lie in enumerate(lies):
            conversation = Conversation(mallory, room)
            await channel.send_key(conversation, **lie)
            await conversation.say(f"lie {number}")
        await only_honest(bot, anna, room)


async def test_a_room_key_in_the_clear_or_unasked_is_not_taken(bot: Bot, anna: Person, mallory: Peer) -> None:
    """Adversarial: m.room_key without Olm, m.forwarded_room_key without a request, in the clear and through Olm."""
    async with awake(bot) as session:
        room, channel = await with_mallory(session, bot, anna, mallory)
        conversations = [Conversation(mallory, room) for _ in range(4)]
        keys = [one.room_key() for one in conversations]
        forwarded = {"sender_key": mallory.curve25519, "sender_claimed_ed25519_key": mallory.ed25519,
                     "forwarding_curve25519_key_chain": []}  # fmt: skip
        await mallory.raw.to_device(bot.user_id, "m.room_key", keys[0])
        await mallory.raw.to_device(bot.user_id, "m.forwarded_room_key", keys[1] | forwarded)
        await channel.send("m.forwarded_room_key", keys[2] | forwarded)
        await channel.send("m.room_key", keys[3] | {"algorithm": "m.megolm.v0"})
        for conversation in conversations:
            await conversation.say("not with this key")
        await only_honest(bot, anna, room)
        await until(lambda: len(bot.inbox.undecryptable) == 4)


async def test_a_room_key_opens_messages_of_its_own_room_only(bot: Bot, anna: Person, mallory: Peer) -> None:
    """Adversarial: a session of one room is used in another, or its messages say that they belong elsewhere."""
    async with awake(bot) as session:
        room, channel = await with_mallory(session, bot, anna, mallory)
        other = await room_of(anna, bot)
        elsewhere, astray = Conversation(mallory, other), Conversation(mallory, room)
        await channel.send_key(elsewhere)
        await channel.send_key(astray)
        await mallory.raw.say(room, elsewhere.seal("written for another room"), "m.room.encrypted")
        await mallory.raw.say(room, elsewhere.seal("says this one", room_id=room), "m.room.encrypted")
        await astray.say("says another one", room_id=other)
        await only_honest(bot, anna, room)
    assert bot.inbox.bodies == ["honest"]


async def test_a_sender_whom_the_server_puts_in_place_of_the_real_one_is_not_believed(
    bot: Bot, proxy: Rewriting, anna: Person, mallory: Peer
) -> None:
    """Adversarial: spoofed senders. The server writes Anna's name over Mallory's, in rooms and to-device messages."""
    async with awake(bot) as session:
        room, channel = await with_mallory(session, bot, anna, mallory)

        def relabel(given: Any) -> None:
            timeline = given.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", [])
            for event in [*timeline, *given.get("to_device", {}).get("events", [])]:
                if event["sender"] == mallory.user_id:
                    event["sender"] = anna.user_id

        first = Conversation(mallory, room)
        await channel.send_key(first)  # the key under Mallory's name, the message under Anna's
        await first.say("heard as Mallory")
        await until(lambda: bot.inbox.bodies == ["heard as Mallory"])
        bot.inbox.messages.clear()
        proxy.always("GET .*/sync", answer(relabel))
        await next_poll(proxy, anna, room)
        await first.say("relabelled message")
        second, third = Conversation(mallory, room), Conversation(mallory, room)
        await channel.send_key(second)
        await channel.send_key(third, sender=anna.user_id)
        await second.say("relabelled key")
        await third.say("relabelled key that says so too")
        await only_honest(bot, anna, room)


async def test_a_session_that_is_known_is_not_replaced_by_somebody_elses(
    bot: Bot, anna: Person, mallory: Peer, peer: MakePeer
) -> None:
    """Adversarial: a room key with the session id of another person's session, real or invented."""
    clara = await peer("clara")
    async with awake(bot) as session:
        room, channel = await with_mallory(session, bot, anna, mallory)
        await anna.invite(room, clara.user_id)
        await clara.raw.join(room)
        genuine, forged = Conversation(clara, room), Conversation(mallory, room)
        await (await clara.open(bot.user_id, session.device_id)).send_key(genuine)
        await genuine.say("one")
        await until(lambda: bot.inbox.bodies == ["one"])
        await channel.send("m.room_key", forged.room_key() | {"session_id": genuine.group.session_id})
        await channel.send("m.room_key", genuine.room_key())  # Mallory holds the key as well
        await mallory.raw.say(room, forged.seal("forged") | {"session_id": genuine.group.session_id},
                              "m.room.encrypted")  # fmt: skip
        await genuine.say("two")
        await until(lambda: "two" in bot.inbox.bodies)
    assert bot.inbox.bodies == ["one", "two"]
    authors = {message.clinician.user_id for message in bot.inbox.messages if message.clinician}
    assert authors == {clara.user_id}


async def test_a_device_that_the_server_invents_gets_no_key(
    bot: Bot, proxy: Rewriting, anna: Person, mallory: Peer
) -> None:
    """Adversarial: /keys/query is rewritten: a device more, other keys for a device, another identity."""
    (anna_device,) = await mallory.keys_of(anna.user_id)

    def invented(given: Any) -> None:
        keys = mallory.device_keys() | {"user_id": anna.user_id}
        given["device_keys"].get(anna.user_id, {})[mallory.raw.device_id] = keys

    def exchanged(given: Any) -> None:
        for keys in given["device_keys"].get(anna.user_id, {}).values():
            keys["keys"][f"curve25519:{anna_device}"] = mallory.curve25519

    def other_identity(given: Any) -> None:
        if anna.user_id in given["device_keys"]:
            for part, key in mallory.identity().items():
                given[f"{part}s"][anna.user_id] = key | {"user_id": anna.user_id}

    async with awake(bot) as session:
        room = await room_of(anna, bot)
        await reads(anna, await say(session, room, "before"))
        for number, lie in enumerate((invented, exchanged, other_identity)):
            rule = proxy.fail("POST .*/keys/query", answer(lie), times=1000)
            session.trust.doubt_everybody()
            with pytest.raises(NotSent):
                await session.send(room, NOTICE, f"lie {number}")
            await session.send(room, NOTICE, f"harmless {number}", strict=False)
            rule.times = 0
        session.trust.doubt_everybody()
        await reads(anna, await say(session, room, "after"))
    devices = {device for delivery in key_deliveries(proxy) for device in delivery[anna.user_id]}
    assert devices == {anna_device}


async def test_a_one_time_key_that_its_device_has_not_signed_is_not_used(
    bot: Bot, proxy: Rewriting, anna: Person, mallory: Peer
) -> None:
    """Adversarial: /keys/claim is rewritten; the server offers a key of its own in place of the device's."""
    mallory.account.generate_one_time_keys(1)
    (own,) = (key.to_base64() for key in mallory.account.one_time_keys.values())

    def exchange(given: Any) -> None:
        for keys in given["one_time_keys"].get(anna.user_id, {}).values():
            for key in keys.values():
                key["key"] = own

    async with awake(bot) as session:
        room = await room_of(anna, bot)
        rule = proxy.fail("POST .*/keys/claim", answer(exchange), times=1000)
        with pytest.raises(KeyNotDelivered):
            await session.send(room, NOTICE, "one")
        assert key_deliveries(proxy) == []
        rule.times = 0
        await reads(anna, await say(session, room, "two"))


async def test_a_server_that_denies_the_rooms_encryption_gets_no_clear_text(
    bot: Bot, proxy: Rewriting, anna: Person
) -> None:
    """Adversarial: /state without m.room.encryption, or with another algorithm."""

    def without(given: Any) -> None:
        given[:] = [event for event in given if event["type"] != "m.room.encryption"]

    def another(given: Any) -> None:
        for event in given:
            if event["type"] == "m.room.encryption":
                event["content"] = {"algorithm": "org.example.rot13"}

    async with awake(bot) as session:
        room = await room_of(anna, bot)
        await reads(anna, await say(session, room, "encrypted"))
        for number, lie in enumerate((without, another)):
            rule = proxy.fail("GET .*/state$", answer(lie), times=1000)
            with pytest.raises(NotSent):
                await session.send(room, NOTICE, f"lie {number}")
            await reads(anna, await session.send(room, NOTICE, f"harmless {number}", strict=False))
            rule.times = 0
    kinds = {path.split("/send/")[1].split("/")[0] for path, _ in proxy.attempts("/send/")}
    assert kinds == {"m.room.encrypted"}


async def test_a_request_for_keys_is_not_answered(
    bot: Bot, proxy: Rewriting, anna: Person, mallory: Peer, bare: Bare
) -> None:
    """Room keys: m.room_key_request of a stranger, of a member, of a new device of the bot's own account."""
    async with awake(bot) as session:
        room, channel = await with_mallory(session, bot, anna, mallory)
        await reads(anna, await say(session, room, "said before"))
        (session_id,) = {one.body["session_id"] for one in proxy.exchanges("/send/m.room.encrypted/")}
        ours = await Peer.settle(await bare(bot.user_id, bot.account.password), identity=False)
        before = len(proxy.attempts("/sendToDevice/"))
        wanted = {"algorithm": "m.megolm.v1.aes-sha2", "room_id": room, "session_id": session_id,
                  "sender_key": session.client.olm.curve25519}  # fmt: skip
        for one in (mallory, ours):
            request = {
                "action": "request",
                "body": wanted,
                "request_id": "r1",
                "requesting_device_id": one.raw.device_id,
            }
            await one.raw.to_device(bot.user_id, "m.room_key_request", request)
            await (await one.open(bot.user_id, session.device_id)).send("m.room_key_request", request)
        await anna.send(room, "honest")
        await until(lambda: bot.inbox.bodies == ["honest"])
    assert len(proxy.attempts("/sendToDevice/")) == before
    _ = channel


async def test_an_unsigned_device_of_a_member_is_told_why_it_gets_no_key(
    bot: Bot, proxy: Rewriting, account: Any, person: People, bare: Bare
) -> None:
    """Room keys: a device that its owner has not signed gets m.room_key.withheld with m.unverified, and no key."""
    hers = await account("clara")
    clara = await person(hers)
    unsigned = await Peer.settle(await bare(hers.name, hers.password), identity=False)
    async with awake(bot) as session:
        room = await room_of(clara, bot)
        with pytest.raises(NotSent):
            await session.send(room, NOTICE, "studies")
        await reads(clara, await session.send(room, NOTICE, "help", strict=False))
    (told,) = [event["content"] for event in await unsigned.received("m.room_key.withheld")]
    (sent,) = proxy.exchanges(r"PUT .*/send/m\.room\.encrypted/")
    assert (told["code"], told["room_id"], told["session_id"]) == ("m.unverified", room, sent.body["session_id"])
    assert key_deliveries(proxy)[-1][clara.user_id] == [clara.device_id]


async def test_a_message_whose_key_was_withheld_is_answered_with_the_reason(
    bot: Bot, anna: Person, mallory: Peer
) -> None:
    """Room keys: m.room_key.withheld comes in place of the key; the sender hears it in plain words."""
    async with awake(bot) as session:
        room, _ = await with_mallory(session, bot, anna, mallory)
        silent, unexplained = Conversation(mallory, room), Conversation(mallory, room)
        refusal = {key: value for key, value in silent.room_key().items() if key != "session_key"}
        refusal |= {"sender_key": mallory.curve25519, "code": "m.blacklisted", "reason": "not for you"}
        await mallory.raw.to_device(bot.user_id, "m.room_key.withheld", refusal, session.device_id)
        await silent.say("one")
        await unexplained.say("two")
        await until(lambda: len(bot.inbox.undecryptable) == 2)
    first, second = (one.why for one in bot.inbox.undecryptable)
    assert first != second
