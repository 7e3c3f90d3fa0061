"""Answers what people asked to see of a share: a picture in the share's thread, or words why there is none.

A wish is kept in the ledger until its answer lies in the outbox, both in one transaction: a crash leaves it to be made
again, and a wish is answered once. One at a time in each room.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot import content
from bot.leftovers import discard_unkept
from bot.matrix.errors import SignedOut
from bot.pictures import Pictures
from commands.kit.reply import message, related
from config.errors import Bug, CarrierbagError, NotAllowed, TryLater
from delivery.handover import Handover
from delivery.options import Options
from delivery.parts import consists_of
from delivery.viewing import Wish, viewed
from ledger import outbox, shares, views
from ledger.outbox import Entry, transaction_id
from studies.errors import InstanceMissing, SourceAway
from studies.identity import identity_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.workers import Workers
    from delivery.spool import Spool
    from ledger.database import Database
    from ledger.shares import Share
    from ledger.views import WantedView
    from rendering.preview import Preview
    from studies.sources.everywhere import Everywhere

log = structlog.get_logger()

#: The step of an answer.
STEP = "view"
GROWN = "The study has changed since share {share}. Ask somebody who may share to send it again."
#: Seconds between tries while the ledger or the spool is away, and how long after the wish it is still tried.
RETRY_PAUSE, PATIENCE = 5.0, 600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A picture, and what is said under it: whose it is, and of which share."""

    picture: Preview
    words: str


class Viewer:
    """`poke()` after each commit, `run()` in the TaskGroup. `after` is called when there is an answer to send."""

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
        self._busy: dict[str, asyncio.Task[None]] = {}

    def poke(self) -> None:
        """Somebody may have asked for a picture."""
        self._news.set()

    async def run(self) -> None:
        """Answer for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for wanted in await views.wanted(self._ledger):
                    if wanted.room_id not in self._busy:
                        self._busy[wanted.room_id] = group.create_task(self._answer(wanted))
                await self._news.wait()

    async def _answer(self, wanted: WantedView) -> None:
        try:
            await self._keep(wanted, await self._answered(wanted))
        except TryLater as error:  # nothing was written: the same again
            log.warning("view_waits", code=error.code)
            await asyncio.sleep(self._retry_pause)
        finally:
            del self._busy[wanted.room_id]
            self._news.set()
            self._after()

    async def _answered(self, wanted: WantedView) -> Answer | str:
        """The picture, or why there is none. Raises `TryLater` for what we ourselves lack."""
        try:
            return await self._made(wanted)
        except (SourceAway, InstanceMissing) as error:  # the person decides when to ask again
            return str(error)
        except SignedOut:
            raise
        except TryLater as error:
            if self._ledger.clock() < wanted.created_at + PATIENCE:
                raise
            return str(error)
        except CarrierbagError as error:
            return str(error)
        except Exception:
            log.exception("view failed", share=wanted.share_id)
            return str(Bug("Something went wrong on our side.", "B21"))

    async def _made(self, wanted: WantedView) -> Answer:
        share = await self._share(wanted)
        source = self._sources.named(share.source)
        study = await source.study(share.study_instance_uid)
        handover = Handover(study, source, spool=self._spool, render=self._pictures.preview, read=self._pictures.guide)
        study = await handover.narrow(Options.kept(share.plan.get("options", {})))
        wish = Wish.kept(wanted.wish)
        if wish.only_shared and share.plan.get("made_of", consists_of(study)) != consists_of(study):
            raise NotAllowed(GROWN.format(share=share.id), "H25")
        made = await viewed(handover, wish, self._pictures.view)
        return Answer(made, f"{identity_line(study.patient)}\nShare {share.id} · {made.caption}")

    async def _share(self, wanted: WantedView) -> Share:
        share = await shares.get(self._ledger, wanted.share_id)
        if share is None:
            raise Bug("The bot made a mistake in its own records. Nothing was changed.", "B22")
        return share

    async def _keep(self, wanted: WantedView, answer: Answer | str) -> None:
        """The answer into the outbox, in the thread below the share's first message."""
        share = await self._share(wanted)
        first = transaction_id(share.command_event_id, f"opened {share.id}")
        thread = await outbox.event_id_of(self._ledger, first) or ""
        entry = self._entry(wanted, answer, related(wanted.command_event_id, thread))
        kept = False
        try:
            async with self._ledger.transaction() as tx:
                kept = await views.answered(tx, wanted, shown=isinstance(answer, Answer))
                if kept:
                    await outbox.enqueue(tx, entry)
        finally:
            await discard_unkept(self._ledger, self._spool, entry)

    def _entry(self, wanted: WantedView, answer: Answer | str, relation: dict[str, Any]) -> Entry:
        if isinstance(answer, Answer):
            made, files = content.picture(
                answer.picture, number=wanted.share_id, identity=answer.words, spool=self._spool
            )
            made["filename"] = made["filename"].replace("preview", "view")
        else:
            made, files = message(answer), []
        return Entry(
            transaction_id(wanted.command_event_id, STEP),
            wanted.room_id,
            STEP,
            "m.room.message",
            made | relation,
            attachments=tuple(files),
            audience=wanted.audience,
        )
