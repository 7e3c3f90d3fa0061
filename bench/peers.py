"""What sharing is compared with: curl, which is as fast as this machine's Synapse goes, and matrix-commander."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bot.demo.people import Person, log_in
from bot.demo.stage import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.demo.homeserver import Homeserver

COMMANDER = Path(__file__).resolve().parents[1] / ".venv-bench" / "bin" / "matrix-commander"
#: matrix-commander refuses the ids of newer rooms, which name no server.
ROOM_VERSION = "11"
PATIENCE = 1800.0  # seconds for everything that a peer sends


@dataclass(frozen=True, slots=True)
class Curl:
    """curl with an account of its own on the homeserver."""

    homeserver: str
    token: str

    @classmethod
    async def sign_in(cls, homeserver: Homeserver) -> Self:
        """A new account, and its access token."""
        user = await homeserver.register("curl", PASSWORD)
        return cls(homeserver.url, (await log_in(homeserver.url, user, PASSWORD))["access_token"])

    async def put(self, files: Sequence[Path]) -> float:
        """Seconds in which it puts the files to the homeserver, one call after the other. Nothing is encrypted."""
        began = time.monotonic()
        for file in files:
            await _run(*self._command(file))
        return time.monotonic() - began

    def _command(self, file: Path) -> tuple[str, ...]:
        """`--upload-file` streams and gives the Content-Length; no waiting for 100-continue."""
        headers = (f"Authorization: Bearer {self.token}", "Content-Type: application/octet-stream", "Expect:")
        options = [part for header in headers for part in ("--header", header)]
        url = f"{self.homeserver}/_matrix/media/v3/upload"
        return (
            "curl",
            "--silent",
            "--show-error",
            "--fail",
            "--request",
            "POST",
            *options,
            "--upload-file",
            f"{file}",
            url,
        )


async def commander(homeserver: Homeserver, directory: Path, files: Sequence[Path], *, through: str = "") -> float:
    """Seconds from the start of `matrix-commander --file ...` until a colleague's client has the last file's event.

    It reaches the homeserver at `through`, or at its own address; the colleague always at that.
    The room is encrypted; its device is signed in and in the room before the clock starts. Its store is in `directory`.
    The colleague's client takes devices that nobody has cross-signed: this peer has no other.
    """
    user = await homeserver.register(directory.name, PASSWORD)
    colleague_id = await homeserver.register(f"colleague-{directory.name}", PASSWORD)
    async with Person.start(homeserver.url, colleague_id, PASSWORD, strict=False) as colleague:
        room = await colleague.create_room("Peer", [user])
        peer = Commander(directory, through or homeserver.url, user, room)
        await peer.sign_in()
        await peer.run("--room-join", room)
        began = time.monotonic()
        sending = asyncio.create_task(peer.send(files))
        await _last_file(colleague, user, len(files))
        seconds = time.monotonic() - began
        await sending
    return seconds


@dataclass(frozen=True, slots=True)
class Commander:
    """matrix-commander with credentials and store of its own in `directory`."""

    directory: Path
    homeserver: str
    user: str
    room: str

    async def sign_in(self) -> None:
        """Log in with the password on a new device."""
        self.directory.mkdir(parents=True)
        who = ("--homeserver", self.homeserver, "--user-login", self.user, "--password", PASSWORD)
        await self.run("--login", "password", *who, "--device", "bench", "--room-default", self.room)

    async def send(self, files: Sequence[Path]) -> None:
        """Encrypt and post the files into the room: one run for all of them."""
        await self.run("--room", self.room, "--file", *map(str, files))

    async def run(self, *arguments: str) -> None:
        """One run of it. Raises `RuntimeError` with what it said when it fails."""
        own = ("--credentials", str(self.directory / "credentials.json"), "--store", str(self.directory / "store"))
        await _run(str(COMMANDER), *own, *arguments)


async def _last_file(colleague: Person, user: str, count: int) -> None:
    seen: set[str] = set()
    while len(seen) < count:
        event = await colleague.wait(
            lambda one: one.sender == user and one.msgtype == "m.file" and one.event_id not in seen, timeout=PATIENCE
        )
        seen.add(event.event_id)


async def _run(*command: str) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {said.decode(errors='replace')}")
