"""Plain matrix-nio and our own session under one small surface, so that one test can show what each of them does."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sqlite3
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import pytest
from nio import AsyncClient, AsyncClientConfig, InviteMemberEvent, RoomMessageText, RoomSendResponse, UploadResponse
from nio.crypto import OlmDevice, Sas
from nio.events.to_device import KeyVerificationStart

from access.policy import Policy
from bot.dispatch import Dispatcher
from bot.matrix.media import encrypted_file
from bot.matrix.patience import Patience
from bot.matrix.session import Account, MatrixSession
from bot.matrix.sync import SyncLoop
from bot.matrix.verification.sas import commitment
from bot.post_office import Inbox
from commands.kit.context import Sending
from config.state import StateDirectory
from ledger.database import Database
from ledger.trust import Pins
from studies.sources.everywhere import Everywhere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from access.rooms import RoomFacts
    from bot.matrix.events import SyncBatch
    from tests.servers.people import Account as Registered

#: Short enough for a test, long enough for what a test breaks.
QUICK = Patience(attempts=4, first_pause=0.05, longest_pause=0.2, longest_limit=3)


class Failed(AssertionError):
    """Plain nio answers with an error object where we raise."""


class Subject(ABC):
    """A device that listens and speaks in encrypted rooms. It joins every room that it is invited to."""

    #: Seconds after which what has not been heard will not be heard.
    patience: ClassVar[float]
    client: AsyncClient
    task: asyncio.Task[None]

    def __init__(self, url: str, registered: Registered, directory: Path) -> None:
        self.url, self.registered, self.directory = url, registered, directory
        self.user_id = registered.user_id
        #: A room in which every message takes for ever.
        self.slow = ""

    @asynccontextmanager
    @abstractmethod
    async def running(self) -> AsyncIterator[None]:
        """Signed in and syncing, until the block ends; can be started again."""
        yield

    @abstractmethod
    async def heard(self) -> list[tuple[str, str]]:
        """Sender and text of every message that it would act upon, over all its runs."""

    @abstractmethod
    async def send(self, room: str, text: str, *, strict: bool = False) -> str:
        """Say something and return the event's id; `strict` demands that no untrusted device reads it."""

    @abstractmethod
    async def upload(self, plain: Path, sealed: Path) -> dict[str, Any]:
        """Upload a file encrypted, in the way that each of them has; `sealed` may be used. The EncryptedFile."""

    @property
    @abstractmethod
    def store(self) -> Path:
        """The database of keys."""

    @abstractmethod
    async def load(self) -> Any:
        """Load the keys as at a start, without anything else; the Olm machine."""

    @abstractmethod
    def forget(self) -> None:
        """Lose its place in the server's story, and its messages; the keys remain. It must not run."""

    @staticmethod
    @abstractmethod
    def commitment(start: Mapping[str, Any]) -> tuple[str, str]:
        """Our ephemeral key and the commitment with which an emoji verification that somebody starts is accepted."""

    @property
    def alive(self) -> bool:
        return not self.task.done()

    async def hears(self, text: str, sender: str = "") -> bool:
        """Whether it comes to hear this before its patience ends, and is still alive then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                while not await self._has_heard(text, sender) and self.alive:  # noqa: ASYNC110 - two kinds of subjects
                    await asyncio.sleep(0.05)
        return await self._has_heard(text, sender) and self.alive

    async def _has_heard(self, text: str, sender: str) -> bool:
        return any(body == text and sender in {"", who} for who, body in await self.heard())

    async def _ended(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self.task


class Plain(Subject):
    """matrix-nio 0.26 as its documentation says: a store, callbacks, `sync_forever`."""

    patience = 4.0

    def __init__(self, url: str, registered: Registered, directory: Path) -> None:
        super().__init__(url, registered, directory)
        directory.mkdir()
        self._heard: list[tuple[str, str]] = []
        self._login = ("", "")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.client = self._client()
        try:
            await self._sign_in()
            self.client.add_event_callback(self._text, RoomMessageText)
            self.client.add_event_callback(self._invited, InviteMemberEvent)
            first = asyncio.create_task(self.client.synced.wait())
            self.task = asyncio.create_task(self.client.sync_forever(timeout=30_000))
            await asyncio.wait({first, self.task}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            yield
        finally:
            await self._ended()
            await self.client.close()

    def _client(self) -> AsyncClient:
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True, store_name="nio.db")
        return AsyncClient(self.url, self.user_id, store_path=str(self.directory), config=config)

    async def _sign_in(self) -> None:
        if self._login[0]:
            self.client.restore_login(self.user_id, *self._login)
        else:
            await self.client.login(self.registered.password)
            self._login = (self.client.device_id, self.client.access_token)

    async def _text(self, room: Any, event: RoomMessageText) -> None:
        self._heard.append((event.sender, event.body))
        if room.room_id == self.slow:
            await asyncio.Event().wait()

    async def _invited(self, room: Any, event: InviteMemberEvent) -> None:
        if event.state_key == self.user_id:
            await self.client.join(room.room_id)

    async def heard(self) -> list[tuple[str, str]]:
        return list(self._heard)

    async def send(self, room: str, text: str, *, strict: bool = False) -> str:
        content = {"msgtype": "m.notice", "body": text}
        sent = await self.client.room_send(
            room, "m.room.message", content, tx_id=uuid4().hex, ignore_unverified_devices=not strict
        )
        if not isinstance(sent, RoomSendResponse):
            raise Failed(str(sent))
        return str(sent.event_id)

    async def upload(self, plain: Path, sealed: Path) -> dict[str, Any]:  # noqa: ARG002 - of the other one
        answer, keys = await self.client.upload(
            lambda *_: str(plain), "application/zip", plain.name, encrypt=True, filesize=self._stated_size(plain)
        )
        if not isinstance(answer, UploadResponse) or keys is None:
            raise Failed(str(answer))
        return {"url": answer.content_uri, "v": "v2", **keys}

    def _stated_size(self, plain: Path) -> int | None:
        return plain.stat().st_size

    @property
    def store(self) -> Path:
        return self.directory / "nio.db"

    async def load(self) -> Any:
        client = self._client()
        try:
            client.restore_login(self.user_id, *self._login)
        finally:
            await client.close()
        return client.olm

    def forget(self) -> None:
        self._heard.clear()
        with sqlite3.connect(self.store) as db:
            db.execute("DELETE FROM synctokens")

    @staticmethod
    def commitment(start: Mapping[str, Any]) -> tuple[str, str]:
        event = KeyVerificationStart.from_dict({"sender": "@anna:localhost", "content": dict(start)})
        device = OlmDevice("@anna:localhost", "PHONE", {"ed25519": "A" * 43, "curve25519": "A" * 43})
        sas = Sas.from_key_verification_start("@bot:localhost", "BOT", "A" * 43, device, event)
        return sas.pubkey, str(sas.commitment)


class PlainWithoutSize(Plain):
    """nio's `upload` as long as nobody tells it the size."""

    def _stated_size(self, plain: Path) -> int | None:  # noqa: ARG002 - nobody looks
        return None


class Remembering(Inbox):
    """The ledger's inbox, that forgets what was said as soon as it is answered; `said` does not."""

    def __init__(self, ledger: Database, said: dict[str, tuple[str, str]]) -> None:
        super().__init__(ledger)
        self._said = said

    async def receive(self, batch: SyncBatch) -> None:
        await super().receive(batch)
        self._said.update({one.event_id: (one.sender, one.body) for one in batch.messages})


class Ours(Subject):
    """The session, the sync loop and the ledger's inbox, with a dispatcher that reads it."""

    patience = 20.0

    def __init__(self, url: str, registered: Registered, directory: Path) -> None:
        super().__init__(url, registered, directory)
        self.state = StateDirectory(directory)
        self.state.prepare()
        self.session: MatrixSession
        self._said: dict[str, tuple[str, str]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(self.state.locked())
            self._ledger = await Database.open(self._kept, self.state.cipher())
            stack.push_async_callback(self._ledger.close)
            self.session = await stack.enter_async_context(await self._open())
            self.client = self.session.client
            self.client.patience = QUICK
            loop = SyncLoop(self.session, Remembering(self._ledger, self._said), on_news=self._news, patience=QUICK)
            self._dispatcher = self._dispatching()
            reading = asyncio.create_task(self._dispatcher.run())
            self.task = asyncio.create_task(loop.run())
            await asyncio.wait_for(loop.ready.wait(), 30)
            try:
                yield
            finally:
                reading.cancel()
                await self._ended()
                await asyncio.gather(reading, return_exceptions=True)

    async def _open(self) -> MatrixSession:
        account = Account(self.url, self.user_id, password=self.registered.password)
        return await MatrixSession.open(account, self.state, Pins(self._ledger))

    def _dispatching(self) -> Dispatcher:
        policy = Policy.of("localhost")
        return Dispatcher(
            ledger=self._ledger,
            sources=Everywhere([]),
            policy=policy,
            facts=self._facts,
            sending=self._sending,
            after=lambda: None,
        )

    async def _sending(self, _: frozenset[str]) -> Sending:
        return Sending(50_000_000)

    async def _facts(self, room: str) -> RoomFacts:
        if room == self.slow:
            await asyncio.Event().wait()
        return await self.session.facts(room)

    async def _news(self, batch: SyncBatch) -> None:
        self._dispatcher.poke()
        for invitation in batch.invitations:
            await self.session.join(invitation.room_id)

    @property
    def _kept(self) -> Path:
        return self.state.file("ledger.db")

    async def heard(self) -> list[tuple[str, str]]:
        rows = await self._ledger.rows("SELECT event_id FROM inbox WHERE authenticated AND live ORDER BY seq")
        return [self._said[row["event_id"]] for row in rows]

    async def send(self, room: str, text: str, *, strict: bool = False) -> str:
        return await self.session.send(room, {"msgtype": "m.notice", "body": text}, uuid4().hex, strict=strict)

    async def upload(self, plain: Path, sealed: Path) -> dict[str, Any]:  # noqa: ARG002 - of the other one
        mxc = str(await self.session.media.create())
        await self.session.media.put(mxc, sealed, sealed.stat().st_size)
        return encrypted_file(mxc, bytes(32), bytes(16), hashlib.sha256(sealed.read_bytes()).digest())

    @property
    def store(self) -> Path:
        return self.state.file("matrix/olm.db")

    async def load(self) -> Any:
        self._ledger = await Database.open(self._kept, self.state.cipher())
        try:
            async with await self._open() as session:
                return session.client.olm
        finally:
            await self._ledger.close()

    def forget(self) -> None:
        for path in _files(self._kept):
            path.unlink()

    @staticmethod
    def commitment(start: Mapping[str, Any]) -> tuple[str, str]:
        return "A" * 43, commitment("A" * 43, start)


#: On plain nio each rule is broken, until an upgrade mends it.
broken = pytest.mark.xfail(strict=True, raises=(AssertionError, pytest.fail.Exception))
NIO, OURS = pytest.param(Plain, id="plain nio", marks=broken), pytest.param(Ours, id="carrierbag")
NIO_WITHOUT_SIZE = pytest.param(PlainWithoutSize, id="plain nio", marks=broken)


def _files(database: Path) -> Iterator[Path]:
    """A SQLite database with what stands beside it."""
    yield from database.parent.glob(f"{database.name}*")


def by_hand(key: str, start: Mapping[str, Any]) -> str:
    """The commitment as the specification writes it: unpadded base64 of SHA-256 over key and canonical JSON."""
    text = key + json.dumps(start, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
