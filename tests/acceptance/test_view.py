"""`!view` on real parts: Synapse, and matrix-js-sdk as the client of a registrar."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

from PIL import Image

from bot.demo.process import BotProcess
from studies.synthetic import write_ankle

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.seen import SeenEvent

    from .conftest import Ward


async def viewed(ward: Ward, since: int) -> SeenEvent:
    """The next picture or word in a thread."""

    def answers(event: SeenEvent) -> bool:
        return event.sender == ward.bot and (event.relates_to or {}).get("rel_type") == "m.thread"

    return await ward.registrar.wait(answers, 60, since)


async def saved(ward: Ward, event: SeenEvent) -> Image.Image:
    path = ward.directory / str(event.content["filename"])
    await ward.registrar.download(event, path)
    picture = Image.open(path)
    assert (picture.width, picture.height) == (event.content["info"]["w"], event.content["info"]["h"])
    return picture


async def kept(ledger: Path) -> None:
    """Return when the wish is in the ledger, answered or not."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as watcher:
        async with asyncio.timeout(20):
            while not watcher.execute("SELECT 1 FROM views").fetchone():  # noqa: ASYNC110 - the bot tells nobody
                await asyncio.sleep(0.002)


async def test_a_registrar_looks_closer_in_the_thread_of_a_share(ward: Ward) -> None:
    write_ankle(ward.studies)
    async with ward.running():
        await ward.gather()
        await ward.share()
        await ward.done()
        first = next(event for event in ward.registrar.events if event.body.startswith("Share 1:"))
        for line, kind in (
            ("!view 1 bone", "JPEG"),
            ("!view series 2 zoom 3x at 40,60", "JPEG"),
            ("!view full", "PNG"),
        ):
            since = len(ward.registrar.events)
            asked = await ward.registrar.send(ward.room, line)
            answer = await viewed(ward, since)
            assert answer.trusted, line
            assert answer.msgtype == "m.image", answer.body
            assert answer.relates_to == {
                "rel_type": "m.thread",
                "event_id": first.event_id,
                "is_falling_back": True,
                "m.in_reply_to": {"event_id": asked},
            }
            assert "NHS 999 000 0018" in answer.body
            assert (await saved(ward, answer)).format == kind


async def test_a_view_killed_on_its_way_is_answered_once(ward: Ward) -> None:
    write_ankle(ward.studies)
    running = await BotProcess.start(ward.config)
    await ward.gather()
    await ward.share()
    await ward.done()
    since = len(ward.registrar.events)
    await ward.registrar.send(ward.room, "!view 1 full")
    await kept(ward.config.parent / "state" / "ledger.db")
    await running.kill()
    running = await BotProcess.start(ward.config)
    await viewed(ward, since)
    again = await ward.ask("!view 1 brain")
    await running.stop()
    answers = [event for event in ward.registrar.events[since:] if event.msgtype == "m.image"]
    assert [event.content["filename"] for event in answers] == ["view-1.png"]
    assert again.body.endswith("[N06]")
