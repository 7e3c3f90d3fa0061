"""Rooms of our own making on a real homeserver: closed, encrypted, in the hands of who asked, and never two for one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix import making
from bot.matrix.errors import ServerAway
from bot.matrix.making import MARKER, creation
from config.errors import TryLater
from tests.servers import proxy as faults
from tests.servers.people import is_join
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from tests.bot.matrix.conftest import Bot, Raw
    from tests.servers.people import People

ONE, OTHER = "1" * 32, "2" * 32
NOTICE = {"msgtype": "m.notice", "body": "Hello."}


def test_the_server_learns_the_name_the_owner_and_nothing_else() -> None:
    body = creation("@bot:x", "@anna:x", "Ankle clinic", marker=ONE, version="11", federate=False)
    words = {body["name"], *body["invite"], body["creation_content"][MARKER]}
    assert words == {"Ankle clinic", "@anna:x", ONE}
    assert body["power_level_content_override"]["users"] == {"@bot:x": 100, "@anna:x": 100}


def test_a_creator_of_version_12_stands_above_all_and_is_not_named() -> None:
    body = creation("@bot:x", "@anna:x", "Ankle clinic", marker=ONE, version="12", federate=False)
    assert body["power_level_content_override"]["users"] == {"@anna:x": 100}


@pytest.fixture
async def owner(stranger: Callable[[str], Awaitable[Raw]]) -> Raw:
    """Who asks for a room, with nothing but HTTP."""
    return await stranger("owner")


@pytest.mark.parametrize("version", ["10", "11", "12"])
@pytest.mark.parametrize("federate", [True, False])
async def test_a_room_is_closed_from_its_first_event(
    bot: Bot, owner: Raw, version: str, monkeypatch: pytest.MonkeyPatch, *, federate: bool
) -> None:
    async def chosen(_: object) -> str:
        return version

    monkeypatch.setattr(making, "_version", chosen)
    async with bot.session() as session:
        room = await session.create_room(owner.user_id, "Ankle clinic", marker=ONE, federate=federate)
        facts = await session.facts(room)
    assert (facts.encrypted, facts.join_rule, facts.history_visibility, facts.guest_access) == (
        True,
        "invite",
        "joined",
        False,
    )
    assert (facts.joined, facts.invited) == (frozenset({bot.user_id}), frozenset({owner.user_id}))
    await owner.join(room)
    state = {(one["type"], one["state_key"]): one["content"] for one in await owner.call("GET", f"/rooms/{room}/state")}
    assert state["m.room.create", ""]["m.federate"] is federate
    assert state["m.room.create", ""]["room_version"] == version
    assert state["m.room.name", ""] == {"name": "Ankle clinic"}
    levels = state["m.room.power_levels", ""]
    assert (levels["users"][owner.user_id], levels["invite"], levels["events"]["m.room.encryption"]) == (100, 50, 100)


async def test_its_owner_manages_it_and_everybody_reads_the_bot(bot: Bot, person: People, anna: Person) -> None:
    ben, carla = await person("ben"), await person("carla")
    async with bot.running() as session:
        room = await session.create_room(anna.user_id, "Ankle clinic", marker=ONE, federate=False)
        with pytest.raises(TryLater, match="not invited"):
            await ben.join(room)
        await anna.join(room)
        first = await session.send(room, NOTICE, "one")
        assert (await anna.wait(lambda event: event.event_id == first)).trusted
        await anna.invite(room, ben.user_id)
        await ben.join(room)
        await anna.wait(lambda event: is_join(event, room, ben.user_id))
        with pytest.raises(TryLater, match="permission"):
            await ben.invite(room, carla.user_id)
        second = await session.send(room, NOTICE, "two")
        assert (await ben.wait(lambda event: event.event_id == second)).trusted
        await anna.send(room, "!help")
        await ben.wait(lambda event: event.body == "!help" and event.trusted)
    assert not any(event.event_id == first for event in ben.events)  # history is for those who were there


@pytest.mark.parametrize("fault", [faults.drop_response, faults.status(502), faults.html(504)])
async def test_a_lost_answer_makes_no_second_room(bot: Bot, homeserver: Homeserver, owner: Raw, fault: Any) -> None:
    async with Proxy.start(homeserver.url) as proxy:
        bot.account = replace(bot.account, homeserver=proxy.url)
        async with bot.session() as session:
            proxy.fail("POST .*/createRoom", fault)
            with pytest.raises(ServerAway):
                await session.create_room(owner.user_id, "Ankle clinic", marker=ONE, federate=False)
            assert len([one for one in proxy.requests if one.endswith("/createRoom")]) == 1
            found = await session.created_room(ONE)
            assert (found is not None) is (fault is faults.drop_response)
            assert await session.created_room(OTHER) is None


async def test_a_room_of_somebody_elses_with_our_marker_is_not_ours(bot: Bot, owner: Raw) -> None:
    body = {"creation_content": {MARKER: ONE}, "invite": [bot.user_id], "preset": "private_chat"}
    async with bot.session() as session:
        room = (await owner.call("POST", "/createRoom", body))["room_id"]
        await session.join(room)
        assert await session.created_room(ONE) is None


async def test_a_room_that_we_have_left_is_not_found(bot: Bot, owner: Raw) -> None:
    async with bot.session() as session:
        room = await session.create_room(owner.user_id, "Ankle clinic", marker=ONE, federate=False)
        await session.leave(room)
        assert await session.created_room(ONE) is None


async def test_each_coming_into_a_room_has_an_event_of_its_own(bot: Bot, owner: Raw) -> None:
    async with bot.session() as session:
        room = (await owner.call("POST", "/createRoom", {"invite": [bot.user_id]}))["room_id"]
        await session.join(room)
        first = await session.membership_event(room)
        await session.join(room)
        assert await session.membership_event(room) == first
        await session.leave(room)
        await owner.call("POST", f"/rooms/{room}/invite", {"user_id": bot.user_id})
        await session.join(room)
        assert await session.membership_event(room) not in {first, ""}
