"""The bot at the door, as clinicians with a real client see it: hello, farewell, and rooms that it makes for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.app import built
from bot.demo.process import BotProcess
from bot.matrix.cleartext import Farewell
from config.settings import load_settings
from tests.servers.people import is_join
from tests.servers.proxy import Proxy

from .conftest import copy_cervical_spine

if TYPE_CHECKING:
    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from bot.demo.seen import SeenEvent
    from tests.servers.people import People

    from .conftest import Ward

HELLO = "Hello. "


def hellos(person: Person, bot: str) -> list[str]:
    """The rooms in which the bot said hello, once for each time."""
    return [event.room for event in person.events if event.sender == bot and event.body.startswith(HELLO)]


async def hello(person: Person, ward: Ward, room: str) -> SeenEvent:
    return await person.wait(
        lambda event: (event.room, event.sender) == (room, ward.bot) and event.body.startswith(HELLO), 60
    )


async def gone(person: Person, ward: Ward, room: str) -> Any:
    """The reason with which the bot left the room, or turned the invitation down."""
    event = await person.wait(
        lambda event: (
            (event.room, event.type, event.state_key) == (room, "m.room.member", ward.bot)
            and event.content["membership"] == "leave"
        ),
        60,
    )
    return event.content.get("reason")


def allow_only(ward: Ward, person: Person) -> None:
    policy = f'[[rules]]\npeople = ["{person.user_id}"]\nmay = ["find", "share"]\n'
    (ward.config.parent / "policy.toml").write_text(policy, "utf-8")


async def test_it_says_hello_readably_and_without_a_shield(ward: Ward) -> None:
    async with ward.running():
        room = await ward.clinician.create_room("Trauma", [ward.bot, ward.registrar.user_id])
        said = await hello(ward.clinician, ward, room)
    assert said.trusted
    assert said.msgtype == "m.notice"
    assert "!share study [what]: Share a study in this room." in said.body


@pytest.mark.parametrize(
    ("kind", "content", "farewell"),
    [
        ("m.room.join_rules", {"join_rule": "public"}, Farewell.ANYBODY_JOINS),
        ("m.room.history_visibility", {"history_visibility": "world_readable"}, Farewell.OUTSIDERS_READ),
        ("m.room.tombstone", {"body": "", "replacement_room": "!new:localhost"}, Farewell.REPLACED),
    ],
)
async def test_it_leaves_a_room_that_is_not_fit_with_a_reason_that_its_inviter_sees(
    ward: Ward, kind: str, content: dict[str, Any], farewell: Farewell
) -> None:
    room = await ward.clinician.create_room("Trauma", [])
    await ward.clinician.send_state(room, kind, content)
    async with ward.running():
        await ward.clinician.invite(room, ward.bot)
        assert await gone(ward.clinician, ward, room) == farewell.value
        said = await ward.clinician.wait(lambda event: event.sender == ward.bot and bool(event.body))
    assert said.trusted
    assert said.body.startswith("Studies would not be safe in this room, so I leave it:\n- ")


async def test_it_leaves_a_room_that_is_not_encrypted_and_comes_again_when_it_is(ward: Ward) -> None:
    async with ward.running():
        room = await ward.clinician.create_room("Trauma", [ward.bot], encrypted=False)
        assert await gone(ward.clinician, ward, room) == Farewell.NOT_ENCRYPTED.value
        assert not [event for event in ward.clinician.events if event.sender == ward.bot and event.body]
        await ward.clinician.send_state(room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
        await ward.clinician.invite(room, ward.bot)
        assert (await hello(ward.clinician, ward, room)).trusted


async def test_a_strangers_invitation_is_turned_down_with_a_reason(ward: Ward) -> None:
    allow_only(ward, ward.clinician)
    async with ward.running():
        refused = await ward.registrar.create_room("Other", [ward.bot])
        followed = await ward.clinician.create_room("Trauma", [ward.bot])
        assert await gone(ward.registrar, ward, refused) == Farewell.NOT_WELCOME.value
        await hello(ward.clinician, ward, followed)
    assert not any(is_join(event, refused, ward.bot) for event in ward.registrar.events)


async def test_what_came_while_it_was_down_is_answered_at_its_start(ward: Ward) -> None:
    async with ward.running():
        await ward.gather()
    allow_only(ward, ward.clinician)
    refused = await ward.registrar.create_room("Other", [ward.bot])
    rooms = [await ward.clinician.create_room(f"Room {number}", [ward.bot]) for number in range(3)]
    async with ward.running():
        for room in rooms:
            await hello(ward.clinician, ward, room)
        assert await gone(ward.registrar, ward, refused) == Farewell.NOT_WELCOME.value


async def test_a_crash_between_the_commit_and_the_join_loses_no_invitation(ward: Ward) -> None:
    room = await ward.clinician.create_room("Trauma", [ward.bot])
    async with built(load_settings(ward.config)) as app:
        await app._sync.once()  # the invitation and the token are on disk, and nobody has joined
    assert not any(is_join(event, room, ward.bot) for event in ward.clinician.events)
    async with ward.running():
        await hello(ward.clinician, ward, room)
    async with ward.running():
        await asyncio.sleep(1)
    assert hellos(ward.clinician, ward.bot) == [room]


async def test_twenty_rooms_at_once_are_each_greeted_once_though_it_is_killed(ward: Ward) -> None:
    running = await BotProcess.start(ward.config)
    rooms = await asyncio.gather(*(ward.clinician.create_room(f"Room {n}", [ward.bot]) for n in range(20)))
    for share in (0.2, 0.5):
        await ward.clinician.wait(
            lambda _, share=share: len(hellos(ward.clinician, ward.bot)) >= share * len(rooms), 120
        )
        await running.kill()
        running = await BotProcess.start(ward.config)
    try:
        for room in rooms:
            await hello(ward.clinician, ward, room)
        await asyncio.sleep(2)
    finally:
        await running.stop()
    assert sorted(hellos(ward.clinician, ward.bot)) == sorted(rooms)


async def test_from_a_direct_room_to_a_shared_study_in_a_room_that_the_bot_made(ward: Ward, person: People) -> None:
    copy_cervical_spine(ward.studies)
    asker = await person("asker", auto_join=True)
    async with BotProcess.running(ward.config):
        direct = await asker.create_room("", [ward.bot], preset="trusted_private_chat")
        assert "type !room new and what the room is for" in (await hello(asker, ward, direct)).body
        ward.clinician, ward.room = asker, direct
        assert "To share with colleagues" in (await ward.ask("!help")).body
        assert "it is encrypted" in (await ward.ask("!room")).body
        assert (await ward.ask("!room new Brown 999 000 0018")).body.endswith("[T07]")
        assert (await ward.ask("!room new Ankle clinic")).body.startswith('I made the room "Ankle clinic"')
        greeted = await asker.wait(lambda event: "I made this room for you" in event.body, 60)
        assert greeted.trusted
        ward.room = greeted.room
        await asker.invite(ward.room, ward.registrar.user_id)
        await ward.registrar.join(ward.room)
        await asker.wait(lambda event: is_join(event, ward.room, ward.registrar.user_id))
        receipt = await ward.share("!share study")
        await ward.done()
    assert receipt.parcels
    assert hellos(asker, ward.bot) == [direct, ward.room]


async def test_a_bot_that_is_killed_while_it_makes_a_room_makes_no_second_one(
    ward: Ward, person: People, homeserver: Homeserver
) -> None:
    asker = await person("asker", auto_join=True)
    async with Proxy.start(homeserver.url) as proxy:
        config = behind(ward, proxy)
        running = await BotProcess.start(config)
        room = await asker.create_room("", [ward.bot])
        await hello(asker, ward, room)
        killed = asyncio.Event()

        async def kill(request: web.Request, _: Proxy) -> web.StreamResponse:
            await proxy.forward(request)
            await running.kill()
            killed.set()
            return web.Response()

        proxy.fail("POST .*/createRoom", kill)
        await asker.send(room, "!room new Ankle clinic")
        await asyncio.wait_for(killed.wait(), 60)
        async with BotProcess.running(config):
            await asker.wait(lambda event: "I made the room" in event.body, 60)
            made = await asker.wait(lambda event: "I made this room for you" in event.body, 60)
            await asyncio.sleep(2)
        assert len([one for one in proxy.requests if one.endswith("/createRoom")]) == 1
    assert hellos(asker, ward.bot) == [room, made.room]


def behind(ward: Ward, proxy: Proxy) -> Any:
    """The same bot, which meets its homeserver through the proxy."""
    text = ward.config.read_text("utf-8")
    start = text.index('homeserver = "')
    end = text.index("\n", start)
    ward.config.write_text(f'{text[:start]}homeserver = "{proxy.url}"{text[end:]}', "utf-8")
    return ward.config
