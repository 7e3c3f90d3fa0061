"""What we say, from the ledger into the rooms: each entry once, in order, its files uploaded first.

One lane per share, and one per room for everything else, so that an answer does not wait behind a large upload. A lane
is strictly in order. An entry leaves its lane only when it stands in the room or is given up for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from bot import content
from bot.limits import AT_ONCE, Limits
from bot.matrix.cleartext import Farewell
from bot.matrix.errors import NotPermitted, RateLimited, SignedOut
from bot.matrix.media import encrypted_file
from commands.kit.reply import message
from config.errors import Bug, CarrierbagError, NotAllowed, TryLater
from ledger import outbox
from ledger.errors import LedgerAway
from ledger.outbox import Entry, transaction_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from access.rooms import RoomFacts
    from bot.matrix.session import MatrixSession
    from delivery.spool import Spool
    from ledger.attachments import Attachment
    from ledger.database import Database

log = structlog.get_logger()

Lane = tuple[str, int | None]
#: Asked about each entry in the room as it is when the entry goes out; raises `NotAllowed` when it must not.
Guard = Callable[[Entry, "RoomFacts"], Awaitable[None]]
Uploaded = Callable[[Entry, int], None]
#: Hears how many bytes one upload had, and how many seconds it took.
Timed = Callable[[int, float], None]

#: Synapse forgets transaction ids after 24 h: what is older may stand in the room already and is not sent again.
OLDEST = 23 * 3600
#: Seconds between tries of one entry: doubled each time up to the second number.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0


#: The kind of an entry that says nothing and leaves the room; its content is {"reason": one of `Farewell`}.
LEAVE = "leave"


class Undelivered(NotAllowed):
    """An entry was given up for good; the sentence says why and holds its codes."""

    def __str__(self) -> str:
        return self.sentence


class Withdrawn(Exception):
    """Somebody took the entry back while it was on its way out."""


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
        timed: Timed = lambda *_: None,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._spool = spool
        self._guard = guard
        self._on_uploaded = on_uploaded
        self._timed = timed
        self._first_pause = first_pause
        self._limits = Limits(session)
        self._news = asyncio.Event()
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._waiting: dict[str, asyncio.Future[str]] = {}

    def poke(self) -> None:
        """Something was enqueued."""
        self._news.set()

    async def run(self) -> None:
        """Send for ever. Ends only with what the operator must settle (`SignedOut`, a damaged ledger)."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for lane in await outbox.lanes(self._ledger):
                    if lane not in self._lanes:
                        self._lanes[lane] = group.create_task(self._empty(lane))
                await self._news.wait()

    async def standing(self, txn_id: str) -> str:
        """Wait until this entry stands in the room; its event id. Raises `Undelivered` when it was given up."""
        waiter = self._waiting.setdefault(txn_id, asyncio.get_running_loop().create_future())
        self.poke()
        try:
            await self._settle(txn_id)
            return await asyncio.shield(waiter)
        finally:
            self._waiting.pop(txn_id, None)

    async def in_passing(self, entry: Entry) -> None:
        """Say something once, guarded like everything else but not kept. Raises the errors of the session."""
        await self._say(entry, entry.content)

    @property
    def limited(self) -> bool:
        """Whether the server wants less of us now: what need not be said should not be."""
        return self._limits.met

    def stop(self, room_id: str, share_id: int) -> None:
        """End what is being uploaded for a share whose entries were all withdrawn."""
        if lane := self._lanes.get((room_id, share_id)):
            lane.cancel()

    async def _empty(self, lane: Lane) -> None:
        try:
            while entry := await outbox.next_in_lane(self._ledger, *lane):
                await self._try(entry)
        finally:
            del self._lanes[lane]
            self.poke()  # something may have come between the last look and this line

    async def _try(self, entry: Entry) -> None:
        try:
            await self._deliver(entry)
        except LedgerAway as error:  # even what became of it cannot be written now: the same again, later
            log.warning("ledger away", code=error.code)
            await asyncio.sleep(self._pause_after(entry.attempts))

    async def _deliver(self, entry: Entry) -> None:
        try:
            event_id = await self._sent(entry)
        except Withdrawn:
            self._discard(entry)
        except SignedOut:
            raise
        except RateLimited as error:
            await self._held_up(entry, error)
        except TryLater as error:
            await self._pause(entry, error)
        except CarrierbagError as error:
            await self._give_up(entry, error)
        except Exception:
            log.exception("unexpected", room=entry.room_id, step=entry.step)
            await self._give_up(entry, Bug("Something went wrong on our side.", "B21"))
        else:
            await self._keep(entry, event_id)

    async def _sent(self, entry: Entry) -> str:
        await self._wanted(entry)
        if entry.kind == LEAVE:
            return await self._leave(entry)
        filled = dict(entry.content)
        if entry.attachments:  # not even the ciphertext goes where the keys would not
            await self._guard(entry, await self._session.facts(entry.room_id))
        for one in entry.attachments:
            mxc = await self._uploaded(entry, one)
            filled = content.fill(filled, one.slot, encrypted_file(mxc, one.key, one.iv, one.sha256))
        if entry.attachments:
            await self._wanted(entry)  # an upload may take minutes: things change
        return await self._say(entry, filled)

    async def _wanted(self, entry: Entry) -> None:
        """Raise unless the entry shall still go out."""
        fate = await outbox.fate_of(self._ledger, entry.txn_id)
        if fate is None or fate.state != "queued":
            raise Withdrawn
        if entry.created_at < self._ledger.clock() - OLDEST:
            raise NotAllowed("It waited longer than the server remembers. Send the command again.", "R21")

    async def _say(self, entry: Entry, filled: Mapping[str, Any]) -> str:
        """Post it, if the guard allows it on the very facts by which the keys are given out."""
        try:
            return await self._session.send(
                entry.room_id,
                filled,
                entry.txn_id,
                event_type=entry.kind,
                strict=entry.strict,
                allow=partial(self._guard, entry),
                patience=AT_ONCE,
            )
        except RateLimited as error:
            self._limits.refused(error)
            raise

    async def _leave(self, entry: Entry) -> str:
        """Out, once: a room that we are not in, or that was encrypted meanwhile, is left alone. No event id."""
        with contextlib.suppress(NotPermitted):
            room = await self._session.facts(entry.room_id)
            if entry.content["reason"] != Farewell.NOT_ENCRYPTED or not room.confidential:
                await self._session.leave(entry.room_id, reason=Farewell(entry.content["reason"]))
        return ""

    async def _uploaded(self, entry: Entry, one: Attachment) -> str:
        """The address at which the ciphertext stands. A retry sends the same bytes to the same address."""
        if one.uploaded:
            return one.mxc
        path = self._spool.path(one.spool_name)

        def told(sent: int) -> None:
            self._on_uploaded(entry, sent)

        mxc = one.mxc or await self._reserved(entry, one)
        began = time.perf_counter()
        if mxc is None:  # an old server: the upload itself makes the address; a retry leaves an unused copy behind
            mxc = await self._session.media.upload(path, one.size, told)
        else:
            await self._session.media.put(mxc, path, one.size, told)
        self._timed(one.size, time.perf_counter() - began)
        async with self._ledger.transaction() as tx:
            await outbox.set_mxc(tx, entry.txn_id, one.slot, mxc)
            await outbox.set_uploaded(tx, entry.txn_id, one.slot)
        return mxc

    async def _reserved(self, entry: Entry, one: Attachment) -> str | None:
        mxc = await self._session.media.create()
        if mxc is not None:
            async with self._ledger.transaction() as tx:
                await outbox.set_mxc(tx, entry.txn_id, one.slot, mxc)
        return mxc

    async def _keep(self, entry: Entry, event_id: str) -> None:
        async with self._ledger.transaction() as tx:
            await outbox.sent(tx, entry.txn_id, event_id)
        self._discard(entry)
        await self._settle(entry.txn_id)

    async def _give_up(self, entry: Entry, error: CarrierbagError) -> None:
        log.warning("not sent", room=entry.room_id, step=entry.step, code=error.code)
        async with self._ledger.transaction() as tx:
            await outbox.failed(tx, entry.txn_id, f"{error.code} {error}")
            if self._unheard(entry, error):
                await outbox.enqueue(tx, _refusal(entry, error))
        self._discard(entry)
        await self._settle(entry.txn_id)

    def _unheard(self, entry: Entry, error: CarrierbagError) -> bool:
        """Whether nobody else would say that this answer was refused: what belongs to a share, its corridor says."""
        mine = entry.share_id is None and entry.txn_id not in self._waiting
        return mine and entry.strict and isinstance(error, NotAllowed)

    async def _pause(self, entry: Entry, error: TryLater) -> None:
        log.warning("not sent yet", room=entry.room_id, step=entry.step, code=error.code, attempts=entry.attempts + 1)
        async with self._ledger.transaction() as tx:
            await outbox.attempted(tx, entry.txn_id, error.code)
        await asyncio.sleep(self._pause_after(entry.attempts))

    async def _held_up(self, entry: Entry, error: RateLimited) -> None:
        """Come back when the server says, and let the room know why it waits."""
        async with self._ledger.transaction() as tx:
            await outbox.attempted(tx, entry.txn_id, error.code)
            await self._limits.explain(tx, entry.room_id, error)
        self.poke()
        await self._limits.wait(entry.room_id, error.seconds)

    def _pause_after(self, attempts: int) -> float:
        return min(LONGEST_PAUSE, self._first_pause * float(2 ** min(attempts, 10)))

    def _discard(self, entry: Entry) -> None:
        with contextlib.suppress(TryLater):  # what cannot be removed now goes with the next start's sweep
            for one in entry.attachments:
                self._spool.discard(one.spool_name)

    async def _settle(self, txn_id: str) -> None:
        """Tell whoever waits for this entry what the ledger says of it."""
        fate = await outbox.fate_of(self._ledger, txn_id)
        waiter = self._waiting.get(txn_id)
        if waiter is None or waiter.done() or fate is None:
            return
        if fate.state == "sent":
            waiter.set_result(fate.event_id)
        elif fate.state == "failed":
            code, _, sentence = fate.error.partition(" ")
            waiter.set_exception(Undelivered(sentence or "It was taken back.", code))
            waiter.exception()  # who waited may be gone: then nobody need read it


def _refusal(entry: Entry, error: CarrierbagError) -> Entry:
    """In place of an answer that may not be seen any more, for the person who waits for it."""
    asked = entry.content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id", "")
    words = message(str(error), reply_to=asked)
    return Entry(transaction_id(entry.txn_id, "refused"), entry.room_id, "refused", entry.kind, words, strict=False)
