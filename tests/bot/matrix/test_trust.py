"""Who gets a key: the cross-signed devices of joined members, nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix.cleartext import Farewell
from bot.matrix.errors import NotSent
from tests.bot.matrix.conftest import Bot, Raw, room_with, until
from tests.servers.people import Account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.demo.people import Person, SeenEvent
    from tests.servers.people import People

PATIENT = {"msgtype": "m.text", "body": "Ankle, three views"}
REFUSAL = {"msgtype": "m.notice", "body": "Not shared."}


async def seen(person: Person, event_id: str) -> SeenEvent:
    return await person.wait(lambda event: event.event_id == event_id)


async def test_an_unsigned_device_gets_no_key_and_stops_what_is_strict(
    bot: Bot, person: People, account: Callable[[str], Awaitable[Any]], anna: Person
) -> None:
    ben = await account("ben")
    signed, unsigned = await person(ben), await person(ben, strict=False, cross_signed=False)
    async with bot.running() as session:
        room = await room_with(bot, anna, signed)
        with pytest.raises(NotSent, match=r"not verified") as refused:
            await session.send(room, PATIENT, "strict")
        sent = await session.send(room, REFUSAL, "refusal", strict=False)
        at_anna, at_signed = await seen(anna, sent), await seen(signed, sent)
        at_unsigned = await seen(unsigned, sent)
        assert not any(event.type == "m.room.encrypted" and event.event_id != sent for event in anna.events)
    assert (refused.value.code, bot.user_id in refused.value.sentence) == ("R04", False)
    assert signed.user_id in refused.value.sentence
    assert at_anna.trusted
    assert at_signed.trusted
    assert at_unsigned.failure is not None


async def test_a_device_that_appears_later_stops_the_next_send(
    bot: Bot, person: People, account: Callable[[str], Awaitable[Any]], anna: Person
) -> None:
    ben = await account("ben")
    first = await person(ben)
    async with bot.running() as session:
        room = await room_with(bot, anna, first)
        assert (await seen(first, await session.send(room, PATIENT, "one"))).trusted
        late = await person(ben, strict=False, cross_signed=False)
        token = bot.inbox.token
        await anna.send(room, "anything")  # the news of the device is in a sync before this one or in it
        await anna.wait(lambda event: event.body == "anything")
        await _synced(bot, token)
        with pytest.raises(NotSent, match="R04"):
            await session.send(room, PATIENT, "two")
        sent = await session.send(room, REFUSAL, "three", strict=False)
        assert (await seen(first, sent)).trusted
        assert (await seen(late, sent)).failure is not None


async def test_an_invited_person_gets_no_key_before_they_join(bot: Bot, person: People, anna: Person) -> None:
    ben = await person("ben")
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await anna.invite(room, ben.user_id)
        facts = await session.facts(room)
        before = await session.send(room, PATIENT, "before")
        await seen(anna, before)
        await ben.join(room)
        after = await session.send(room, PATIENT, "after")
        assert (await seen(ben, after)).trusted
        at_ben = [event for event in await ben.timeline(room) if event.event_id == before]
    assert (ben.user_id in facts.invited, ben.user_id in facts.joined) == (True, False)
    assert all(event.failure for event in at_ben)


async def test_who_has_left_cannot_read_what_comes_after(bot: Bot, person: People, anna: Person) -> None:
    ben = await person("ben")
    async with bot.running() as session:
        room = await room_with(bot, anna, ben)
        before = await session.send(room, PATIENT, "before")
        assert (await seen(ben, before)).trusted
        old = session.client.olm.outbound_group_sessions[room].id
        await anna.kick(room, ben.user_id)
        after = await session.send(room, PATIENT, "after")
        assert (await seen(anna, after)).trusted
        assert session.client.olm.outbound_group_sessions[room].id != old


async def test_a_new_identity_of_a_person_stops_everything_until_it_is_accepted(
    bot: Bot, person: People, anna: Person
) -> None:
    ben = await person("ben")
    async with bot.running() as session:
        room = await room_with(bot, anna, ben)
        await session.send(room, PATIENT, "before")
        await ben.new_identity()
        session.trust.doubt([ben.user_id])
        with pytest.raises(NotSent, match=r"identity of .* has changed"):
            await session.send(room, PATIENT, "after")
        await ben.send(room, "!share study")
        await _said(bot, "!share study")
    assert bot.inbox.messages[-1].clinician is None
    assert bot.inbox.messages[-1].why_not == "your identity has changed since we met"


async def test_the_command_of_an_unsigned_device_has_no_author(
    bot: Bot, person: People, account: Callable[[str], Awaitable[Any]], anna: Person
) -> None:
    careless = await person(await account("ben"), strict=False, cross_signed=False)
    async with bot.running():
        room = await room_with(bot, anna, careless)
        await careless.send(room, "!share study")
        await _said(bot, "!share study")
    (message,) = bot.inbox.messages
    assert (message.clinician, message.why_not) == (None, "you have not set up verification in your app")


async def test_in_a_room_without_encryption_nothing_is_said_at_all(bot: Bot, anna: Person) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna, encrypted=False)
        for content, strict in ((PATIENT, True), (REFUSAL, False)):
            with pytest.raises(NotSent, match="R01"):
                await session.send(room, content, "one", strict=strict)
        await session.leave(room, reason=Farewell.NOT_ENCRYPTED)
        left = (room, bot.user_id, "leave")
        gone = await anna.wait(lambda one: (one.room, one.state_key, one.content.get("membership")) == left)
    assert gone.content["reason"] == Farewell.NOT_ENCRYPTED
    assert not any(event.sender == bot.user_id and event.state_key is None for event in await anna.timeline(room))


async def test_a_room_that_lost_its_encryption_is_never_spoken_to_in_the_clear(bot: Bot, anna: Person) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await session.send(room, PATIENT, "one")
        await anna.send_state(room, "m.room.encryption", {"algorithm": "none"})
        facts = await session.facts(room)
        with pytest.raises(NotSent, match="R14"):
            await session.send(room, PATIENT, "two")
        sent = await session.send(room, REFUSAL, "three", strict=False)
        raw = await session.client.call("GET", f"/_matrix/client/v3/rooms/{room}/event/{sent}")
    assert (facts.encrypted, facts.downgraded) == (False, True)
    assert raw["type"] == "m.room.encrypted"


async def test_a_device_on_the_bots_own_account_gets_no_key_and_stops_nobody(
    bot: Bot, stranger: Callable[..., Awaitable[Raw]], anna: Person
) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna)
        thief = await stranger(_registered(bot))
        assert thief.device_id != session.device_id
        sent = await session.send(room, PATIENT, "one")
        assert (await seen(anna, sent)).trusted
        waiting = await thief.call("GET", "/sync")
    assert not waiting.get("to_device", {}).get("events")


async def _said(bot: Bot, body: str) -> None:
    await until(lambda: bot.inbox.messages and bot.inbox.messages[-1].body == body)


async def _synced(bot: Bot, token: str | None) -> None:
    await until(lambda: bot.inbox.token != token and bot.inbox.bodies[-1:] == ["anything"])


def _registered(bot: Bot) -> Any:
    return Account(bot.user_id, bot.user_id, str(bot.account.password))
