"""The whole bot behind a lying homeserver, and what it made of each event that it was told."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bot.app import built
from config.settings import load_settings
from ledger import audit, shares
from ledger.audit import AuditKind
from ledger.outbox import transaction_id
from tests.security.evil import Lies, new_id
from tests.servers.peer import KIND, Conversation, Peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.app import App
    from bot.demo.people import Person
    from ledger.database import Database
    from tests.security.evil import EvilServer

SHARE = "!share study 77654033"
COMMAND, FOUND = "!find id: 77654033", "1. XR C Spine"
#: Steps under which the bot says that it did not do as it was told.
REFUSALS = {"refused", "mistake"}
CODE = re.compile(r"\[(A0[1-3]|R\d\d)\]")


@dataclass(frozen=True)
class Try:
    """An event that must not count as a command."""

    what: str
    event_id: str


@dataclass
class Target:
    """The bot, and everybody around it."""

    config: Path
    user_id: str
    evil: EvilServer
    #: A clinician with an app, one whose device is made by hand, and a member of the room who may command nothing.
    anna: Person
    ben: Peer
    mallory: Peer
    room: str = ""
    other_room: str = ""
    device_id: str = ""
    app: App = field(init=False)
    said: Conversation = field(init=False)
    tries: list[Try] = field(default_factory=list)
    genuine: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The bot at work; it can be stopped and started."""
        started = asyncio.Event()
        async with built(load_settings(self.config)) as self.app:
            self.device_id = self.app._session.device_id
            task = asyncio.create_task(self.app.run(started.set))
            waiting = asyncio.create_task(started.wait())
            try:
                await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
                yield
            finally:
                waiting.cancel()
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    @property
    def ledger(self) -> Database:
        return self.app._ledger

    def forget_token(self) -> None:
        """As if the place in the server's story were lost; the bot must not run."""
        with sqlite3.connect(self.config.parent / "state" / "ledger.db") as db:
            db.execute("DELETE FROM sync")

    async def attempt(self, what: str, *events: Any, room: str = "", **lies: Any) -> None:
        """The server tells these events, each a try of its own, together with other lies."""
        self.count(what, *events)
        await self.evil.tell(Lies([(room or self.room, event) for event in events], **lies))

    def count(self, what: str, *events: Any) -> None:
        """These events are tries."""
        ids = [event if isinstance(event, str) else _id_of(event) for event in events]
        self.tries += [Try(f"{what} #{number}", event_id) for number, event_id in enumerate(ids)]

    async def command(self) -> None:
        """A genuine command of each clinician, and its answer."""
        await self.answered(await self.anna.send(self.room, COMMAND), await self.said.say(COMMAND))

    async def answered(self, *asked: str) -> None:
        """These are genuine commands: wait for the answers."""
        self.genuine += asked
        for event_id in asked:
            await self.anna.wait(lambda event, asked=event_id: _answers(event) == asked and FOUND in event.body)

    async def quiet(self) -> None:
        """Wait until every message is answered and every answer is sent."""
        async with asyncio.timeout(60):
            while await self._busy():  # noqa: ASYNC110 - the bot tells nobody
                await asyncio.sleep(0.02)

    async def _busy(self) -> Any:
        return await self.ledger.row(
            "SELECT 1 FROM inbox WHERE handled_at IS NULL UNION SELECT 1 FROM outbox WHERE state = 'queued'"
        )

    async def accepted(self) -> list[str]:
        """Which tries the bot took for commands: by what it began, what it answered, and what was seen of that."""
        await self.quiet()
        begun = {one.command_event_id for one in await shares.every(self.ledger)}
        rows = await self.ledger.rows("SELECT txn_id, step FROM outbox")
        answered = {row["txn_id"] for row in rows if row["step"] not in REFUSALS}
        steps = {row["step"] for row in rows} - REFUSALS
        seen = {_answers(one): one.body for one in self.anna.events if one.sender == self.user_id and not one.failure}
        seen.pop("", None)  # what answers nothing
        return [
            f"{one.what}: {seen.get(one.event_id, '')}"
            for one in self.tries
            if one.event_id in begun
            or any(transaction_id(one.event_id, step) in answered for step in steps)
            or not CODE.search(seen.get(one.event_id, "[A01]"))
        ]

    async def searched(self) -> int:
        """How many searches stand in the audit trail."""
        return sum(one.event.kind is AuditKind.QUERY for one in await audit.records(self.ledger))

    async def raw(self, event_id: str) -> dict[str, Any]:
        """An event as the true server holds it."""
        return dict(await self.ben.raw.call("GET", f"/rooms/{quote(self.room)}/event/{quote(event_id)}"))


def event(sender: str, content: Any, **fields: Any) -> dict[str, Any]:
    """A timeline event as a server would tell it."""
    return {
        "type": "m.room.encrypted",
        "sender": sender,
        "event_id": new_id(),
        "origin_server_ts": now(),
        "content": content,
        **fields,
    }


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


async def offer_keys(peer: Peer, count: int = 10) -> None:
    """One-time keys, so that the bot can begin a channel to this device."""
    peer.account.generate_one_time_keys(count)
    keys = {name: key.to_base64() for name, key in peer.account.one_time_keys.items()}
    body = {f"{KIND}:{name}": peer.signed({"key": key}) for name, key in keys.items()}
    await peer.raw.call("POST", "/keys/upload", {"one_time_keys": body})


async def speaking(peer: Peer, target: Target, room: str = "") -> Conversation:
    """A conversation of the peer whose key it has sent to the bot."""
    conversation = Conversation(peer, room or target.room)
    await (await peer.open(target.user_id, target.device_id)).send_key(conversation)
    return conversation


def _id_of(event: Any) -> str:
    return str(event.get("event_id")) if isinstance(event, dict) else ""


def _answers(event: Any) -> str:
    reply = (event.relates_to or {}).get("m.in_reply_to") or {}
    return str(reply.get("event_id", ""))
