"""Requests that fail, news that come late, a network that is gone for a while."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.bot.matrix.conftest import until
from tests.conformance.conftest import (
    awake,
    cannot_read,
    come,
    heard,
    key_deliveries,
    knows,
    reads,
    room_of,
    say,
    session_ids,
)
from tests.servers import proxy as faults
from tests.servers.people import new_account
from tests.servers.rewriting import Held, Outage

if TYPE_CHECKING:
    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from tests.bot.matrix.conftest import Bot
    from tests.conformance.conftest import MakePeer
    from tests.servers.people import People
    from tests.servers.rewriting import Rewriting


async def test_a_failed_query_of_device_keys_is_repeated(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """Connectivity: /keys/query fails a few times; the message goes out, readable."""
    async with awake(bot) as session:
        room = await room_of(anna, bot)
        session.trust.doubt_everybody()
        rule = proxy.fail("POST .*/keys/query", faults.status(500), times=4)
        await reads(anna, await say(session, room, "after all"))
        assert rule.met == 4


async def test_a_failed_sync_is_repeated_and_loses_nothing(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """Connectivity: /sync fails in every way; every key and every message arrive once."""
    said = [f"message {number}" for number in range(6)]
    async with awake(bot):
        room = await room_of(anna, bot, rotation={"rotation_period_msgs": 1})
        broken = (faults.status(500), faults.html(502), faults.drop_request, faults.drop_response, faults.cut_response)
        rules = [proxy.fail("GET .*/sync", fault, times=2) for fault in broken]
        for text in said:
            await anna.send(room, text)
        await heard(bot, *said)
        assert all(rule.met == 2 for rule in rules)


async def test_after_an_outage_what_was_said_on_both_sides_is_read(bot: Bot, proxy: Rewriting, anna: Person) -> None:
    """Connectivity: the network is gone, both sides go on speaking; after it all is decrypted."""
    async with awake(bot) as session:
        room = await room_of(anna, bot)
        await reads(anna, await say(session, room, "before"))
        outage = Outage(proxy)
        await anna.send(room, "meanwhile")
        sending = asyncio.create_task(say(session, room, "meanwhile"))
        await asyncio.sleep(0.3)
        assert bot.inbox.bodies == []
        assert not sending.done()
        outage.over()
        await heard(bot, "meanwhile")
        await reads(anna, await sending)


async def test_somebody_whose_joining_is_not_yet_known_through_sync_gets_the_key(
    bot: Bot, proxy: Rewriting, anna: Person, ben: Person
) -> None:
    """Delayed requests: somebody joins, and the bot speaks before its sync has told it so."""
    async with awake(bot) as session:
        room = await room_of(anna, bot)
        held = Held(answered=True)
        rule = proxy.fail("GET .*/sync", held, times=1000)
        await anna.send_state(room, "m.room.topic", {"topic": "Thursday's list"})
        await until(lambda: rule.met)
        await anna.invite(room, ben.user_id)
        await ben.join(room)
        await reads(ben, await say(session, room, "welcome"))
        held.release()


async def test_somebody_whose_leaving_is_not_yet_known_through_sync_gets_no_key(
    bot: Bot, proxy: Rewriting, anna: Person, ben: Person
) -> None:
    """Delayed requests: somebody leaves, and the bot speaks before its sync has told it so."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, ben)
        await reads(ben, await say(session, room, "to both"))
        held = Held(answered=True)
        rule = proxy.fail("GET .*/sync", held, times=1000)
        await anna.send_state(room, "m.room.topic", {"topic": "Thursday's list"})
        await until(lambda: rule.met)
        await ben.leave(room)
        await reads(anna, await say(session, room, "without Ben"))
        held.release()
    first, second = session_ids(proxy)
    assert first != second
    assert set(key_deliveries(proxy)[-1]) == {anna.user_id}


async def test_somebody_who_came_while_the_bot_was_away_gets_the_key(
    bot: Bot, anna: Person, ben: Person, peer: MakePeer
) -> None:
    """Connectivity: membership changes that come in a gap (limited sync) are not overlooked."""
    clara = await peer("clara")
    async with awake(bot):
        room = await room_of(anna, bot, history="shared")
    await come(ben, room, anna)
    await anna.invite(room, clara.user_id)
    await clara.raw.join(room)
    talk = {"msgtype": "m.notice", "body": "talk"}
    await asyncio.gather(*(clara.raw.say(room, talk) for _ in range(110)))  # a sync brings 100
    async with awake(bot) as session:
        await reads(ben, await say(session, room, "hello Ben"))


async def test_devices_that_came_and_went_while_the_bot_was_away_are_known_after_it(
    bot: Bot, proxy: Rewriting, homeserver: Homeserver, anna: Person, person: People
) -> None:
    """State synchronisation: device list changes during an absence; the new device reads, the old one gets no key."""
    account = await new_account(homeserver, "clara")
    old = await person(account)
    secrets = await old.secrets()
    async with awake(bot) as session:
        room = await room_of(anna, bot, old)
        await reads(old, await say(session, room, "to the old device"))
    new = await person(account, secrets=secrets)
    await old.sign_out()
    async with awake(bot) as session:
        await reads(new, await say(session, room, "to the new device"))
    assert key_deliveries(proxy)[-1][new.user_id] == [new.device_id]


async def test_news_of_a_device_that_were_lost_with_a_sync_come_again(
    bot: Bot, proxy: Rewriting, homeserver: Homeserver, anna: Person, person: People
) -> None:
    """State synchronisation: the answer to /sync with device_lists.changed is lost."""
    account = await new_account(homeserver, "clara")
    phone = await person(account)
    async with awake(bot) as session:
        room = await room_of(anna, bot, phone, history="shared")
        first = await say(session, room, "first")
        await reads(phone, first)
        rule = proxy.fail("GET .*/sync", faults.drop_response, times=3)
        desk = await person(account, secrets=await phone.secrets())
        await knows(session, desk)
        await reads(desk, await say(session, room, "second"))
        await cannot_read(desk, room, first)
        assert rule.met == 3
