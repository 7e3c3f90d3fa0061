"""The real parts of the bot around the in-memory session: they can be stopped and built anew on what they left."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from access.policy import Policy
from bot.builder import Builder
from bot.corridor import Corridor
from bot.dispatch import Dispatcher
from bot.doorman import Doorman, Manners
from bot.guard import RoomGuard
from bot.late_notes import LateNotes
from bot.outbox import Outbox
from bot.resume import resume
from bot.viewer import Viewer
from commands.kit.context import Sending
from config.state import FieldCipher
from delivery.spool import Spool
from ledger import inbox, shares
from ledger.database import Database
from ledger.inbox import InboxMessage
from studies.sources.everywhere import Everywhere
from studies.sources.folder import FolderSource
from tests.fakes.session import ANNA, ROOM, SERVER, MemorySession

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.workers import Workers
    from delivery.speed import Way
    from ledger.shares import Share

CIPHER = FieldCipher(bytes(range(32)))


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class House:
    """`async with house.open():` builds it on its directory, `house.running()` runs it; both as often as wanted."""

    root: Path
    workers: Workers
    session: MemorySession = field(default_factory=MemorySession)
    clock: Clock = field(default_factory=Clock)
    policy: Policy = field(default_factory=lambda: Policy.of(SERVER))
    part_bytes: int = 50_000_000
    speed: float | None = None
    #: What recipients open of compressed codings.
    opens: tuple[Way, ...] = ()
    #: Bytes and seconds of each upload.
    timed: list[tuple[int, float]] = field(default_factory=list)
    quota: int = 100_000_000
    #: What `!verify` speaks with in the administrators' room.
    verifying: Any = None
    admin_room: str | None = None
    _numbers: Any = field(default_factory=itertools.count)

    @property
    def folder(self) -> Path:
        return self.root / "studies"

    @contextlib.asynccontextmanager
    async def open(self) -> Any:
        """Everything built anew on what lies in the directory."""
        self.folder.mkdir(exist_ok=True)
        async with contextlib.AsyncExitStack() as stack:
            self.ledger = await Database.open(self.root / "ledger.db", CIPHER, clock=self.clock)
            stack.push_async_callback(self.ledger.close)
            self.source = FolderSource("radiology", self.folder, self.root / "index.db", CIPHER)
            await self.source.open()
            stack.push_async_callback(self.source.close)
            self._build()
            yield self

    def _build(self) -> None:
        sources = Everywhere([self.source])
        self.spool = Spool(self.root / "spool", self.quota)
        guard = RoomGuard(self.policy, self.ledger)
        session: Any = self.session
        self.outbox = Outbox(
            self.ledger,
            session,
            self.spool,
            guard=guard,
            on_uploaded=lambda entry, size: self.corridor.uploaded(entry, size),  # noqa: PLW0108 - made below
            timed=lambda size, seconds: self.timed.append((size, seconds)),
            first_pause=0.01,
        )
        self.corridor = Corridor(
            ledger=self.ledger,
            session=session,
            outgoing=self.outbox,
            sources=sources,
            spool=self.spool,
            workers=self.workers,
            part_bytes=self._part_bytes,
            opens=lambda _: self.opens,
            delivered=lambda: self.late_notes.poke(),  # noqa: PLW0108 - made below
            retry_pause=0.05,
        )
        self.viewer = Viewer(
            ledger=self.ledger,
            sources=sources,
            spool=self.spool,
            workers=self.workers,
            after=self.outbox.poke,
            retry_pause=0.01,
        )
        self.late_notes = LateNotes(
            ledger=self.ledger,
            sources=sources,
            spool=self.spool,
            workers=self.workers,
            after=self.outbox.poke,
            retry_pause=0.01,
        )
        self.dispatcher = Dispatcher(
            ledger=self.ledger,
            sources=sources,
            policy=self.policy,
            facts=self.session.facts,
            sending=self._sending,
            after=self._committed,
            verifying=self.verifying,
            admin_room=self.admin_room,
            retry_pause=0.01,
        )

        manners = Manners(settle=0.05, knocks=(0.01, 0.01), first_pause=0.01, tries=4)
        self.doorman = Doorman(
            ledger=self.ledger, session=session, outgoing=self.outbox, policy=self.policy, manners=manners
        )
        self.builder = Builder(ledger=self.ledger, session=session, policy=self.policy, after=self._built, pause=0.01)

    async def _part_bytes(self, _: frozenset[str]) -> int:
        return self.part_bytes

    async def _sending(self, _: frozenset[str]) -> Sending:
        return Sending(self.part_bytes, self.speed)

    def _committed(self) -> None:
        self.outbox.poke()
        self.corridor.poke()
        self.viewer.poke()
        self.late_notes.poke()
        self.builder.poke()

    def _built(self) -> None:
        self.outbox.poke()
        self.doorman.poke()

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        """All parts at work, until the block ends: then all tasks are cancelled."""
        await resume(self.ledger, self.spool)
        parts = (self.outbox, self.corridor, self.viewer, self.late_notes, self.dispatcher, self.doorman, self.builder)
        tasks = [asyncio.create_task(one.run()) for one in parts]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [one for one in results if not isinstance(one, asyncio.CancelledError)] == []

    async def hear(self, body: str, *, sender: str = ANNA, room: str = ROOM, **fields: Any) -> str:
        """A message comes in; its event id."""
        number = next(self._numbers)
        event_id = fields.pop("event_id", f"$in-{number}")
        facts: dict[str, Any] = {"authenticated": True, "server_ts": int(self.clock.now * 1000), "session_id": "megolm"}
        facts |= {"message_index": number, "device_id": "PHONE", "display_name": "", "msgtype": "m.text"} | fields
        message = InboxMessage(event_id=event_id, room_id=room, sender=sender, body=body, **facts)
        await inbox.receive(self.ledger, [message], f"token-{number}")
        self.dispatcher.poke()
        return event_id

    async def ask(self, body: str, **fields: Any) -> list[str]:
        """What is said to one message until it is answered and nothing is being sent, while the house is running."""
        before = len(self.session.posted)
        await self.hear(body, **fields)
        await self.quiet()
        return [one.body for one in self.session.posted[before:]]

    async def quiet(self) -> None:
        """Wait until every message is answered, every share finished and everything sent."""
        await until(self._idle)

    async def _idle(self) -> bool:
        # One statement: between two of them a share may end and say so.
        waiting = await self.ledger.row(
            "SELECT 1 FROM inbox WHERE handled_at IS NULL UNION SELECT 1 FROM outbox WHERE state = 'queued' UNION "
            "SELECT 1 FROM shares WHERE state NOT IN ('delivered', 'cancelled', 'failed') UNION "
            "SELECT 1 FROM invitations WHERE state IN ('invited', 'joined') UNION "
            "SELECT 1 FROM new_rooms WHERE state = 'wanted' UNION "
            "SELECT 1 FROM views WHERE state = 'wanted' UNION "
            "SELECT 1 FROM notes WHERE sealed_note IS NOT NULL"
        )
        return waiting is None

    async def share(self, number: int = 1) -> Share:
        found = await shares.get(self.ledger, number)
        assert found is not None
        return found

    def spooled(self) -> list[str]:
        return sorted(path.name for path in (self.root / "spool").iterdir())


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):  # noqa: ASYNC110 - the parts under test tell nobody
            await asyncio.sleep(0.01)
    return found
