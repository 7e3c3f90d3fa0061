"""Between the bot and a real homeserver stands a proxy that fails: every message still arrives, once, readable."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.matrix.errors import NotPermitted, RateLimited, ServerAway
from bot.matrix.patience import Patience
from tests.bot.matrix.conftest import Bot, room_with, until
from tests.servers import proxy as faults
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person

NOTICE = {"msgtype": "m.notice", "body": "Ankle, three views"}
QUICK = Patience(attempts=4, first_pause=0.02, longest_pause=0.1, longest_limit=3)
FAULTS = {
    "500": faults.status(500),
    "503": faults.status(503),
    "html 502": faults.html(502),
    "html 200": faults.html(200),
    "429": faults.status(429, "M_LIMIT_EXCEEDED", retry_after_ms=100),
    "request lost": faults.drop_request,
    "answer lost": faults.drop_response,
    "answer cut": faults.cut_response,
}
STEPS = {
    "state": r"GET .*/state",
    "device keys": r"POST .*/keys/query",
    "one-time keys": r"POST .*/keys/claim",
    "room keys": r"PUT .*/sendToDevice/m.room.encrypted",
    "message": r"PUT .*/send/m.room.encrypted",
}


@pytest.fixture
async def proxy(homeserver: Homeserver) -> AsyncIterator[Proxy]:
    async with Proxy.start(homeserver.url) as running:
        yield running


@pytest.fixture
def behind(bot: Bot, proxy: Proxy) -> Bot:
    bot.account = replace(bot.account, homeserver=proxy.url)
    return bot


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_message_arrives_once_and_readable_whatever_step_fails(
    behind: Bot, proxy: Proxy, fault: str, anna: Person
) -> None:
    async with behind.running() as session:
        session.client.patience = QUICK
        for step, pattern in STEPS.items():
            room = await room_with(behind, anna)
            session.trust.doubt_everybody()
            session.client.olm.session_store._entries.clear()
            rule = proxy.fail(pattern, FAULTS[fault], times=2)
            sent = await session.send(room, NOTICE, f"{fault} {step}")
            assert rule.met == 2, step
            assert (await anna.wait(lambda event, sent=sent: event.event_id == sent)).trusted
            timeline = [event.event_id for event in await anna.timeline(room) if event.body == NOTICE["body"]]
            assert timeline == [sent], step


async def test_a_message_whose_key_cannot_be_delivered_is_not_sent(behind: Bot, proxy: Proxy, anna: Person) -> None:
    async with behind.running() as session:
        session.client.patience = QUICK
        room = await room_with(behind, anna)
        rule = proxy.fail(STEPS["room keys"], faults.html(), times=1000)
        with pytest.raises(ServerAway):
            await session.send(room, NOTICE, "one")
        assert not any(request.endswith("/one") for request in proxy.requests)
        rule.times = 0
        sent = await session.send(room, NOTICE, "one")
        assert (await anna.wait(lambda event: event.event_id == sent)).trusted


async def test_a_room_is_looked_at_again_after_a_wait_that_the_server_imposed(
    behind: Bot, proxy: Proxy, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.matrix.session.FRESH", 1.0)  # seconds
    looks = 0

    async def only_at_first(_: object) -> None:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise NotPermitted

    async with behind.running() as session:
        room = await room_with(behind, anna)
        proxy.fail(STEPS["room keys"], faults.status(429, "M_LIMIT_EXCEEDED", retry_after_ms=1500))
        with pytest.raises(NotPermitted):
            await session.send(room, NOTICE, "one", allow=only_at_first)
        assert not [one for one in proxy.requests if "/send/m.room.encrypted/" in one]
        looks = -1
        sent = await session.send(room, NOTICE, "two", allow=only_at_first)
        assert (await anna.wait(lambda event: event.event_id == sent)).trusted


async def test_a_caller_without_patience_hears_of_a_limit_at_once(behind: Bot, proxy: Proxy, anna: Person) -> None:
    async with behind.running() as session:
        room = await room_with(behind, anna)
        proxy.fail(STEPS["message"], faults.status(429, "M_LIMIT_EXCEEDED", retry_after_ms=60_000))
        with pytest.raises(RateLimited, match="wait 60 seconds"):
            await session.send(room, NOTICE, "one", patience=Patience(longest_limit=0.0))
        sent = await session.send(room, NOTICE, "one")
        assert (await anna.wait(lambda event: event.event_id == sent)).trusted


async def test_the_same_transaction_is_the_same_event(behind: Bot, anna: Person) -> None:
    async with behind.running() as session:
        room = await room_with(behind, anna)
        first = await session.send(room, NOTICE, "share 7, step 1")
        again = await session.send(room, NOTICE, "share 7, step 1")
    async with behind.session() as session:
        after_restart = await session.send(room, NOTICE, "share 7, step 1")
    assert first == again == after_restart


async def test_a_limit_is_waited_for_as_long_as_the_server_says_and_somebody_hears_of_it(
    behind: Bot, proxy: Proxy
) -> None:
    heard: list[float] = []
    async with behind.session() as session:
        session.client.on_wait = heard.append
        proxy.fail("GET .*/profile", faults.status(429, "M_LIMIT_EXCEEDED", retry_after_ms=1500))
        began = time.monotonic()
        await session.display_name(session.user_id)
    assert heard == [1.5]
    assert time.monotonic() - began >= 1.5


async def test_a_limit_beyond_our_patience_is_told_and_not_waited_for(behind: Bot, proxy: Proxy) -> None:
    async with behind.session() as session:
        session.client.patience = QUICK
        proxy.fail("GET .*/profile", faults.status(429, "M_LIMIT_EXCEEDED", retry_after_ms=3_600_000), times=9)
        began = time.monotonic()
        with pytest.raises(RateLimited, match="wait 3600 seconds"):
            await session.display_name(session.user_id)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("fault", FAULTS)
async def test_sync_goes_on_after_faults_and_nothing_is_lost(
    behind: Bot, proxy: Proxy, fault: str, anna: Person
) -> None:
    async with behind.running(patience=QUICK) as session:
        session.client.patience = Patience(attempts=2, first_pause=0.01, longest_limit=0.15)
        room = await room_with(behind, anna)
        rule = proxy.fail(r"GET .*/sync", FAULTS[fault], times=5)
        said = [f"message {number}" for number in range(5)]
        for text in said:
            await anna.send(room, text)
        await until(lambda: len(behind.inbox.bodies) == 5)
        await until(lambda: rule.met == 5)
    assert behind.inbox.bodies == said
    assert all(message.clinician for message in behind.inbox.messages)


async def test_a_server_that_is_away_is_not_asked_without_pause(behind: Bot, proxy: Proxy) -> None:
    async with behind.running(patience=Patience(first_pause=0.5)) as session:
        session.client.patience = Patience(attempts=3, first_pause=0.2)
        proxy.fail(".*", faults.html(), times=10_000)
        before = len(proxy.requests)
        await asyncio.sleep(2.0)
        assert len(proxy.requests) - before < 20
