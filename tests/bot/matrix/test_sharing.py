"""Room keys: how long one serves, and what those are told who get none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix.errors import KeyNotDelivered
from tests.bot.matrix.conftest import Bot, Raw, room_with
from tests.bot.matrix.handmade import Handmade

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.demo.people import Person
    from bot.matrix.session import MatrixSession
    from tests.servers.people import People

MEGOLM = "m.megolm.v1.aes-sha2"
PATIENT = {"msgtype": "m.text", "body": "Ankle, three views"}
REFUSAL = {"msgtype": "m.notice", "body": "Not shared."}


async def session_of(session: MatrixSession, room: str, event_id: str) -> str:
    raw = await session.client.call("GET", f"/_matrix/client/v3/rooms/{room}/event/{event_id}")
    return str(raw["content"]["session_id"])


async def say(session: MatrixSession, room: str, anna: Person, *steps: object) -> list[str]:
    """Say something once for each step; the Megolm sessions that served. Anna could read all of it."""
    served = []
    for step in steps:
        event_id = await session.send(room, PATIENT, f"{step}")
        assert (await anna.wait(lambda event, sent=event_id: event.event_id == sent)).trusted
        served.append(await session_of(session, room, event_id))
    return served


async def rotate(anna: Person, room: str, **periods: int) -> None:
    await anna.send_state(room, "m.room.encryption", {"algorithm": MEGOLM, **periods})


async def test_a_room_gets_a_new_key_after_as_many_messages_as_it_asks_for(bot: Bot, anna: Person) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await rotate(anna, room, rotation_period_msgs=3)
        served = await say(session, room, anna, *range(7))
    assert [served.index(one) for one in served] == [0, 0, 0, 3, 3, 3, 6]


async def test_a_room_gets_a_new_key_after_as_long_as_it_asks_for(bot: Bot, anna: Person) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await rotate(anna, room, rotation_period_ms=3_000)
        early = await say(session, room, anna, "one", "two")
        await asyncio.sleep(3)
        late = await say(session, room, anna, "three")
    assert early[0] == early[1]
    assert early[0] != late[0]


async def test_a_room_that_asks_for_more_gets_it_at_once(bot: Bot, anna: Person) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna)
        before = await say(session, room, anna, "one", "two")
        await rotate(anna, room, rotation_period_msgs=2)
        after = await say(session, room, anna, "three")
        outbound = session.client.olm.outbound_group_sessions[room]
        await say(session, room, anna, "four")
    assert before[0] == before[1] != after[0]
    assert outbound.max_messages == 2


async def test_a_period_that_is_over_before_the_message_is_out_still_lets_it_out(bot: Bot, anna: Person) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await rotate(anna, room, rotation_period_ms=1)
        served = await say(session, room, anna, "one", "two")
    assert served[0] != served[1]


async def test_a_restart_begins_a_new_key(bot: Bot, anna: Person) -> None:
    """nio keeps no outbound sessions: no period can be lengthened by a restart."""
    async with bot.running() as session:
        room = await room_with(bot, anna)
        before = await say(session, room, anna, "one")
    async with bot.running() as session:
        assert session.client.olm.outbound_group_sessions == {}
        after = await say(session, room, anna, "two")
    assert before != after


async def test_an_unsigned_device_is_told_once_for_each_key_why_it_gets_none(
    bot: Bot, stranger: Callable[..., Awaitable[Raw]], anna: Person
) -> None:
    careless = Handmade(await stranger("careless"))
    await careless.publish(identity=False)
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await rotate(anna, room, rotation_period_msgs=2)
        await anna.invite(room, careless.user_id)
        await careless.raw.join(room)
        for step in range(3):
            await session.send(room, REFUSAL, f"{step}", strict=False)
        told = await careless.withheld()
        sessions = list(session.client.olm.inbound_group_store[room][session.client.olm.curve25519])
        ours = session.client.olm.curve25519
    assert [one["session_id"] for one in told] == sessions
    assert len(sessions) == 2
    for one in told:
        assert (one["code"], one["room_id"], one["algorithm"]) == ("m.unverified", room, MEGOLM)
        assert (one["sender_key"], one["reason"]) == (ours, "You have not set up verification. " + SET_UP)
    assert not [event for event in await careless.received() if event["type"] == "m.room.encrypted"]


SET_UP = "Do so in your app's security settings."


async def test_a_client_shows_that_the_key_was_withheld_from_its_unverified_device(
    bot: Bot, person: People, account: Callable[[str], Awaitable[Any]], anna: Person
) -> None:
    ben = await account("ben")
    signed, unsigned = await person(ben), await person(ben, strict=False, cross_signed=False)
    async with bot.running() as session:
        room = await room_with(bot, anna, signed)
        sent = await session.send(room, REFUSAL, "refusal", strict=False)
        at_unsigned = await unsigned.wait(lambda event: event.event_id == sent and event.failure is not None)
    assert at_unsigned.failure == "MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE"


async def test_a_device_without_keys_to_begin_with_is_told_so_once_and_reached_when_it_has_some(
    bot: Bot, stranger: Callable[..., Awaitable[Raw]], anna: Person
) -> None:
    empty = Handmade(await stranger("empty"))
    await empty.publish(identity=True)
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await anna.invite(room, empty.user_id)
        await empty.raw.join(room)
        for step in ("one", "two"):
            with pytest.raises(KeyNotDelivered, match=empty.user_id):
                await session.send(room, PATIENT, step)
        told = await empty.withheld()
        ours = session.client.olm.curve25519
        await empty.offer()
        await session.send(room, PATIENT, "three")
        kinds = [event["type"] for event in await empty.received()]
    assert [(one["code"], one["sender_key"]) for one in told] == [("m.no_olm", ours)]
    assert not {"room_id", "session_id"} & set(told[0])
    assert "m.room.encrypted" in kinds
