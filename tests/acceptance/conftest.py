from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom.data import get_testdata_file

from bot.demo.receipt import SENT, Receipt
from bot.demo.stage import gathered, running_bot, write_settings
from config.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from bot.demo.seen import SeenEvent
    from tests.servers.people import Account, People


@dataclass
class Ward:
    """A bot's settings, a clinician and a registrar in a room of their own, and a folder of studies."""

    directory: Path
    config: Path
    studies: Path
    bot: str
    clinician: Person
    registrar: Person
    room: str = ""

    def running(self) -> AbstractAsyncContextManager[None]:
        """The bot in this process."""
        return running_bot(load_settings(self.config))

    async def gather(self) -> str:
        """The room with everybody in it; the bot must run."""
        self.room = await gathered(self.bot, self.clinician, self.registrar)
        return self.room

    async def ask(self, text: str, *, room: str = "") -> SeenEvent:
        """The bot's first answer to this line."""
        where = room or self.room
        event_id = await self.clinician.send(where, text)

        def answers(event: SeenEvent) -> bool:
            reply = (event.relates_to or {}).get("m.in_reply_to", {})
            return event.sender == self.bot and reply.get("event_id") == event_id

        return await self.clinician.wait(answers)

    async def share(self, text: str = "!share study") -> Receipt:
        """Everything that the registrar receives for this line."""
        receipt = Receipt(self.registrar, self.room, self.bot, self.directory / "received")
        since = len(self.registrar.events)
        await self.clinician.send(self.room, text)
        await receipt.collect(since)
        return receipt

    async def done(self) -> None:
        """Wait for the last word of a share."""
        await self.registrar.wait(lambda event: event.room == self.room and SENT in event.body, 60)


def copy_cervical_spine(studies: Path) -> None:
    """A small CR study of three views that pydicom ships."""
    shutil.copytree(Path(str(get_testdata_file("DICOMDIR"))).parent / "77654033", studies, dirs_exist_ok=True)
    shutil.rmtree(studies / "CT2")


@pytest.fixture
async def ward(
    homeserver: Homeserver,
    account: Callable[[str], Awaitable[Account]],
    person: People,
    tmp_path: Path,
) -> AsyncIterator[Ward]:
    bot = await account("carrierbag")
    studies = tmp_path / "studies"
    studies.mkdir()
    config = write_settings(tmp_path / "bot", homeserver.url, bot.user_id, studies, password=bot.password)
    return Ward(tmp_path, config, studies, bot.user_id, await person("clinician"), await person("registrar"))
