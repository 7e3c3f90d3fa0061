"""The bot's Matrix side and its ledger as a process of its own, so that it can be killed for real.

`Killable.start(...)` forks one off a server that has loaded everything already. JSON lines over a socket: it says
{"ready"}, {"heard", "sender"} for each message that the ledger gives out, {"sent"}; it is asked {"room", "text"} to say
something, with the text as the transaction id.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

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
    from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
#: There is one such server in a process: the bot's own workers want theirs loaded, too.
PRELOADED = [__name__, "rendering.preload"]


class Killable:
    """One running process. `heard` are the bodies of messages whose sender is known to be themselves."""

    def __init__(self, process: Any, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._writer = writer
        self.heard: list[str] = []
        self.sent: list[str] = []
        self.ready = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def start(cls, directory: Path, account: Account) -> AsyncIterator[Self]:
        """Started, and killed with the block. `ready` is set after its first sync."""
        FORKS.set_forkserver_preload(PRELOADED)
        ours, theirs = socket.socketpair()
        process = FORKS.Process(target=_main, args=(theirs, directory, account), daemon=True)
        process.start()
        theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        running = cls(process, writer)
        listening = asyncio.create_task(running._listen(reader))
        try:
            yield running
        finally:
            await running.kill()
            await listening
            writer.close()

    async def kill(self) -> None:
        """SIGKILL: nothing can be tidied up."""
        self._process.kill()
        await asyncio.to_thread(self._process.join)

    def say(self, room: str, text: str) -> None:
        """Have it say something."""
        _tell(self._writer, room=room, text=text)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            async for line in reader:
                self._hear(json.loads(line))

    def _hear(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.ready.set()
        elif "sent" in message:
            self.sent.append(message["sent"])
        elif message["sender"]:
            self.heard.append(message["heard"])


def _tell(writer: asyncio.StreamWriter, **message: Any) -> None:
    writer.write(json.dumps(message).encode() + b"\n")


# ---- inside the process


async def _serve(connection: socket.socket, directory: Path, account: Account) -> None:
    reader, writer = await asyncio.open_connection(sock=connection)
    state = StateDirectory(directory)
    state.prepare()
    with state.locked():
        ledger = await Database.open(state.file("ledger.db"), state.cipher())
        async with await MatrixSession.open(account, state, Pins(ledger)) as session:

            async def on_news(batch: SyncBatch) -> None:
                for invitation in batch.invitations:
                    await session.join(invitation.room_id)
                for message in await inbox.unhandled(ledger):
                    _tell(writer, heard=message.body, sender=message.sender if message.authenticated else None)
                    async with ledger.transaction() as tx:
                        await inbox.handled(tx, message.event_id)

            await on_news(SyncBatch((), (), ""))
            loop = SyncLoop(session, Inbox(ledger), on_news=on_news, patience=Patience(first_pause=0.05))
            async with asyncio.TaskGroup() as group:
                group.create_task(loop.run())
                await loop.ready.wait()
                _tell(writer, ready=True)
                async for line in reader:
                    asked = json.loads(line)
                    content = {"msgtype": "m.notice", "body": asked["text"]}
                    _tell(writer, sent=await session.send(asked["room"], content, asked["text"]))
                raise ConnectionError  # whoever started us is gone


def _main(connection: socket.socket, directory: Path, account: Account) -> None:
    asyncio.run(_serve(connection, directory, account))
