"""A homeserver with its default limits (rc_message: 10 at once, then one in five seconds): nothing is lost."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from bot.demo.homeserver import Homeserver
from bot.demo.people import Person, log_in
from bot.demo.stage import PASSWORD, gathered, running_bot, write_settings
from bot.limits import QUEUED
from config.settings import load_settings

from .conftest import Ward, copy_cervical_spine

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.seen import SeenEvent


@pytest.mark.timeout(300)
async def test_two_shares_under_default_limits_come_once_and_whole_and_the_remedy_in_the_log_lifts_the_limit(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    copy_cervical_spine(studies)
    async with Homeserver.start(tmp_path / "hs", rate_limited=True) as server:
        bot, *_ = [
            await server.register(name, PASSWORD, admin=name == "root") for name in ("bag", "anna", "ben", "root")
        ]
        settings = load_settings(write_settings(tmp_path / "bot", server.url, bot, studies))
        async with (
            running_bot(settings),
            Person.start(server.url, "anna", PASSWORD) as anna,
            Person.start(server.url, "ben", PASSWORD) as ben,
        ):
            ward = Ward(tmp_path, tmp_path / "bot" / "carrierbag.toml", studies, bot, anna, ben)
            ward.room = await gathered(bot, anna, ben)
            await ward.share()
            since, began = len(ben.events), time.monotonic()
            receipt = await ward.share()
            limited = time.monotonic() - began
            second = ben.events[since:]
            await _lift(server, bot, "root", capfd.readouterr().out)
            began = time.monotonic()
            await ward.share()
            lifted = time.monotonic() - began
    assert _said(second, bot) == {QUEUED: 1, "Share 2": 1, "preview": 3, "DICOM.ZIP": 1, "Sent": 1}
    assert all(event.trusted for event in second if event.sender == bot)
    assert [one["verified"] for one in receipt.parcels] == [True]
    assert lifted < 5 < limited


async def _lift(server: Homeserver, bot: str, admin: str, log: str) -> None:
    """What the operator's log says."""
    assert f"/_synapse/admin/v1/users/{bot}/override_ratelimit" in log
    token = (await log_in(server.url, admin, PASSWORD))["access_token"]
    url = f"{server.url}/_synapse/admin/v1/users/{quote(bot)}/override_ratelimit"
    body, headers = {"messages_per_second": 0, "burst_count": 0}, {"Authorization": f"Bearer {token}"}
    async with ClientSession() as http, http.post(url, json=body, headers=headers) as response:
        assert response.status == 200, await response.text()


def _said(events: list[SeenEvent], bot: str) -> Counter[str]:
    return Counter(_kind(event) for event in events if event.sender == bot and event.msgtype)


def _kind(event: SeenEvent) -> str:
    if event.edits:
        return "Sent" if "\nSent: " in event.body else "progress"
    if event.msgtype == "m.image":
        return "preview"
    return event.body.partition(":")[0] if event.body.startswith("Share ") else event.body
