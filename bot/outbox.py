"""What we say, from the ledger into the rooms: each entry once, in order, its files uploaded first.

One lane per share, and one per room for everything else, so that an answer does not wait behind a large upload. A lane
is strictly in order. An entry leaves its lane only when it stands in the room or is given up for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from bot import content
from bot.matrix.media import encrypted_file
from config.errors import CarrierbagError, NotAllowed, TryLater
from ledger import outbox

if TYPE_CHECKING:
    from bot.matrix.session import MatrixSession
    from delivery.spool import Spool
    from ledger.attachments import Attachment
    from ledger.database import Database
    from ledger.outbox import Entry

log = structlog.get_logger()

Lane = tuple[str, int | None]
#: Asked before each strict entry goes out; raises `NotAllowed` when it must not.
Guard = Callable[["Entry"], Awaitable[None]]
Uploaded = Callable[["Entry", int], None]

#: Synapse forgets transaction ids after 24 h: what is older may stand in the room already and is not sent again.
OLDEST = 23 * 3600
#: Seconds between tries of one entry: doubled each time up to the second number.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0


class Undelivered(NotAllowed):
    """An entry was given up for good; the sentence says why."""


class Outbox:
    """Sends what the ledger holds. `poke()` after each commit that enqueued something."""

    def __init__(
        self,
        ledger: Database,
        session: MatrixSession,
        spool: Spool,
        *,
        guard: Guard,
        on_uploaded: Uploaded = lambda *_: None,
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._spool = spool
        self._guard = guard
        self._on_uploaded = on_uploaded
        self._news = asyncio.Event()
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._waiting: dict[str, asyncio.Future[str]] = {}

    def poke(self) -> None:
        """Something was enqueued."""
        self._news.set()

    async def run(self) -> None:
        """Send for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for entry in await outbox.queued(self._ledger):
                    lane = (entry.room_id, entry.share_id)
                    if lane not in self._lanes:
                        self._lanes[lane] = group.create_task(self._empty(lane))
                await self._news.wait()

    async def standing(self, txn_id: str) -> str:
        """Wait until this entry stands in the room; its event id. Raises `Undelivered` when it was given up."""
        waiter = self._waiting.setdefault(txn_id, asyncio.get_running_loop().create_future())
        self.poke()
        if event_id := await outbox.event_id_of(self._ledger, txn_id):
            self._settle(txn_id, event_id)
        return await asyncio.shield(waiter)

    async def _empty(self, lane: Lane) -> None:
        try:
            while entry := await self._first(lane):
                await self._deliver(entry)
        finally:
            del self._lanes[lane]
            self.poke()  # something may have come between the last look and this line

    async def _first(self, lane: Lane) -> Entry | None:
        waiting = await outbox.queued(self._ledger)
        return next((entry for entry in waiting if (entry.room_id, entry.share_id) == lane), None)

    async def _deliver(self, entry: Entry) -> None:
        try:
            if entry.created_at < time.time() - OLDEST:
                raise Undelivered("It waited longer than the server remembers. Send the command again.", "R21")
            if entry.strict:
                await self._guard(entry)
            event_id = await self._sent(entry)
        except TryLater as error:
            await self._pause(entry, error)
        except CarrierbagError as error:
            await self._give_up(entry, error)
        else:
            await self._keep(entry, event_id)

    async def _sent(self, entry: Entry) -> str:
        filled = dict(entry.content)
        for one in entry.attachments:
            mxc = await self._uploaded(entry, one)
            filled = content.fill(filled, one.slot, encrypted_file(mxc, one.key, one.iv, one.sha256))
        return await self._session.send(entry.room_id, filled, entry.txn_id, event_type=entry.kind, strict=entry.strict)

    async def _uploaded(self, entry: Entry, one: Attachment) -> str:
        """The address at which the ciphertext stands. A retry sends the same bytes to the same address."""
        if one.uploaded:
            return one.mxc
        path = self._spool.path(one.spool_name)

        def told(sent: int) -> None:
            self._on_uploaded(entry, sent)

        mxc = one.mxc or await self._session.media.create()
        if mxc is None:  # an old server: the upload itself makes the address; a retry leaves an unused copy behind
            mxc = await self._session.media.upload(path, one.size, told)
            await self._reserve(entry, one, mxc)
        else:
            await self._reserve(entry, one, mxc)
            await self._session.media.put(mxc, path, one.size, told)
        async with self._ledger.transaction() as tx:
            await outbox.set_uploaded(tx, entry.txn_id, one.slot)
        return mxc

    async def _reserve(self, entry: Entry, one: Attachment, mxc: str) -> None:
        if mxc != one.mxc:
            async with self._ledger.transaction() as tx:
                await outbox.set_mxc(tx, entry.txn_id, one.slot, mxc)

    async def _keep(self, entry: Entry, event_id: str) -> None:
        async with self._ledger.transaction() as tx:
            await outbox.sent(tx, entry.txn_id, event_id)
        self._discard(entry)
        self._settle(entry.txn_id, event_id)

    async def _give_up(self, entry: Entry, error: CarrierbagError) -> None:
        log.warning("not sent", room=entry.room_id, step=entry.step, code=error.code)
        async with self._ledger.transaction() as tx:
            await outbox.failed(tx, entry.txn_id, error.code)
        self._discard(entry)
        self._settle(entry.txn_id, Undelivered(error.sentence, error.code))

    async def _pause(self, entry: Entry, error: TryLater) -> None:
        log.warning("not sent yet", room=entry.room_id, step=entry.step, code=error.code, attempts=entry.attempts + 1)
        async with self._ledger.transaction() as tx:
            await outbox.attempted(tx, entry.txn_id, error.code)
        await asyncio.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(entry.attempts, 10)))

    def _discard(self, entry: Entry) -> None:
        for one in entry.attachments:
            self._spool.discard(one.spool_name)

    def _settle(self, txn_id: str, result: str | Undelivered) -> None:
        waiter = self._waiting.pop(txn_id, None)
        if waiter is None or waiter.done():
            return
        with contextlib.suppress(asyncio.InvalidStateError):
            if isinstance(result, str):
                waiter.set_result(result)
            else:
                waiter.set_exception(result)
                waiter.exception()  # somebody may have stopped waiting: then nobody need read it
