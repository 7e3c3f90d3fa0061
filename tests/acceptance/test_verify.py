"""A person and an operator compare emoji: at the console of a running bot, and in the administrators' room."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from bot.demo.process import BotProcess
from bot.demo.stage import POLICY
from bot.verifying import COMPARE

from .test_run import carrierbag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.demo.people import Person
    from tests.servers.people import People

    from .conftest import Ward

QUESTION = "Is it the same, in the same order?"


class Operator:
    """Somebody at the console, with `carrierbag verify` running."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.screen = ""

    async def sees(self, text: str, seconds: float = 40) -> str:
        """All that stands on the screen, once this does."""
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            while text not in self.screen:
                more = await self._process.stdout.read(1000)
                assert more, f"ended without {text!r}: {self.screen}"
                self.screen += more.decode()
        return self.screen

    async def types(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def ends(self) -> int:
        """Its exit code."""
        assert self._process.stdout is not None
        self.screen += (await asyncio.wait_for(self._process.stdout.read(), 40)).decode()
        return await self._process.wait()


@asynccontextmanager
async def console(config: Path, *arguments: str) -> AsyncIterator[Operator]:
    command = (sys.executable, "-u", "-m", "bot.cli", "verify", *arguments, "--config", str(config))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "COLUMNS": "100"}
    )
    try:
        yield Operator(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def names_in(said: str, emoji: list[Any]) -> list[str]:
    """Names of emoji that stand there as words: identifiers hold "Key" and "Cat" by chance."""
    return [name for _, name in emoji if re.search(rf"(?<![\w+/=-]){re.escape(name)}(?![\w+/=-])", said)]


async def reaches(person: Person, user: str, phase: str) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while (found := await person.verification(user)).get("phase") != phase:
            if phase == "emoji" and found.get("emoji"):
                break
            await asyncio.sleep(0.1)
    return found


async def begins(ward: Ward) -> str:
    """The clinician verifies the bot from their direct chat; its room."""
    room = await ward.clinician.create_room("", [ward.bot], preset="trusted_private_chat")
    await ward.clinician.wait(lambda event: is_join(event, room, ward.bot), timeout=60)
    await ward.clinician.verify(ward.bot, room=room)
    await reaches(ward.clinician, ward.bot, "ready")
    await ward.clinician.verify_step(ward.bot, "start")
    return room


def is_join(event: Any, room: str, user_id: str) -> bool:
    return (event.room, event.state_key, event.content.get("membership")) == (room, user_id, "join")


def on_screen(screen: str) -> list[list[str]]:
    """The emoji as the console shows them, as the client reports its own."""
    rows = re.findall(r"^ +\d  (\w+(?: \w+)?) +(\S+)$", screen, re.MULTILINE)
    return [[symbol, name] for name, symbol in rows]


async def test_an_operator_verifies_somebody_at_the_console(ward: Ward) -> None:
    async with BotProcess.running(ward.config):
        room = await begins(ward)
        async with console(ward.config) as operator:
            screen = await operator.sees(QUESTION)
            theirs = await reaches(ward.clinician, ward.bot, "emoji")
            assert on_screen(screen) == theirs["emoji"]
            assert ward.clinician.user_id in screen
            assert ward.clinician.device_id in screen
            await operator.types("y")
            await operator.sees("confirm it in their app")
            await ward.clinician.verify_step(ward.bot, "confirm")
            assert await operator.ends() == 0
            assert "is verified" in operator.screen
        await reaches(ward.clinician, ward.bot, "done")
        listed = await asyncio.to_thread(carrierbag, "trust", "list", "--config", str(ward.config))
        assert f"{ward.clinician.user_id}" in listed.stdout
        assert "confirmed by emoji" in listed.stdout
        said = str([vars(event) for event in await ward.clinician.timeline(room)])
        assert not names_in(said, theirs["emoji"])


async def test_an_operator_begins_at_the_console(ward: Ward) -> None:
    async with BotProcess.running(ward.config):
        await ward.gather()
        async with console(ward.config, ward.clinician.user_id) as operator:
            await operator.sees("waits for their app")
            await reaches(ward.clinician, ward.bot, "requested")
            await ward.clinician.verify_step(ward.bot, "accept")
            await operator.sees(QUESTION)
            await reaches(ward.clinician, ward.bot, "emoji")
            await ward.clinician.verify_step(ward.bot, "confirm")
            await operator.types("y")
            assert await operator.ends() == 0


async def test_an_operator_says_no(ward: Ward) -> None:
    async with BotProcess.running(ward.config):
        await begins(ward)
        async with console(ward.config) as operator:
            await operator.sees(QUESTION)
            await operator.types("n")
            assert await operator.ends() == 1
            assert "did not match" in operator.screen
        assert (await reaches(ward.clinician, ward.bot, "cancelled"))["code"] == "m.mismatched_sas"


async def test_without_a_bot_the_console_says_so(ward: Ward) -> None:
    (ward.config.parent / "state").mkdir(mode=0o700)
    refused = await asyncio.to_thread(carrierbag, "verify", "--config", str(ward.config))
    assert refused.returncode == 1
    assert "No bot runs" in refused.stderr


async def administration(ward: Ward, admin: Person) -> str:
    """The administrators' room, known to the bot from its next start on."""
    async with ward.running():
        room = await admin.create_room("Administration", [ward.bot])
        await admin.wait(lambda event: is_join(event, room, ward.bot), timeout=60)
    with ward.config.open("a") as settings:
        settings.write(f'[admin]\nroom = "{room}"\n')
    rule = f'[[rules]]\npeople = ["{admin.user_id}"]\nrooms = ["{room}"]\nmay = ["admin"]\n'
    (ward.config.parent / "policy.toml").write_text(POLICY + rule)
    return room


async def test_an_administrator_verifies_somebody_in_the_admin_room(ward: Ward, person: People) -> None:
    admin = await person("admin")
    administrators = await administration(ward, admin)
    async with ward.running():
        room = await begins(ward)
        shown = await admin.wait(lambda event: "in the same order?" in event.body, timeout=60)
        theirs = await reaches(ward.clinician, ward.bot, "emoji")
        assert shown.room == administrators
        assert shown.trusted
        assert "   ".join(f"{symbol} {name}" for symbol, name in theirs["emoji"][:4]) in shown.body
        number = re.search(r"Verification (\d+)", shown.body)
        assert number is not None
        await ward.clinician.verify_step(ward.bot, "confirm")
        await ward.clinician.send(room, f"!verify {number[1]} yes")  # not there, and not by them
        await admin.send(administrators, f"!verify {number[1]} yes")
        await admin.wait(lambda event: "is verified" in event.body, timeout=60)
        await reaches(ward.clinician, ward.bot, "done")
        said = str([vars(event) for event in await ward.clinician.timeline(room)])
        assert not names_in(said, theirs["emoji"])
        assert COMPARE.partition("{emoji}")[2][:20] not in said
