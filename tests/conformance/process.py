"""The bot's Matrix side and its ledger as a process of its own, so that it can be killed for real.

`Killable.start(...)` runs this file. JSON lines: it says {"ready"}, {"heard", "sender"} for each message that the
ledger gives out, {"sent"}; it is asked {"room", "text"} to say something, with the text as the transaction id.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import structlog

from bot.matrix.patience import Patience
from bot.matrix.session import Account, MatrixSession
from bot.matrix.sync import SyncBatch, SyncLoop
from bot.post_office import Inbox
from config.state import StateDirectory
from ledger import inbox
from ledger.database import Database
from ledger.trust import Pins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: Ends with whoever started it (prctl PR_SET_PDEATHSIG, SIGKILL).
_PROGRAM = "import ctypes; ctypes.CDLL(None).prctl(1, 9); from tests.conformance.process import main; main()"


class Killable:
    """One running process. `heard` are the bodies of messages whose sender is known to be themselves."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.heard: list[str] = []
        self.sent: list[str] = []
        self.ready = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def start(cls, directory: Path, homeserver: str, user_id: str, password: str) -> AsyncIterator[Self]:
        """Started, and killed with the block. `ready` is set after its first sync."""
        given = json.dumps([str(directory), homeserver, user_id, password])
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PROGRAM, given, stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[2]
        )
        running = cls(process)
        listening = asyncio.create_task(running._listen())
        try:
            yield running
        finally:
            await running.kill()
            await listening

    async def kill(self) -> None:
        """SIGKILL: nothing can be tidied up."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def say(self, room: str, text: str) -> None:
        """Have it say something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"room": room, "text": text}).encode() + b"\n")

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if "ready" in message:
                self.ready.set()
            elif "sent" in message:
                self.sent.append(message["sent"])
            elif message["sender"]:
                self.heard.append(message["heard"])


# ---- inside the process


async def serve(directory: str, homeserver: str, user_id: str, password: str) -> None:
    state = StateDirectory(Path(directory))
    state.prepare()
    with state.locked():
        ledger = await Database.open(state.file("ledger.db"), state.cipher())
        async with await MatrixSession.open(Account(homeserver, user_id, password), state, Pins(ledger)) as session:

            async def on_news(batch: SyncBatch) -> None:
                for invitation in batch.invitations:
                    await session.join(invitation.room_id)
                for message in await inbox.unhandled(ledger):
                    tell(heard=message.body, sender=message.sender if message.authenticated else None)
                    async with ledger.transaction() as tx:
                        await inbox.handled(tx, message.event_id)

            await on_news(SyncBatch((), (), ""))
            loop = SyncLoop(session, Inbox(ledger), on_news=on_news, patience=Patience(first_pause=0.05))
            async with asyncio.TaskGroup() as group:
                group.create_task(loop.run())
                await loop.ready.wait()
                tell(ready=True)
                group.create_task(_obey(session))


async def _obey(session: Any) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        asked = json.loads(line)
        content = {"msgtype": "m.notice", "body": asked["text"]}
        tell(sent=await session.send(asked["room"], content, asked["text"]))


def tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201 - the protocol


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(serve(*json.loads(sys.argv[1])))
