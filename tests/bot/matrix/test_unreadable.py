"""A message whose key is late: in the same sync, the next one, after 9 s, after 11 s, over a restart; or refused.

Between the bot and the real homeserver stands a proxy that holds back what is sent to the bot's device.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.matrix.refusals import CODES, REFUSED
from tests.bot.matrix.conftest import Bot, room_with, until
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from tests.bot.matrix.conftest import Raw

SYNC = r"GET .*/sync"
NO_KEY = "your app has not sent me the key of this message"


@dataclass
class HeldBack:
    """Keeps all to-device events from the bot until `release()`, or (`together`) until a message comes with them."""

    events: list[Any] = field(default_factory=list)
    together: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: web.Request, proxy: Proxy) -> web.StreamResponse:
        asked = asyncio.ensure_future(proxy.forward(request))
        let_go = asyncio.ensure_future(self.released.wait())
        await asyncio.wait({asked, let_go}, return_when=asyncio.FIRST_COMPLETED)
        let_go.cancel()
        if not asked.done():  # the same again as soon as the bot asks again: it is told the same token
            asked.cancel()
            answer: dict[str, Any] = {"next_batch": request.query["since"]}
        else:
            answer = json.loads(asked.result().body)  # type: ignore[arg-type]
            self.events += answer.pop("to_device", {}).get("events", [])
        if self.released.is_set() or (self.together and '"m.room.encrypted"' in json.dumps(answer.get("rooms", {}))):
            answer["to_device"] = {"events": self.events}
            self.events = []
        return web.json_response(answer)

    def release(self) -> None:
        self.released.set()


@pytest.fixture
async def proxy(homeserver: Homeserver) -> AsyncIterator[Proxy]:
    async with Proxy.start(homeserver.url) as running:
        yield running


@pytest.fixture
def behind(bot: Bot, proxy: Proxy) -> Bot:
    bot.account = replace(bot.account, homeserver=proxy.url)
    return bot


async def test_a_key_in_the_same_sync_as_its_message_is_no_delay(behind: Bot, proxy: Proxy, anna: Person) -> None:
    proxy.fail(SYNC, HeldBack(together=True), times=1_000)
    async with behind.running():
        room = await room_with(behind, anna)
        await anna.send(room, "!help")
        await until(lambda: behind.inbox.bodies == ["!help"])
    assert not behind.inbox.undecryptable


@pytest.mark.parametrize("seconds", [0.0, 9.0])
async def test_a_key_within_ten_seconds_makes_the_message_readable(
    behind: Bot, proxy: Proxy, anna: Person, seconds: float
) -> None:
    held = HeldBack()
    proxy.fail(SYNC, held, times=1_000)
    async with behind.running():
        room = await room_with(behind, anna)
        await anna.send(room, "!help")
        await until(lambda: held.events)
        await asyncio.sleep(seconds)
        assert not behind.inbox.bodies
        held.release()
        await until(lambda: behind.inbox.bodies == ["!help"])
    assert not behind.inbox.undecryptable


async def test_a_key_after_the_answer_runs_nothing_and_the_message_sent_again_runs_once(
    behind: Bot, proxy: Proxy, anna: Person
) -> None:
    held = HeldBack()
    proxy.fail(SYNC, held, times=1_000)
    async with behind.running():
        room = await room_with(behind, anna)
        late = await anna.send(room, "!help")
        began = time.monotonic()
        await until(lambda: behind.inbox.undecryptable, 20)
        assert 9 < time.monotonic() - began < 14
        held.release()
        await asyncio.sleep(1)
        assert behind.inbox.bodies == []
        await anna.send(room, "!help")
        await until(lambda: behind.inbox.bodies == ["!help"])
    async with behind.running():
        await asyncio.sleep(1)
    assert behind.inbox.bodies == ["!help"]
    [answered] = behind.inbox.undecryptable
    assert (answered.event_id, answered.why) == (late, NO_KEY)


async def test_a_key_that_comes_while_the_bot_is_stopped_makes_the_message_readable(
    behind: Bot, proxy: Proxy, anna: Person
) -> None:
    held = HeldBack()
    rule = proxy.fail(SYNC, held, times=1_000)
    async with behind.running():
        room = await room_with(behind, anna)
        await anna.send(room, "!help")
        await until(lambda: held.events)
        await asyncio.sleep(1)
    rule.times = 0
    hand_over = HeldBack(held.events)
    hand_over.release()
    proxy.fail(SYNC, hand_over, times=1)
    async with behind.running():
        await until(lambda: behind.inbox.bodies == ["!help"])
    assert not behind.inbox.undecryptable


@pytest.mark.parametrize("code", [*CODES, "m.something_new"])
async def test_a_refused_key_is_answered_with_what_the_senders_app_says(
    bot: Bot,
    stranger: Callable[[str], Awaitable[Raw]],
    monkeypatch: pytest.MonkeyPatch,
    anna: Person,
    code: str,
) -> None:
    monkeypatch.setattr("bot.matrix.reading.KEY_WITHIN", 1.0)
    mallory = await stranger("mallory")
    async with bot.running():
        room = await room_with(bot, anna)
        await anna.invite(room, mallory.user_id)
        await mallory.join(room)
        about = {} if code == "m.no_olm" else {"room_id": room, "session_id": "S" * 43}
        refusal = {
            "algorithm": "m.megolm.v1.aes-sha2",
            "sender_key": "k" * 43,
            "code": code,
            "reason": "<b>call me</b>",
        }
        await mallory.to_device(bot.user_id, "m.room_key.withheld", refusal | about)
        encrypted = {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "S" * 43, "ciphertext": "AwgAEg"}
        await mallory.say(room, encrypted, "m.room.encrypted")
        await until(lambda: bot.inbox.undecryptable)
    [told] = bot.inbox.undecryptable
    assert told.why == CODES.get(code, (REFUSED, ""))[0]


async def test_a_member_who_floods_the_bot_with_keyless_messages_holds_up_nobody_else(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, stranger: Callable[[str], Awaitable[Raw]], anna: Person
) -> None:
    """Large made-up refusals and keyless messages of a member, beyond all bounds, change nothing for anybody else."""
    monkeypatch.setattr("bot.matrix.reading.KEY_WITHIN", 1.0)
    mallory = await stranger("mallory")
    async with bot.running():
        room = await room_with(bot, anna)
        await anna.invite(room, mallory.user_id)
        await mallory.join(room)
        for number in range(60):
            refusal = {"code": "m.blacklisted", "room_id": room, "session_id": str(number)}
            await mallory.to_device(bot.user_id, "m.room_key.withheld", refusal)
            keyless = {"algorithm": "m.megolm.v1.aes-sha2", "session_id": str(number), "ciphertext": "A" * 20_000}
            await mallory.say(room, keyless, "m.room.encrypted")
        await anna.send(room, "!help")
        await until(lambda: behind_all(bot))
    assert bot.inbox.bodies == ["!help"]


def behind_all(bot: Bot) -> bool:
    return bot.inbox.bodies == ["!help"] and len(bot.inbox.undecryptable) == 60
