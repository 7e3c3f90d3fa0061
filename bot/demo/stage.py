"""The stage of the demo: a throw-away homeserver, a running bot, two people with real clients, one encrypted room."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.app import built
from bot.demo.homeserver import Homeserver
from bot.demo.people import Person
from config.settings import load_settings
from config.state import write_private

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from config.settings import Settings

ROOM_NAME = "Orthopaedics on call"
#: The same for everybody: the server lives for minutes, on loopback.
PASSWORD = "carrierbag-demo"  # noqa: S105 - of a throw-away server


POLICY = """[[rules]]
people = ["own"]
may = ["find", "share"]
"""
SETTINGS = """policy_file = "policy.toml"
[matrix]
homeserver = "{homeserver}"
user_id = "{user_id}"
password_file = "password"
[state]
directory = "state"
[[sources]]
kind = "folder"
name = "radiology"
path = {studies}
[log]
level = "warning"
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that plays."""

    homeserver: Homeserver
    bot: str
    clinician: Person
    registrar: Person
    room: str


@contextlib.asynccontextmanager
async def running_bot(settings: Settings) -> AsyncIterator[None]:
    """A bot in this process that answers commands; ended with the block."""
    started = asyncio.Event()
    async with built(settings) as app:
        task = asyncio.create_task(app.run(started.set))
        waiting = asyncio.create_task(started.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield
        finally:
            waiting.cancel()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def write_settings(
    directory: Path, homeserver: str, user_id: str, studies: Path, *, password: str = PASSWORD, more: str = ""
) -> Path:
    """Write the settings of a bot that keeps everything below `directory` and shares what lies in `studies`.

    `more` is further TOML. Returns the path of the settings file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_private(directory / "password", password.encode())
    (directory / "policy.toml").write_text(POLICY, "utf-8")
    path = directory / "carrierbag.toml"
    where = json.dumps(str(studies.absolute()))
    settings = SETTINGS.format(homeserver=homeserver, user_id=user_id, studies=where)
    path.write_text(settings + more, "utf-8")
    return path


@contextlib.asynccontextmanager
async def stage(directory: Path, studies: Path) -> AsyncIterator[Stage]:
    """Set everything up below `directory`, and take it down again."""
    async with contextlib.AsyncExitStack() as stack:
        homeserver = await stack.enter_async_context(Homeserver.start(directory / "homeserver"))
        names = ("carrierbag", "clinician", "registrar")
        bot, *_ = [await homeserver.register(name, PASSWORD) for name in names]
        config = write_settings(directory / "bot", homeserver.url, bot, studies)
        await stack.enter_async_context(running_bot(load_settings(config)))
        clinician, registrar = [
            await stack.enter_async_context(Person.start(homeserver.url, name, PASSWORD)) for name in names[1:]
        ]
        room = await gathered(bot, clinician, registrar)
        yield Stage(homeserver, bot, clinician, registrar, room)


async def gathered(bot: str, clinician: Person, *others: Person) -> str:
    """An encrypted, invite-only room of the clinician's with everybody in it; all have read the bot's hello."""
    room = await clinician.create_room(ROOM_NAME, [one.user_id for one in others])
    for one in others:
        await one.join(room)
    await clinician.invite(room, bot)
    for one in (clinician, *others):
        await one.wait(lambda event: (event.room, event.sender) == (room, bot) and event.trusted, timeout=60)
    return room
