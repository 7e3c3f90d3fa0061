"""The operator's four words: whose commands count, and who gets keys. With real clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix.errors import NotSent
from config.settings import TrustSettings
from config.trust import TrustLevel
from ledger.trust import EMOJI, OPERATOR
from tests.bot.matrix.conftest import Bot, room_with, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.demo.people import Person, SeenEvent
    from bot.matrix.events import Message
    from tests.servers.people import People

PATIENT = {"msgtype": "m.text", "body": "Ankle, three views"}
VERIFIED = TrustSettings(receive="cross-signed-verified", send="cross-signed-verified")  # type: ignore[arg-type]
ANYBODY = TrustSettings(receive="unverified", send="unverified")  # type: ignore[arg-type]
STRANGERS = TrustSettings(receive="cross-signed-untrusted", send="cross-signed-untrusted")  # type: ignore[arg-type]


async def seen(person: Person, event_id: str) -> SeenEvent:
    return await person.wait(lambda event: event.event_id == event_id)


async def heard(bot: Bot, person: Person, room: str, text: str) -> Message:
    """What the bot makes of this line."""
    await person.send(room, text)
    await until(lambda: text in bot.inbox.bodies)
    return next(message for message in bot.inbox.messages if message.body == text)


async def test_the_second_signed_device_of_a_person_commands_and_reads(
    bot: Bot, person: People, account: Callable[[str], Awaitable[Any]], anna: Person
) -> None:
    ben = await account("ben")
    workstation = await person(ben)
    async with bot.running() as session:
        room = await room_with(bot, anna, workstation)
        await session.send(room, PATIENT, "one")
        phone = await person(ben, secrets=await workstation.secrets())
        message = await heard(bot, phone, room, "!share study")
        sent = await session.send(room, PATIENT, "two")
        for device in (workstation, phone, anna):
            assert (await seen(device, sent)).trusted
    assert message.clinician is not None
    assert (message.clinician.user_id, message.clinician.device_id) == (phone.user_id, phone.device_id)


async def test_who_was_only_met_is_not_enough_where_the_operator_asks_for_verified_people(
    bot: Bot, anna: Person
) -> None:
    bot.trust = VERIFIED
    async with bot.running() as session:
        room = await room_with(bot, anna)
        before = await heard(bot, anna, room, "!share study one")
        with pytest.raises(NotSent, match=r"have not verified each other.*R04"):
            await session.send(room, PATIENT, "one")
        key = bot.pins.kept[anna.user_id].master_key
        await session.trust.verified(anna.user_id, key, EMOJI)
        after = await heard(bot, anna, room, "!share study two")
        assert (await seen(anna, await session.send(room, PATIENT, "two"))).trusted
        (device,) = (await session.trust.standing(anna.user_id)).good
    assert (before.clinician, before.why_not) == (None, "you and I have not compared emoji yet")
    assert after.clinician is not None
    assert device.level is TrustLevel.CROSS_SIGNED_VERIFIED


async def test_any_device_is_enough_where_the_operator_says_so(
    bot: Bot, person: People, account: Callable[[str], Awaitable[Any]], anna: Person
) -> None:
    bot.trust = ANYBODY
    careless = await person(await account("ben"), strict=False, cross_signed=False)
    async with bot.running() as session:
        room = await room_with(bot, anna, careless)
        message = await heard(bot, careless, room, "!share study")
        sent = await session.send(room, PATIENT, "one")
        assert (await seen(careless, sent)).body == PATIENT["body"]
    assert message.clinician is not None
    assert message.clinician.device_id == careless.device_id


async def test_a_changed_identity_is_enough_where_the_operator_says_so_and_an_unsigned_device_is_not(
    bot: Bot, person: People, account: Callable[[str], Awaitable[Any]], anna: Person
) -> None:
    bot.trust = STRANGERS
    registered = await account("ben")
    ben = await person(registered)
    async with bot.running() as session:
        room = await room_with(bot, anna, ben)
        await session.send(room, PATIENT, "one")
        await ben.new_identity()
        message = await heard(bot, ben, room, "!share study")
        assert (await seen(ben, await session.send(room, PATIENT, "two"))).trusted
        careless = await person(registered, strict=False, cross_signed=False)
        unsigned = await heard(bot, careless, room, "!share mine")
        with pytest.raises(NotSent, match=r"has changed|not verified"):
            await session.send(room, PATIENT, "three")
    assert message.clinician is not None
    assert unsigned.clinician is None


async def test_the_operators_confirmation_ends_a_change_without_a_word_from_the_server(
    bot: Bot, person: People, anna: Person
) -> None:
    ben = await person("ben")
    async with bot.running() as session:
        room = await room_with(bot, anna, ben)
        await session.send(room, PATIENT, "one")
        await ben.new_identity()
        refused = await heard(bot, ben, room, "!share one")
        with pytest.raises(NotSent, match="has changed"):
            await session.send(room, PATIENT, "two")
        pin = bot.pins.kept[ben.user_id]
        assert pin.changed_to
        await bot.pins.verified(ben.user_id, pin.changed_to, OPERATOR)  # as the console does, beside the bot
        accepted = await heard(bot, ben, room, "!share two")
        assert (await seen(ben, await session.send(room, PATIENT, "three"))).trusted
    assert (refused.clinician, refused.why_not) == (None, "your identity has changed since we met")
    assert accepted.clinician is not None
