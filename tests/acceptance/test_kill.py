"""kill -9 at any point: the share goes on where it stopped, nothing is lost, nothing is posted twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bot.demo.process import BotProcess
from bot.demo.receipt import SENT
from delivery.bag import verify

from .conftest import copy_cervical_spine

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.seen import SeenEvent

    from .conftest import Ward

#: Commits of the ledger after the command was typed: from "not even received" to "all done".
MOMENTS = (1, 2, 3, 5, 9, 14, 19, 24, 27, 30)


def until_commits(ledger: Path, count: int, stop: asyncio.Event) -> None:
    """Return in the moment of the `count`-th commit that somebody makes from now on."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as watcher:
        seen, last = 0, watcher.execute("PRAGMA data_version").fetchone()
        while seen < count and not stop.is_set():
            now = watcher.execute("PRAGMA data_version").fetchone()
            seen, last = seen + (now != last), now


def posted(events: list[SeenEvent], bot: str) -> Counter[str]:
    """What stands in the room once for each share, by a name that is its own."""
    return Counter(
        event.content.get("filename") or event.body.partition("\n")[0]
        for event in events
        if event.sender == bot and event.msgtype and not event.edits
    )


@pytest.mark.timeout(600)
async def test_a_share_killed_at_every_state_is_posted_exactly_once(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    running = await BotProcess.start(ward.config)
    await ward.gather()
    states = set()
    for share, moment in enumerate(MOMENTS, start=1):
        since = len(ward.registrar.events)
        states.add(await _killed_at(ward, running, moment))
        running = await BotProcess.start(ward.config)
        await ward.registrar.wait(lambda event: event.room == ward.room and SENT in event.body, 120, since)
        expected = {f"Share {share}: XR C Spine Comp Min 4 Views, 1 Jan 2001", "DICOM.ZIP"}
        expected |= {f"preview-{number}.jpg" for number in (1, 2, 3)}
        assert posted(ward.registrar.events[since:], ward.bot) == Counter(expected), f"killed at commit {moment}"
        await _check_parcel(ward, since)
    await running.stop()
    assert {"opened", "previewing", "delivering"} <= states


async def _killed_at(ward: Ward, running: BotProcess, moment: int) -> str:
    """Type the command, kill the bot in that moment; the state in which the share was."""
    ledger = ward.config.parent / "state" / "ledger.db"
    gone = asyncio.Event()
    watching = asyncio.create_task(asyncio.to_thread(until_commits, ledger, moment, gone))
    await ward.clinician.send(ward.room, "!share study")
    await asyncio.wait({watching}, timeout=20)
    await running.kill()
    gone.set()
    await watching
    with sqlite3.connect(ledger) as db:
        row = db.execute("SELECT state FROM shares ORDER BY id DESC LIMIT 1").fetchone()
    return row[0] if row else ""


async def _check_parcel(ward: Ward, since: int) -> None:
    [parcel] = [event for event in ward.registrar.events[since:] if event.msgtype == "m.file"]
    saved = await ward.registrar.download(parcel, ward.directory / "DICOM.ZIP")
    report = verify(saved.path)
    assert report.ok, report.problems
    assert report.instances == 3
    saved.path.unlink()
