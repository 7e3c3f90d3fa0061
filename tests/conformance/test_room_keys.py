"""When the bot begins a new room key, and when it keeps the one that it has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.conformance.conftest import (
    awake,
    cannot_read,
    heard,
    key_deliveries,
    knows,
    reads,
    room_of,
    say,
    session_ids,
)
from tests.servers.people import new_account

if TYPE_CHECKING:
    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from tests.bot.matrix.conftest import Bot
    from tests.servers.people import People
    from tests.servers.rewriting import Rewriting


async def test_a_new_room_key_when_a_member_leaves(bot: Bot, proxy: Rewriting, anna: Person, ben: Person) -> None:
    """Room keys: cycled on a member leaving, and the one who left gets none."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, ben)
        await reads(ben, await say(session, room, "with Ben"))
        await reads(anna, await say(session, room, "still with Ben"))
        await ben.leave(room)
        await reads(anna, await say(session, room, "without Ben"))
    first, second, third = session_ids(proxy)
    assert first == second != third
    assert set(key_deliveries(proxy)[-1]) == {anna.user_id}


async def test_a_new_room_key_when_a_member_is_put_out(bot: Bot, proxy: Rewriting, anna: Person, ben: Person) -> None:
    """Room keys: the same when somebody else ends the membership."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, ben)
        await reads(ben, await say(session, room, "with Ben"))
        await anna.kick(room, ben.user_id)
        await reads(anna, await say(session, room, "without Ben"))
    first, second = session_ids(proxy)
    assert first != second
    assert set(key_deliveries(proxy)[-1]) == {anna.user_id}


async def test_a_new_room_key_when_a_members_device_signs_out(
    bot: Bot, proxy: Rewriting, homeserver: Homeserver, anna: Person, person: People
) -> None:
    """Room keys: cycled on a device's logout."""
    account = await new_account(homeserver, "clara")
    async with awake(bot) as session:
        phone = await person(account)
        desk = await person(account, secrets=await phone.secrets())
        room = await room_of(anna, bot, phone)
        await knows(session, desk)
        await reads(phone, await say(session, room, "to both"))
        await desk.sign_out()
        async with asyncio.timeout(20):
            while len((await session.trust.standing(phone.user_id)).good) > 1:  # noqa: ASYNC110 - news come with a sync
                await asyncio.sleep(0.05)
        await reads(phone, await say(session, room, "to the phone"))
    first, second = session_ids(proxy)
    assert first != second
    assert key_deliveries(proxy)[-1][phone.user_id] == [phone.device_id]


async def test_a_new_room_key_after_so_many_messages(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """Room keys: cycled after rotation_period_msgs messages, and not before."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, rotation={"rotation_period_msgs": 3})
        for number in range(7):
            await reads(anna, await say(session, room, f"message {number}"))
    ids = session_ids(proxy)
    assert [ids.index(one) for one in ids] == [0, 0, 0, 3, 3, 3, 6]


async def test_a_new_room_key_after_so_much_time(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """Room keys: cycled after rotation_period_ms, and not before."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, rotation={"rotation_period_ms": 2_000})
        await reads(anna, await say(session, room, "at once"))
        await reads(anna, await say(session, room, "in time"))
        await asyncio.sleep(2.1)
        await reads(anna, await say(session, room, "late"))
    first, second, third = session_ids(proxy)
    assert first == second != third


async def test_no_new_room_key_when_nobody_who_holds_it_has_gone(
    bot: Bot, proxy: Rewriting, anna: Person, ben: Person
) -> None:
    """Room keys: not cycled for a new name, a topic or a newcomer."""
    async with awake(bot) as session:
        room = await room_of(anna, bot)
        await reads(anna, await say(session, room, "one"))
        await anna.send_state(room, "m.room.topic", {"topic": "Thursday's list"})
        member = {"membership": "join", "displayname": "Dr Anna"}
        await anna.send_state(room, "m.room.member", member, anna.user_id)
        await reads(anna, await say(session, room, "two"))
        await anna.invite(room, ben.user_id)
        await ben.join(room)
        await reads(ben, await say(session, room, "three"))
    first, second, third = session_ids(proxy)
    assert first == second == third
    assert [set(delivery) for delivery in key_deliveries(proxy)] == [{anna.user_id}, {ben.user_id}]


async def test_after_a_restart_everything_stays_readable(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """Room keys: not cycled on a restart. This bot does cycle: a key lives in memory only, and nobody misses one."""
    room = ""
    for number in range(2):
        async with awake(bot) as session:
            room = room or await room_of(anna, bot)
            await reads(anna, await say(session, room, f"start {number}"))
            await anna.send(room, f"question {number}")
            await heard(bot, *(f"question {one}" for one in range(number + 1)))
    first, second = session_ids(proxy)
    assert first != second


async def test_a_newcomers_key_does_not_open_what_was_said_before_in_the_same_session(
    bot: Bot, proxy: Rewriting, anna: Person, ben: Person
) -> None:
    """Room keys: a session that goes on is handed to a newcomer from where it stands."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, history="shared")
        before = await say(session, room, "before")
        await anna.invite(room, ben.user_id)
        await ben.join(room)
        await reads(ben, await say(session, room, "after"))
        await cannot_read(ben, room, before)
    first, second = session_ids(proxy)
    assert first == second
