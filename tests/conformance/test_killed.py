"""Killed for real (SIGKILL) at the worst moments: what it had begun goes on as the same."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.bot.matrix.conftest import until
from tests.conformance.conftest import next_poll, reads, room_of
from tests.conformance.process import Killable
from tests.servers.rewriting import Held, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from bot.demo.people import Person
    from tests.bot.matrix.conftest import Bot
    from tests.servers.rewriting import Rewriting


@pytest.fixture
def start(bot: Bot, tmp_path: Path) -> Callable[[], AbstractAsyncContextManager[Killable]]:
    """`async with start() as running`: the bot as a process, each time with the same state."""

    @asynccontextmanager
    async def started() -> AsyncIterator[Killable]:
        async with Killable.start(tmp_path / "process", bot.account) as one:
            yield one

    return started


async def killed_at(running: Killable, held: Held) -> None:
    await asyncio.wait_for(held.arrived.wait(), 30)
    await running.kill()
    held.release()


def uploaded(proxy: Rewriting, part: str) -> list[dict[str, Any]]:
    """What every /keys/upload that reached the server had in this part."""
    return [one.body[part] for one in proxy.exchanges("POST .*/keys/upload") if one.body and part in one.body]


def refused(proxy: Rewriting) -> list[Any]:
    return [one.answer for one in proxy.exchanges("POST .*/keys/") if one.status != 200]


async def test_one_time_keys_whose_upload_was_not_answered_are_the_same_after_a_kill(
    bot: Bot, proxy: Rewriting, start: Any, anna: Person
) -> None:
    """State synchronisation: terminated before the answer to /keys/upload; the same one-time keys are used again."""
    held = Held(answered=True)
    proxy.fail("POST .*/keys/upload", held)
    async with start() as running:
        await killed_at(running, held)
    async with start() as running:
        await asyncio.wait_for(running.ready.wait(), 30)
        room = await room_of(anna, bot)
        await anna.send(room, "after the kill")
        await until(lambda: running.heard == ["after the kill"])
    offers: dict[str, set[str]] = {}
    for keys in uploaded(proxy, "one_time_keys"):
        for key_id, key in keys.items():
            offers.setdefault(key_id, set()).add(key["key"])
    assert len(offers) >= 50
    assert all(len(different) == 1 for different in offers.values())
    assert not refused(proxy)


async def test_device_and_cross_signing_keys_whose_upload_was_not_answered_are_the_same_after_a_kill(
    bot: Bot, proxy: Rewriting, start: Any, anna: Person
) -> None:
    """State synchronisation: terminated while device keys or cross-signing keys are uploaded; the same go up again."""
    proxy.fail("POST .*/keys/upload", _passed)  # one-time keys; the second upload brings the device
    for step in ("/keys/upload", "/keys/device_signing/upload", "/keys/signatures/upload"):
        held = Held(answered=True)
        proxy.fail(f"POST .*{step}", held)
        async with start() as running:
            await killed_at(running, held)
    async with start() as running:
        await asyncio.wait_for(running.ready.wait(), 30)
        room = await room_of(anna, bot)
        running.say(room, "one identity")
        await until(lambda: running.sent)
        await reads(anna, running.sent[0])
    assert list((await anna.devices(bot.user_id)).values()) == [True]
    assert len({str(one) for one in uploaded(proxy, "device_keys")}) == 1
    identities = [one.body["master_key"]["keys"] for one in proxy.exchanges("device_signing/upload")]
    assert all(one == identities[0] for one in identities)
    assert not refused(proxy)


async def _passed(request: Any, proxy: Any) -> Any:
    return await proxy.forward(request)


@pytest.mark.parametrize("held", [Held(), Held(answered=True)], ids=["not heard", "not answered"])
async def test_a_message_whose_room_keys_were_on_their_way_arrives_once_after_a_kill(
    bot: Bot, proxy: Rewriting, start: Any, anna: Person, held: Held
) -> None:
    """State synchronisation: terminated while a to-device message is sent; the key arrives after the restart."""
    async with start() as running:
        await asyncio.wait_for(running.ready.wait(), 30)
        room = await room_of(anna, bot)
        proxy.fail(r"PUT .*/sendToDevice/m\.room\.encrypted", held)
        running.say(room, "three views")
        await killed_at(running, held)
    async with start() as running:
        await asyncio.wait_for(running.ready.wait(), 30)
        running.say(room, "three views")
        await until(lambda: running.sent)
        await reads(anna, running.sent[0])
    assert [event.body for event in await anna.timeline(room) if event.body] == ["three views"]


@pytest.mark.parametrize("moment", ["sync", "keys/query"])
async def test_room_keys_that_were_received_and_not_yet_used_are_there_after_a_kill(
    bot: Bot, proxy: Rewriting, start: Any, anna: Person, moment: str
) -> None:
    """To-device: unprocessed to-device messages are not lost on a restart.

    Killed before the answer to /sync is in, or when its keys are stored and its messages are not.
    """
    async with start() as running:
        await asyncio.wait_for(running.ready.wait(), 30)
        room = await room_of(anna, bot)
        held = Held(answered=True)
        proxy.fail(moment, held)
        await next_poll(proxy, anna, room)
        said = [f"message {number}" for number in range(3)]
        for text in said:
            await anna.send(room, text)
        await killed_at(running, held)
        assert running.heard == []
    async with start() as running:
        await until(lambda: running.heard == said)


async def test_a_message_played_again_is_not_heard_again_not_even_after_a_kill(
    bot: Bot, proxy: Rewriting, start: Any, anna: Person
) -> None:
    """Adversarial: the server delivers an old ciphertext under a new event id, before and after a kill."""
    numbers = itertools.count()
    recorded: list[dict[str, Any]] = []

    def replay(answer: Any) -> None:
        timeline = answer.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", [])
        recorded.extend(one for one in timeline if one["type"] == "m.room.encrypted")
        timeline += [{**one, "event_id": f"$replay{next(numbers)}"} for one in recorded]

    room = ""
    async with start() as running:
        await asyncio.wait_for(running.ready.wait(), 30)
        room = await room_of(anna, bot)
        proxy.always("GET .*/sync", answer(replay))
        for text in ("!share study", "first"):
            await anna.send(room, text)
            await until(lambda text=text: text in running.heard)
        assert running.heard == ["!share study", "first"]
    async with start() as running:
        await anna.send(room, "second")
        await until(lambda: running.heard)
        assert running.heard == ["second"]
    assert next(numbers) >= 4
