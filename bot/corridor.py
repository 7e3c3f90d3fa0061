"""One share after the other through the corridor: preview, parcel, done; each step kept before it is posted.

A share moves by compare-and-set in the same transaction as what it says, so that a crash at any point leaves it where a
restart goes on: steps that were kept are neither made nor posted again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from typing import TYPE_CHECKING

import structlog

from bot import content
from bot.ahead import one_ahead
from bot.late_notes import written
from bot.leftovers import discard_unkept
from bot.matrix.errors import SignedOut
from bot.pictures import Pictures
from bot.progress import ProgressMessage
from commands.kit import describe
from commands.kit.large import UNASKED
from commands.kit.reply import edit, message
from config.errors import Bug, CarrierbagError, NotAllowed, TryLater
from delivery.errors import TooLarge
from delivery.handover import Handover, Posting
from delivery.options import Options
from delivery.packer import Packer, permitted
from delivery.parcel import Parcel
from delivery.parts import consists_of
from delivery.speed import Speed
from ledger import notes as kept_notes
from ledger import outbox, shares
from ledger.errors import LedgerAway, ShareMoved
from ledger.outbox import Entry, transaction_id
from ledger.states import ShareState
from rendering.preview import Preview
from studies.identity import identity_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection

    from bot.matrix.session import MatrixSession
    from bot.outbox import Outbox
    from bot.workers import Workers
    from delivery.speed import Way
    from delivery.spool import Spool
    from ledger.database import Database, Transaction
    from ledger.shares import Share
    from studies.model import Study
    from studies.sources.everywhere import Everywhere

log = structlog.get_logger()

#: Seconds between tries while something outside is away, and how long after its command a share is still tried.
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
        part_bytes: Callable[[frozenset[str]], Awaitable[int]],
        opens: Callable[[frozenset[str]], Collection[Way]] = lambda _: (),
        speed: Speed | None = None,
        delivered: Callable[[], None] = lambda: None,
        retry_pause: float = RETRY_PAUSE,
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._outgoing = outgoing
        self._sources = sources
        self._spool = spool
        self._pictures = Pictures(workers)
        self._part_bytes = part_bytes
        #: What these people can open, of compressed codings.
        self._opens = opens
        self._speed = speed or Speed()
        #: Called when all of a share stands in its room.
        self._delivered = delivered
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
            self._progress[entry.share_id].uploading(size, sum(one.size for one in entry.attachments))

    async def run(self) -> None:
        """Walk for ever: start what is unfinished, stop what was cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                unfinished = {share.id for share in await shares.unfinished(self._ledger)}
                for number in unfinished - self._walking.keys():
                    self._walking[number] = group.create_task(self._walk(number))
                for number in self._walking.keys() - unfinished:
                    if not self._walking[number].cancelling():
                        self._walking[number].cancel()
                await self._news.wait()

    async def _walk(self, number: int) -> None:
        try:
            while (share := await shares.get(self._ledger, number)) and not share.state.finished:
                await self._one_try(share)
        finally:
            del self._walking[number]
            with contextlib.suppress(TryLater):  # what cannot be removed now goes with the next start's sweep
                await self._tidy(number, self._progress.pop(number, None))
            self._outgoing.poke()  # cancelled in the very moment of a commit, nobody has told it
            self.poke()

    async def _one_try(self, share: Share) -> None:
        """As far as it goes now. What goes wrong is said in the room, and the share moved with it."""
        try:
            await self._through_or_said(share)
        except ShareMoved:
            log.info("share moved", share=share.id)
        except LedgerAway as error:  # not even that can be written now
            log.warning("ledger away", share=share.id, code=error.code)
            await asyncio.sleep(self._retry_pause)

    async def _through_or_said(self, share: Share) -> None:
        try:
            await self._through(share)
        except (ShareMoved, SignedOut):
            raise
        except TryLater as error:
            await self._wait(share.id, error)
        except CarrierbagError as error:
            await self._fail(share.id, error)
        except Exception:
            log.exception("share failed", share=share.id)
            await self._fail(share.id, Bug("Something went wrong on our side.", "B20"))

    async def _through(self, share: Share) -> None:
        source = self._sources.named(share.source)
        study = await source.study(share.study_instance_uid)
        first = await self._outgoing.standing(transaction_id(share.command_event_id, f"opened {share.id}"))
        progress = self._progress[share.id] = ProgressMessage(
            lambda line: self._show(share, study, first, line), held=lambda: self._outgoing.limited
        )
        handover = Handover(
            study,
            source,
            spool=self._spool,
            render=self._pictures.preview,
            read=self._pictures.guide,
            tell=self._pictures.tell,
            packer=self._packer(share),
            on_progress=progress.note,
        )
        study = await handover.narrow(Options.kept(share.plan.get("options", {})))
        _agreed(share, study)
        async with progress.shown():
            share = await self._moved(share, ShareState.PREVIEWING)
            await self._post_all(share, study, handover.previews)
            share = await self._moved(share, ShareState.DELIVERING)
            share = await self._planned(share, handover)
            plan = share.plan
            notes = written(share, await kept_notes.taken(self._ledger, share.id))
            await self._post_all(
                share, study, lambda kept: handover.parcels(kept, plan["part_bytes"], plan.get("first", ()), notes)
            )
        await self._finish(share, study, first)

    def _packer(self, share: Share) -> Packer:
        """In which codings the files may travel is a matter of the share and of those who get it."""
        options = Options.kept(share.plan.get("options", {}))
        ways = permitted(options, self._opens(share.audience))
        return Packer(self._spool, look=self._pictures.look, recode=self._pictures.recode, speed=self._speed, ways=ways)

    async def _show(self, share: Share, study: Study, first: str, line: str) -> None:
        """Edit the headline for the moment."""
        shown = edit(f"{_headline(share, study)}\n{line}", first)
        await self._outgoing.in_passing(
            Entry(uuid.uuid4().hex, share.room_id, "progress", "m.room.message", shown, share_id=share.id)
        )

    async def _planned(self, share: Share, handover: Handover) -> Share:
        """The share with the plan of its parts. A study that changed after it was made fits it no more."""
        made_of = consists_of(handover.study)
        if "made_of" not in share.plan:
            most = await self._part_bytes(share.audience)
            plan = {**share.plan, "part_bytes": most, "first": await handover.key_images(), "made_of": made_of}
            async with self._ledger.transaction() as tx:
                await kept_notes.take(tx, share.id)
                return await shares.replan(tx, share, plan)
        if share.plan["made_of"] != made_of:
            raise NotAllowed(
                "The study has changed at its source while it was sent. Send the command again for all of it.", "D23"
            )
        return share

    async def _post_all(
        self, share: Share, study: Study, walk: Callable[[frozenset[str]], AsyncGenerator[Posting, None]]
    ) -> None:
        """Keep and send each posting; the next one is made meanwhile. Returns when all stand in the room."""
        kept = await shares.steps_kept(self._ledger, share.id)
        async with contextlib.aclosing(one_ahead(walk(kept), self._unused)) as postings:
            async for posting in postings:
                entry = self._entry(share, study, posting)
                await self._keep(share, entry)
                await self._outgoing.standing(entry.txn_id)
        for step in kept:
            await self._outgoing.standing(transaction_id(share.origin, step))

    def _unused(self, posting: Posting) -> None:
        if isinstance(posting.item, Parcel):
            self._spool.discard(posting.item.sealed.name)

    async def _keep(self, share: Share, entry: Entry) -> None:
        """Enqueue it. If that was not to be, or it was known already, its files have no use."""
        try:
            async with self._ledger.transaction() as tx:
                await self._unmoved(tx, share)
                await outbox.enqueue(tx, entry)
        finally:
            await discard_unkept(self._ledger, self._spool, entry)
        self._outgoing.poke()

    def _entry(self, share: Share, study: Study, posting: Posting) -> Entry:
        if isinstance(posting.item, Preview):
            words = "\n".join([identity_line(study.patient), *posting.notes])
            made, files = content.picture(posting.item, number=posting.number, identity=words, spool=self._spool)
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

    async def _finish(self, share: Share, study: Study, first: str) -> None:
        text = f"{_headline(share, study)}\n{await self._sum(share)}"
        done = _words(share, "done", edit(text, first))
        async with self._ledger.transaction() as tx:
            await shares.move(tx, share, ShareState.DELIVERED)
            await kept_notes.forget(tx, share.id)
            await outbox.enqueue(tx, done)
        self._outgoing.poke()
        self._delivered()
        log.info("share delivered", share=share.id, study=share.study_instance_uid)

    async def _sum(self, share: Share) -> str:
        steps = await shares.steps_kept(self._ledger, share.id)
        pictures = sum(step.startswith("preview") for step in steps)
        parcels = sum(step.startswith("parcel") for step in steps)
        return (
            f"Sent: {describe.count(pictures, 'preview')}, {describe.count(parcels, 'ZIP file')} with the DICOM files."
        )

    async def _wait(self, number: int, error: TryLater) -> None:
        """Say once for each reason that it waits, keep its place, and come back."""
        async with self._ledger.transaction() as tx:
            share = await _unfinished(tx, number)
            until = share.created_at + PATIENCE
            if tx.now > until:
                await self._failed(tx, share, error)
            else:
                if share.state is not ShareState.WAITING:
                    await shares.move(tx, share, ShareState.WAITING, error.code)
                await outbox.enqueue(tx, _waiting(share, error, until))
        self._outgoing.poke()
        await asyncio.sleep(self._retry_pause)

    async def _fail(self, number: int, error: CarrierbagError) -> None:
        async with self._ledger.transaction() as tx:
            await self._failed(tx, await _unfinished(tx, number), error)
        self._outgoing.poke()

    async def _failed(self, tx: Transaction, share: Share, error: CarrierbagError) -> None:
        await shares.move(tx, share, ShareState.FAILED, error.code)
        await kept_notes.forget(tx, share.id, waiting=True)
        await outbox.withdraw(tx, share.id)
        text = f"Share {share.id} is stopped: {error}"
        await outbox.enqueue(tx, _words(share, "failed", message(text), strict=False))

    async def _unmoved(self, tx: Transaction, share: Share) -> None:
        now = await shares.get(tx, share.id)
        if now is None or now.state is not share.state:
            raise ShareMoved(f"Share {share.id} has moved on.", "L11")

    async def _tidy(self, number: int, progress: ProgressMessage | None) -> None:
        """What was withdrawn is not sent any further, its ciphertext goes, and nothing says that it still goes on."""
        share = await shares.get(self._ledger, number)
        if share is None or share.state not in {ShareState.CANCELLED, ShareState.FAILED}:
            return
        if share.state is ShareState.CANCELLED:
            self._outgoing.stop(share.room_id, number)
        for name in await outbox.spool_names_let_go(self._ledger, number):
            self._spool.discard(name)
        if progress:
            await progress.conclude(share.state.sentence)


async def _unfinished(tx: Transaction, number: int) -> Share:
    share = await shares.get(tx, number)
    if share is None or share.state.finished:
        raise ShareMoved(f"Share {number} has moved on.", "L11")
    return share


def _waiting(share: Share, error: TryLater, until: float) -> Entry:
    clock = time.strftime("%H:%M", time.localtime(until))
    text = f"Waiting: {error.sentence} I keep your place and try until {clock}. Nothing is lost. [{error.code}]"
    return _words(share, f"waiting {error.code}", message(text), strict=False)


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


def _agreed(share: Share, study: Study) -> None:
    """Raises `TooLarge` where more would be sent than somebody was told."""
    most = max(UNASKED, share.plan.get("agreed", 0))
    if study.size > most and "made_of" not in share.plan:
        raise TooLarge(
            f"It has {describe.megabytes(study.size)}, more than was said before. Send the command again.", "D33"
        )


def _headline(share: Share, study: Study) -> str:
    return describe.headline(share.id, study, Options.kept(share.plan.get("options", {})).words)
