"""Console commands talk to the running bot: a Unix socket in the state directory, a line of JSON asked, one answered.

Whoever may write to that socket may already read the bot's keys: it is the bot's own user (0600, in a directory 0700).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

import structlog

from config.errors import Bug, CarrierbagError, Mistake, NotAllowed, TryLater

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

NAME = "control"
LINE_BYTES = 256 * 1024
#: Consoles at the same time.
MOST = 8
FAMILIES = {family.__name__: family for family in (Mistake, NotAllowed, TryLater, Bug)}

Call = Callable[[Mapping[str, Any]], Awaitable[Any]]


class NotRunning(TryLater):
    """Nobody listens."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"No bot runs on {directory}. Start it with: carrierbag run", "V10")


class Control:
    """The bot's end. `calls` are awaited with what the console gave, and return JSON."""

    def __init__(self, directory: Path, calls: Mapping[str, Call]) -> None:
        self._directory = directory
        self._calls = calls
        self._consoles = 0

    async def run(self) -> None:
        """Answer for ever. The caller holds the state directory's lock, so a socket that lies there is a dead one."""
        with _listening(self._directory) as listener:
            async with asyncio.TaskGroup() as group:
                while True:
                    connection, _ = await asyncio.get_running_loop().sock_accept(listener)
                    group.create_task(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        self._consoles += 1
        try:
            reader, writer = await asyncio.open_unix_connection(sock=connection, limit=LINE_BYTES)
            with contextlib.closing(writer):
                if self._consoles <= MOST:
                    await self._converse(reader, writer)
        except (OSError, ValueError):  # gone, or not one of ours
            log.info("console_lost")
        finally:
            self._consoles -= 1

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = await self._answer(json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()

    async def _answer(self, asked: Any) -> dict[str, Any]:
        call = self._calls.get(str(asked.get("call"))) if isinstance(asked, dict) else None
        if call is None:
            return {"error": _told(Mistake("The running bot is of another version than this command.", "V11"))}
        try:
            return {"ok": await call(asked)}
        except CarrierbagError as error:
            return {"error": _told(error)}
        except Exception:
            log.exception("console command failed")
            return {"error": _told(Bug("Something went wrong on the bot's side; its log says what.", "B30"))}


class Console:
    """The command's end. Use `with Console(directory) as bot: bot.ask("verify.list")`."""

    def __init__(self, directory: Path) -> None:
        """Raises `NotRunning`."""
        self._directory = directory
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            with _short(directory) as path:
                self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise NotRunning(directory) from None
        self._stream = self._socket.makefile("rwb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
        self._socket.close()

    def ask(self, call: str, **given: Any) -> Any:
        """One call's answer. Raises the error that the bot raised, or `NotRunning` when it has ended meanwhile."""
        try:
            self._stream.write(json.dumps({"call": call, **given}).encode() + b"\n")
            self._stream.flush()
            line = self._stream.readline()
        except OSError:
            line = b""
        if not line:
            raise NotRunning(self._directory)
        answer = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            raise FAMILIES[error["family"]](error["sentence"], error["code"])
        return answer["ok"]


def _told(error: CarrierbagError) -> dict[str, str]:
    family = next(name for name, one in FAMILIES.items() if isinstance(error, one))
    return {"family": family, "sentence": error.sentence, "code": error.code}


@contextlib.contextmanager
def _short(directory: Path) -> Iterator[str]:
    """A path of the socket that fits into the 108 bytes of a socket address, however deep the directory lies."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _listening(directory: Path) -> Iterator[socket.socket]:
    place = directory / NAME
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(0)  # the event loop waits for it
        os.fchmod(listener.fileno(), 0o600)  # before it has a name
        place.unlink(missing_ok=True)
        with _short(directory) as path:
            listener.bind(path)
        listener.listen(MOST)
        try:
            yield listener
        finally:
            place.unlink(missing_ok=True)
