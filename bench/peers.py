"""What sharing is compared with: curl, which is as fast as this machine's Synapse goes, and matrix-commander."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.demo.people import Person, log_in
from bot.demo.stage import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.demo.homeserver import Homeserver

COMMANDER = Path(__file__).resolve().parents[1] / ".venv-bench" / "bin" / "matrix-commander"
#: matrix-commander refuses the ids of newer rooms, which name no server.
ROOM_VERSION = "11"
PATIENCE = 1800.0  # seconds for everything that a peer sends


async def floor(homeserver: Homeserver, files: Sequence[Path]) -> float:
    """Seconds in which curl puts the files to the homeserver, one call after the other. Nothing is encrypted."""
    token = (await log_in(homeserver.url, await homeserver.register("curl", PASSWORD), PASSWORD))["access_token"]
    began = time.monotonic()
    for file in files:
        await _run(*_curl(homeserver.url, token, file))
    return time.monotonic() - began


async def commander(homeserver: Homeserver, directory: Path, files: Sequence[Path]) -> float:
    """Seconds from the start of `matrix-commander --file ...` until a colleague's client has the last file's event.

    The room is encrypted; its device is signed in and in the room before the clock starts. Its store is in `directory`.
    The colleague's client takes devices that nobody has cross-signed: this peer has no other.
    """
    user = await homeserver.register("commander", PASSWORD)
    colleague_id = await homeserver.register("colleague", PASSWORD)
    async with Person.start(homeserver.url, colleague_id, PASSWORD, strict=False) as colleague:
        room = await colleague.create_room("Peer", [user])
        peer = Commander(directory, homeserver.url, user, room)
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


def _curl(homeserver: str, token: str, file: Path) -> tuple[str, ...]:
    """`--upload-file` streams and gives the Content-Length; no waiting for 100-continue."""
    curl = shutil.which("curl")
    if curl is None:
        raise RuntimeError("curl is not installed: the floor cannot be measured.")
    headers = (f"Authorization: Bearer {token}", "Content-Type: application/octet-stream", "Expect:")
    options = [part for header in headers for part in ("--header", header)]
    url = f"{homeserver}/_matrix/media/v3/upload"
    return (curl, "--silent", "--show-error", "--fail", "--request", "POST", *options, "--upload-file", str(file), url)


async def _run(*command: str) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {said.decode(errors='replace')}")
