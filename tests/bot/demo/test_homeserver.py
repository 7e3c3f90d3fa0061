"""The throw-away homeserver: loopback only, no limits, gone when we are gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bot.demo.homeserver import Homeserver, interpreter
from bot.demo.people import log_in
from bot.demo.synapse import configuration, unlimited
from config.errors import Mistake, TryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.servers.people import Account

HOUSE = Path(__file__).resolve().parents[3]
PARENT = """
import asyncio, pathlib, sys
from bot.demo.homeserver import Homeserver
async def main():
    async with Homeserver.start(pathlib.Path(sys.argv[1])) as homeserver:
        print(homeserver.pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_it_announces_the_upload_size_and_takes_more_logins_than_synapse_allows(
    homeserver: Homeserver, account: Callable[[str], Awaitable[Account]]
) -> None:
    anna = await account("anna")
    for _ in range(12):
        token = (await log_in(homeserver.url, anna.name, anna.password))["access_token"]
    url = f"{homeserver.url}/_matrix/client/v1/media/config"
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        assert await response.json() == {"m.upload.size": 2 * 1024**3}


async def test_a_name_that_is_taken_is_refused_in_one_sentence(
    homeserver: Homeserver, account: Callable[[str], Awaitable[Account]]
) -> None:
    anna = await account("anna")
    with pytest.raises(Mistake, match="refused the account"):
        await homeserver.register(anna.name, "another")


async def test_accounts_outlive_a_restart_and_nothing_answers_in_between(tmp_path: Path) -> None:
    async with Homeserver.start(tmp_path / "hs", max_upload_size="1M") as homeserver:
        await homeserver.register("anna", "password")
        await homeserver.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await log_in(homeserver.url, "anna", "password")
        await homeserver.restart()
        assert (await log_in(homeserver.url, "anna", "password"))["user_id"] == "@anna:localhost"
        left = homeserver.pid
    assert left is not None
    assert not Path(f"/proc/{left}").exists()


async def test_it_ends_when_we_are_killed(tmp_path: Path) -> None:
    """Also with SIGKILL, when no `finally` runs."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path / "hs"), cwd=HOUSE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), 60))
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    async with asyncio.timeout(20):
        while alive(child):  # noqa: ASYNC110 - a process of another's, no event to wait for
            await asyncio.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


async def test_a_homeserver_that_cannot_start_names_its_log(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match="did not start"):
        async with Homeserver.start(tmp_path / "hs", extra={"server_name": 5}):
            pass


def test_a_missing_synapse_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CARRIERBAG_SYNAPSE_PYTHON", str(tmp_path / "python"))
    with pytest.raises(Mistake, match="make setup"):
        interpreter()


def test_it_listens_on_loopback_and_speaks_to_nobody(tmp_path: Path) -> None:
    settings = configuration(tmp_path, "localhost", 8008, "secret")
    assert [listener["bind_addresses"] for listener in settings["listeners"]] == [["127.0.0.1"]]
    assert settings["trusted_key_servers"] == settings["federation_domain_whitelist"] == []
    assert settings["report_stats"] is False


def test_every_limit_is_lifted() -> None:
    assert {"rc_message", "rc_login", "rc_joins", "rc_invites", "rc_room_creation", "rc_media_create"} <= set(
        unlimited()
    )
