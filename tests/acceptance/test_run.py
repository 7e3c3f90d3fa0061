"""`carrierbag run` and `init` as an operator meets them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from bot.demo.process import BotProcess

from .conftest import copy_cervical_spine

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Ward

COMMANDS = 100


def carrierbag(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


async def test_it_stops_cleanly_on_sigterm_and_one_process_has_the_state(ward: Ward) -> None:
    async with BotProcess.running(ward.config) as running:
        await ward.gather()
        second = await asyncio.to_thread(carrierbag, "run", "--config", str(ward.config))
        assert second.returncode == 1
        assert "Another carrierbag runs" in second.stderr
        assert await running.stop() == 0


async def test_the_state_directory_is_private(ward: Ward) -> None:
    async with BotProcess.running(ward.config):
        await ward.gather()
        state = ward.config.parent / "state"
        for path in [state, *state.rglob("*")]:
            assert path.stat().st_mode & 0o077 == 0, path.name


async def test_all_commands_sent_while_it_was_away_are_answered_once(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    async with BotProcess.running(ward.config):
        await ward.gather()
    asked = [await ward.clinician.send(ward.room, "!status") for _ in range(COMMANDS)]

    def answered() -> list[str]:
        replies = [event.relates_to or {} for event in ward.clinician.events if event.sender == ward.bot]
        return [one["m.in_reply_to"]["event_id"] for one in replies if "m.in_reply_to" in one]

    async with BotProcess.running(ward.config):
        await ward.clinician.wait(lambda _: set(asked) <= set(answered()), 120)
        await asyncio.sleep(2)
    assert sorted(answered()) == sorted(asked)


def test_init_writes_settings_that_say_what_is_missing(tmp_path: Path) -> None:
    assert carrierbag("init", str(tmp_path / "etc")).returncode == 0
    config = tmp_path / "etc" / "carrierbag.toml"
    broken = config.read_text("utf-8").replace('homeserver = "https://', 'homeserver = "ftp://')
    config.write_text(broken, "utf-8")
    refused = carrierbag("run", "--config", str(config))
    assert refused.returncode == 1
    assert "homeserver should be" in refused.stderr
    assert "Traceback" not in refused.stderr
