"""Builds every part once, runs them in the one TaskGroup, and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from typing import TYPE_CHECKING

import structlog

from access.policy_file import load_policy
from bot.builder import Builder
from bot.caps import Caps
from bot.control import Control
from bot.corridor import Corridor
from bot.dispatch import Dispatcher
from bot.doorman import Doorman
from bot.guard import RoomGuard
from bot.late_notes import LateNotes
from bot.matrix.session import Account, MatrixSession
from bot.matrix.sync import SyncLoop
from bot.matrix.verification.desk import Desk
from bot.outbox import Outbox
from bot.post_office import Inbox
from bot.resume import resume
from bot.sandbox.walls import lacking
from bot.verifying import Verifying
from bot.viewer import Viewer
from bot.watch import Watch
from bot.workers import Workers
from commands.kit.context import Sending
from config.state import StateDirectory
from delivery.speed import Speed
from delivery.spool import Spool
from ledger.database import Database
from ledger.trust import Pins
from studies.sources.everywhere import Everywhere
from studies.sources.folder import FolderSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.matrix.events import SyncBatch
    from config.settings import Settings

log = structlog.get_logger()


class App:
    """Every part of one running bot."""

    def __init__(
        self,
        settings: Settings,
        *,
        ledger: Database,
        session: MatrixSession,
        sources: Everywhere,
        spool: Spool,
        workers: Workers,
        speed: Speed,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._session = session
        self._spool = spool
        self._workers = workers
        self._speed = speed
        policy = load_policy(settings.policy_file, settings.matrix.server)
        guard = RoomGuard(policy, ledger)
        self._caps = Caps(settings, session.media.upload_limit)
        self._outbox = Outbox(ledger, session, spool, guard=guard, on_uploaded=self._uploaded, timed=speed.uploaded)
        self._late_notes = LateNotes(
            ledger=ledger, sources=sources, spool=spool, workers=workers, after=self._outbox.poke
        )
        self._corridor = Corridor(
            ledger=ledger,
            session=session,
            outgoing=self._outbox,
            sources=sources,
            spool=spool,
            workers=workers,
            part_bytes=self._caps.part_bytes,
            opens=self._caps.opens,
            speed=speed,
            delivered=self._late_notes.poke,
        )
        self._viewer = Viewer(ledger=ledger, sources=sources, spool=spool, workers=workers, after=self._outbox.poke)
        admin_room = settings.admin.room
        self._desk = Desk(session, welcomes=policy.welcomes, admin_room=admin_room)
        self._verifying = Verifying(self._desk, ledger=ledger, admin_room=admin_room, after=self._outbox.poke)
        self._control = Control(settings.state.directory, self._verifying.calls)
        self._dispatcher = Dispatcher(
            ledger=ledger,
            sources=sources,
            policy=policy,
            facts=session.facts,
            sending=self._sending,
            after=self._committed,
            verifying=self._verifying,
            admin_room=admin_room,
        )
        self._doorman = Doorman(ledger=ledger, session=session, outgoing=self._outbox, policy=policy)
        self._builder = Builder(ledger=ledger, session=session, policy=policy, after=self._built)
        self._watch = Watch(ledger=ledger, session=session, admin_room=admin_room, after=self._outbox.poke)
        self._sync = SyncLoop(session, Inbox(ledger), on_news=self._received, on_note=self._desk.hear)

    async def run(self, started: Callable[[], None]) -> None:
        """Run until cancelled. `started` is called once commands are answered."""
        await resume(self._ledger, self._spool)
        await self._workers.warm_up()
        for wall in lacking():
            log.warning("worker_wall_missing", wall=wall)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._outbox.run())
            group.create_task(self._corridor.run())
            group.create_task(self._viewer.run())
            group.create_task(self._late_notes.run())
            group.create_task(self._dispatcher.run())
            group.create_task(self._doorman.run())
            group.create_task(self._builder.run())
            group.create_task(self._watch.run())
            group.create_task(self._desk.run())
            group.create_task(self._verifying.run())
            group.create_task(self._control.run())
            group.create_task(self._sync.run())
            log.info("running", user=self._session.user_id, device=self._session.device_id)
            started()

    async def _received(self, batch: SyncBatch) -> None:
        self._dispatcher.poke()
        self._doorman.hear(batch)

    def _committed(self) -> None:
        self._outbox.poke()
        self._corridor.poke()
        self._viewer.poke()
        self._late_notes.poke()
        self._builder.poke()

    def _built(self) -> None:
        self._outbox.poke()
        self._doorman.poke()

    def _uploaded(self, entry: object, size: int) -> None:
        self._corridor.uploaded(entry, size)  # type: ignore[arg-type]

    async def _sending(self, audience: frozenset[str]) -> Sending:
        return Sending(await self._caps.part_bytes(audience), self._speed.expected(self._caps.opens(audience)))


@contextlib.asynccontextmanager
async def built(settings: Settings) -> AsyncIterator[App]:
    """All parts, opened in order and closed in the reverse order. Raises the errors of each part."""
    state = StateDirectory(settings.state.directory, settings.state.key_file)
    state.prepare()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(state.locked())
        ledger = await Database.open(state.file("ledger.db"), state.cipher())
        stack.push_async_callback(ledger.close)
        sources = await _sources(settings, state, stack)
        workers = Workers()
        stack.callback(workers.close)
        session = await MatrixSession.open(Account.of(settings.matrix), state, Pins(ledger), settings.trust)
        stack.push_async_callback(session.close)
        yield App(
            settings,
            ledger=ledger,
            session=session,
            sources=sources,
            spool=Spool(state.directory("spool"), settings.delivery.spool_bytes),
            workers=workers,
            speed=Speed(state.file("speed.json")),
        )


async def serve(settings: Settings, started: Callable[[], None] = lambda: None) -> None:
    """The whole bot until SIGTERM or SIGINT."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what is in memory must not end up on the disk
    running = asyncio.current_task()
    if running is None:
        raise RuntimeError("serve is a coroutine of a task")
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True
        running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        async with built(settings) as app:
            await app.run(started)
    except asyncio.CancelledError:
        if not stopping:
            raise
        log.info("stopped")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _sources(settings: Settings, state: StateDirectory, stack: contextlib.AsyncExitStack) -> Everywhere:
    opened = []
    for one in settings.sources:
        source = FolderSource(one.name, one.path, _index(state, one.name), state.cipher())
        await source.open()
        stack.push_async_callback(source.close)
        opened.append(source)
    return Everywhere(opened)


def _index(state: StateDirectory, name: str) -> Path:
    """A file name from the source's name that cannot leave the directory."""
    return state.file(f"index-{state.cipher().blind(name, 'index').hex()}.db")
