"""Notes that were written when a share's files were gone: a further small parcel, below the share's first message.

A note waits in the ledger until its parcel lies in the outbox, both in one transaction: a crash leaves it to be packed
again, and it is sent once. All that wait for one share go together.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot import content
from bot.leftovers import discard_unkept
from bot.matrix.errors import SignedOut
from bot.pictures import Pictures
from commands.kit.reply import message, related
from config.errors import Bug, CarrierbagError, TryLater
from delivery.handover import Handover
from delivery.notes import Notes, Written
from delivery.options import Options
from delivery.packer import Packer
from ledger import notes, outbox, shares
from ledger.outbox import Entry, transaction_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.workers import Workers
    from delivery.parcel import Parcel
    from delivery.spool import Spool
    from ledger.database import Database
    from ledger.notes import KeptNote
    from ledger.shares import Share
    from studies.model import Study, StudySource
    from studies.sources.everywhere import Everywhere

log = structlog.get_logger()

STEP = "notes"
UNSENT = "The note to share {share} is in this room and not in the study: {why}"
#: Seconds between tries while the source, the ledger or the spool is away, and how long after a note it is still tried.
RETRY_PAUSE, PATIENCE = 30.0, 3600.0


def written(share: Share, kept: Sequence[KeptNote], document: int = 1) -> Notes:
    """What the ledger kept, on its way into the study."""
    return Notes(share.id, share.origin, share.created_at, document, tuple(_written(share, one) for one in kept))


def _written(share: Share, note: KeptNote) -> Written:
    with_it = note.event_id == share.command_event_id
    source = "written with the share" if with_it else "written in the room of the share"
    return Written(note.author, note.name, note.created_at, note.text, source)


class LateNotes:
    """`poke()` after each commit, `run()` in the TaskGroup. `after` is called when there is something to send."""

    def __init__(
        self,
        *,
        ledger: Database,
        sources: Everywhere,
        spool: Spool,
        workers: Workers,
        after: Callable[[], None],
        retry_pause: float = RETRY_PAUSE,
    ) -> None:
        self._ledger = ledger
        self._sources = sources
        self._spool = spool
        self._pictures = Pictures(workers)
        self._after = after
        self._retry_pause = retry_pause
        self._news = asyncio.Event()

    def poke(self) -> None:
        """A note may have been written, or a share delivered."""
        self._news.set()

    async def run(self) -> None:
        """Send for ever. One share after the other: they are few."""
        while True:
            self._news.clear()
            waits = False
            for number in await notes.late(self._ledger):
                waits = not await self._sent(number) or waits
            if waits:
                await asyncio.sleep(self._retry_pause)
            else:
                await self._news.wait()

    async def _sent(self, number: int) -> bool:
        """False: it must be tried again."""
        try:
            await self._send(number)
        except SignedOut:
            raise
        except TryLater as error:  # nothing was written: the same again
            log.warning("notes_wait", share=number, code=error.code)
            return False
        self._after()
        return True

    async def _send(self, number: int) -> None:
        share, waiting = await shares.get(self._ledger, number), await notes.waiting(self._ledger, number)
        if share is None or not waiting:
            return
        document = await notes.next_document(self._ledger, number)
        made = await self._made(share, written(share, waiting, document))
        entry = await self._entry(share, waiting, document, made)
        try:
            async with self._ledger.transaction() as tx:
                await notes.put(tx, share, waiting, document)
                await outbox.enqueue(tx, entry)
        finally:
            await discard_unkept(self._ledger, self._spool, entry)

    async def _made(self, share: Share, told: Notes) -> Parcel | str:
        """The parcel, or why there is none. Raises `TryLater` while that may change."""
        try:
            source = self._sources.named(share.source)
            study = await source.study(share.study_instance_uid)
            handover = self._handover(study, source)
            await handover.narrow(Options.kept(share.plan.get("options", {})))
            return await handover.further(told)
        except SignedOut:
            raise
        except TryLater as error:
            if self._ledger.clock() < told.written[-1].at + PATIENCE:
                raise
            return str(error)
        except CarrierbagError as error:
            return str(error)
        except Exception:
            log.exception("notes failed", share=share.id)
            return str(Bug("Something went wrong on our side.", "B23"))

    def _handover(self, study: Study, source: StudySource) -> Handover:
        made, packer = self._pictures, Packer(self._spool, look=self._pictures.look)
        return Handover(study, source, spool=self._spool, render=made.preview, read=made.guide, packer=packer)

    async def _entry(self, share: Share, waiting: Sequence[KeptNote], document: int, made: Parcel | str) -> Entry:
        """Below the share's first message, for those who were there when each of the notes was written."""
        thread = await outbox.event_id_of(self._ledger, transaction_id(share.command_event_id, f"opened {share.id}"))
        words = message(UNSENT.format(share=share.id, why=made)) if isinstance(made, str) else {}
        parcel, files = ({}, []) if isinstance(made, str) else content.parcel(made)
        return Entry(
            transaction_id(share.origin, f"{STEP} {document}"),
            share.room_id,
            STEP,
            "m.room.message",
            words | parcel | related(waiting[-1].event_id, thread or ""),
            attachments=tuple(files),
            audience=frozenset.intersection(*(one.audience for one in waiting)),
        )
