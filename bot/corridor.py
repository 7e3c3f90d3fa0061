"""One share after the other through the corridor: preview, parcel, done; each step kept before it is posted.

A share moves by compare-and-set in the same transaction as what it says, so that a crash at any point leaves it where a
restart goes on: steps that were kept are neither made nor posted again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot import content
from bot.progress import ProgressMessage
from commands.kit import describe
from commands.kit.reply import edit, message
from config.errors import CarrierbagError, TryLater
from delivery.handover import Handover, Posting
from delivery.parcel import Parcel
from ledger import outbox, shares
from ledger.errors import ShareMoved
from ledger.outbox import Entry, transaction_id
from ledger.states import ShareState
from rendering.preview import Preview, render
from studies.identity import identity_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from bot.matrix.session import MatrixSession
    from bot.outbox import Outbox
    from bot.workers import Workers
    from delivery.spool import Spool
    from ledger.database import Database, Transaction
    from ledger.shares import Share
    from studies.model import Study
    from studies.sources.everywhere import Everywhere

log = structlog.get_logger()

Item = TypeVar("Item")

#: Seconds between tries while something outside is away, and how long a share is kept waiting.
RETRY_PAUSE = 30.0
PATIENCE = 3600.0


class Corridor:
    """Walks every unfinished share, each in a task of its own."""

    def __init__(
        self,
        *,
        ledger: Database,
        session: MatrixSession,
        outgoing: Outbox,
        sources: Everywhere,
        spool: Spool,
        workers: Workers,
        part_bytes: Callable[[], Awaitable[int]],
        retry_pause: float = RETRY_PAUSE,
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._outgoing = outgoing
        self._sources = sources
        self._spool = spool
        self._workers = workers
        self._part_bytes = part_bytes
        self._retry_pause = retry_pause
        self._walking: dict[int, asyncio.Task[None]] = {}
        self._progress: dict[int, ProgressMessage] = {}
        self._news = asyncio.Event()

    def poke(self) -> None:
        """A share was opened, or stopped."""
        self._news.set()

    def uploaded(self, entry: Entry, size: int) -> None:
        """So many bytes of an entry's file are on the server."""
        if entry.share_id in self._progress and entry.step.startswith("parcel"):
            self._progress[entry.share_id].uploading(size)

    async def run(self) -> None:
        """Walk for ever: start what is unfinished, stop what was cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                open_now = {share.id: share for share in await shares.unfinished(self._ledger)}
                for number in open_now.keys() - self._walking.keys():
                    self._walking[number] = group.create_task(self._walk(open_now[number]))
                for number in self._walking.keys() - open_now.keys():
                    self._walking[number].cancel()
                await self._news.wait()

    async def _walk(self, share: Share) -> None:
        try:
            while not share.state.finished:
                share = await self._one_try(share)
        except ShareMoved:
            log.info("share moved", share=share.id)
        finally:
            del self._walking[share.id]
            self._progress.pop(share.id, None)

    async def _one_try(self, share: Share) -> Share:
        """As far as it goes now; the share as it is then."""
        try:
            return await self._through(share)
        except TryLater as error:
            return await self._wait(share, error)
        except ShareMoved:
            raise
        except CarrierbagError as error:
            return await self._fail(share, error)
        except Exception:
            log.exception("share failed", share=share.id)
            return await self._fail(share, CarrierbagError("Something went wrong on our side.", "B20"))

    async def _through(self, share: Share) -> Share:
        study = await self._sources.named(share.source).study(share.study_instance_uid)
        progress = self._progress[share.id] = ProgressMessage(self._session, share.room_id, _headline(share, study))
        handover = Handover(
            study,
            self._sources.named(share.source),
            spool=self._spool,
            render=lambda plan: self._workers.submit(render, plan),
            part_bytes=await self._part_bytes(),
            on_progress=progress.note,
        )
        first = await self._outgoing.standing(transaction_id(share.command_event_id, f"opened {share.id}"))
        async with progress.shown(first):
            share = await self._moved(share, ShareState.PREVIEWING)
            await self._post_all(share, study, handover.previews)
            share = await self._moved(share, ShareState.DELIVERING)
            await self._post_all(share, study, handover.parcels)
        return await self._finish(share, study, first)

    async def _post_all(
        self, share: Share, study: Study, walk: Callable[[frozenset[str]], AsyncGenerator[Posting, None]]
    ) -> None:
        """Keep and send each posting; the next one is made meanwhile. Returns when all stand in the room."""
        kept = await shares.steps_kept(self._ledger, share.id)
        async with contextlib.aclosing(_one_ahead(walk(kept))) as postings:
            async for posting in postings:
                entry = self._entry(share, study, posting)
                await self._keep(share, entry)
                await self._outgoing.standing(entry.txn_id)
        for step in kept:
            await self._outgoing.standing(transaction_id(share.origin, step))

    async def _keep(self, share: Share, entry: Entry) -> None:
        async with self._ledger.transaction() as tx:
            await self._unmoved(tx, share)
            await outbox.enqueue(tx, entry)
        self._outgoing.poke()

    def _entry(self, share: Share, study: Study, posting: Posting) -> Entry:
        if isinstance(posting.item, Preview):
            whose = identity_line(study.patient)
            made, files = content.picture(posting.item, number=posting.number, identity=whose, spool=self._spool)
        elif isinstance(posting.item, Parcel):
            made, files = content.parcel(posting.item)
        else:
            made, files = message(posting.item), []
        return Entry(
            transaction_id(share.origin, posting.step),
            share.room_id,
            posting.step,
            "m.room.message",
            made,
            share_id=share.id,
            attachments=tuple(files),
        )

    async def _moved(self, share: Share, to: ShareState) -> Share:
        """Forward only: a share that waited or was resumed passes through the states behind which it is already."""
        if share.state is to or (share.state is ShareState.DELIVERING and to is ShareState.PREVIEWING):
            return share
        async with self._ledger.transaction() as tx:
            return await shares.move(tx, share, to)

    async def _finish(self, share: Share, study: Study, first: str) -> Share:
        text = f"{_headline(share, study)}\n{await self._sum(share)}"
        done = _words(share, "done", edit(text, first))
        async with self._ledger.transaction() as tx:
            delivered = await shares.move(tx, share, ShareState.DELIVERED)
            await outbox.enqueue(tx, done)
        self._outgoing.poke()
        log.info("share delivered", share=share.id, study=share.study_instance_uid)
        return delivered

    async def _sum(self, share: Share) -> str:
        steps = await shares.steps_kept(self._ledger, share.id)
        pictures = sum(step.startswith("preview") for step in steps)
        parcels = sum(step.startswith("parcel") for step in steps)
        return (
            f"Sent: {describe.count(pictures, 'preview')}, {describe.count(parcels, 'ZIP file')} with the DICOM files."
        )

    async def _wait(self, share: Share, error: TryLater) -> Share:
        """Say once that it waits, keep its place, and come back."""
        if time.time() - share.created_at > PATIENCE:
            return await self._fail(share, error)
        if share.state is not ShareState.WAITING:
            until = time.strftime("%H:%M", time.localtime(share.created_at + PATIENCE))
            text = f"Waiting: {error.sentence} I keep your place and try until {until}. Nothing is lost. [{error.code}]"
            async with self._ledger.transaction() as tx:
                share = await shares.move(tx, share, ShareState.WAITING, error.code)
                await outbox.enqueue(tx, _words(share, f"waiting {error.code}", message(text), strict=False))
            self._outgoing.poke()
        await asyncio.sleep(self._retry_pause)
        return share

    async def _fail(self, share: Share, error: CarrierbagError) -> Share:
        text = f"Share {share.id} is stopped: {error}" + ("" if str(error).endswith("]") else f" [{error.code}]")
        async with self._ledger.transaction() as tx:
            failed = await shares.move(tx, share, ShareState.FAILED, error.code)
            await outbox.withdraw(tx, share.id)
            await outbox.enqueue(tx, _words(share, "failed", message(text), strict=False))
        self._outgoing.poke()
        return failed

    async def _unmoved(self, tx: Transaction, share: Share) -> None:
        now = await shares.get(tx, share.id)
        if now is None or now.state is not share.state:
            raise ShareMoved(f"Share {share.id} has moved on.", "L11")


async def _one_ahead(items: AsyncIterator[Item]) -> AsyncGenerator[Item, None]:
    """The same items; while one is being used, the next is made already."""
    following = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await following) is not None:
            following = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await following


def _words(share: Share, step: str, words: dict[str, object], *, strict: bool = True) -> Entry:
    return Entry(
        transaction_id(share.origin, step),
        share.room_id,
        step,
        "m.room.message",
        words,
        share_id=share.id,
        strict=strict,
    )


def _headline(share: Share, study: Study) -> str:
    return f"Share {share.id}: {describe.full(study)}"
