"""Our own sync loop: what people said is safe in the inbox before the server may forget that we missed it.

The token is committed with the messages, in one transaction. While a message waits for its key, the committed token
stays before that message, so that a crash brings it again. A gap in a timeline is filled through /messages. The first
sync without a token only looks: what lay in the rooms before is history and no command.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot.matrix.chain import table
from bot.matrix.devicekeys import SIGNED, replenish
from bot.matrix.errors import GateClosed, NoSense, NotPermitted, ServerRefused
from bot.matrix.events import (
    Message,
    SyncBatch,
    Undecryptable,
    invitation,
    joined_again,
    names,
    others_moved,
    timeline,
)
from bot.matrix.filter import FILTER
from bot.matrix.guard import client_path
from bot.matrix.patience import Patience
from bot.matrix.reading import Reader
from bot.matrix.verification import note as verification
from config.errors import TryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.matrix.session import MatrixSession
    from bot.matrix.verification.note import Note

__all__ = ["Inbox", "Message", "SyncBatch", "SyncLoop", "Undecryptable"]

log = structlog.get_logger()

#: Seconds that the server holds a sync without news, and that we allow on top.
LONG_POLL, GRACE = 30.0, 30.0
#: Events in one page of /messages, and the most pages that we go back: 20,000 events.
PAGE, PAGES = 100, 200
#: So many one-time keys need no refill.
SUFFICIENT = 1_000


class Inbox(Protocol):
    """Where what people said is kept."""

    async def receive(self, batch: SyncBatch) -> None:
        """Keep the batch's news and its token in one transaction, or raise and keep nothing.

        What was received before may come again: each event counts once, each (session id, message index) once.
        """

    async def sync_token(self) -> str | None:
        """The token of the last batch, None before the first."""


class SyncLoop:
    """`await SyncLoop(...).run()` until it is cancelled or the bot is signed out.

    `on_news(batch)` is called after each commit that brought something, `on_note(note)` for each message of a
    verification, perhaps more than once. They must be quick: long work belongs in tasks.
    """

    def __init__(
        self,
        session: MatrixSession,
        inbox: Inbox,
        *,
        on_news: Callable[[SyncBatch], Awaitable[None]],
        on_note: Callable[[Note], None] = lambda _: None,
        patience: Patience | None = None,
    ) -> None:
        self._session = session
        self._client = session.client
        self._inbox = inbox
        self._on_news = on_news
        self._patience = patience or Patience(first_pause=1.0, longest_pause=60.0)
        self._on_note = on_note
        self._reader = Reader(session, on_note)
        self._since: str | None = None
        #: Set as soon as the first sync is safe in the inbox.
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Sync for ever. Raises `SignedOut`, or what a broken inbox raises that is not `TryLater`."""
        failures, fresh = 0, True
        while True:
            try:
                if fresh or failures:
                    await self._resume()
                await self.once()
                failures, fresh = 0, False
            except TryLater as error:
                failures += 1
                self._session.trust.doubt_everybody()  # news of devices may be among what we missed
                log.warning("sync_failed", code=error.code, failures=failures)
                await asyncio.sleep(self._patience.pause(failures))

    async def _resume(self) -> None:
        """Begin at what is safe: all that a failed round has read, and all that waits for a key, comes again."""
        self._since = await self._inbox.sync_token()
        self._reader.waiting.clear()

    async def once(self) -> SyncBatch:
        """One round: ask, read, commit, tell. Returns what was kept."""
        answer = await self._ask()
        self._take_keys(answer)
        batch = await self._read(answer)
        await self._inbox.receive(batch)
        self._since = str(answer["next_batch"])
        self.ready.set()
        if batch:
            await self._on_news(batch)
        await self._housekeeping(answer)
        return batch

    async def _ask(self) -> Mapping[str, Any]:
        wait = self._long_poll()
        query = {"timeout": str(int(wait * 1000)), "filter": FILTER}
        if self._since is not None:
            query["since"] = self._since
        else:  # answered at once; another number each time, lest Synapse repeats an old answer from its cache
            query["timeout"] = str(secrets.randbelow(1_000_000))
        answer = table(await self._client.call("GET", client_path("sync"), query=query, seconds=wait + GRACE))
        if not isinstance(answer.get("next_batch"), str) or not isinstance(answer.get("rooms", {}), dict):
            raise NoSense
        return answer

    def _long_poll(self) -> float:
        """Shorter while a message waits for its key, so that its sender is told in time; none before the first."""
        if not self.ready.is_set():
            return 0.0
        first = self._reader.waiting.next_until
        return LONG_POLL if first is None else min(max(first - time.monotonic(), 0.1), LONG_POLL)

    def _take_keys(self, answer: Mapping[str, Any]) -> None:
        to_device = [table(event) for event in _list(table(answer.get("to_device")).get("events"))]
        with self._client.olm.transaction():
            for event in to_device:
                self._client.olm.receive(event)
        self._reader.learn_withheld(to_device)
        for note in filter(None, map(verification.by_device, to_device)):
            self._on_note(note)
        changes = table(answer.get("device_lists"))
        self._session.trust.doubt(str(user) for name in ("changed", "left") for user in _list(changes.get(name)))

    async def _read(self, answer: Mapping[str, Any]) -> SyncBatch:
        before, us, rooms = self._since, self._session.user_id, table(answer.get("rooms"))
        messages = await self._reader.read_waiting()
        for room_id, room in table(rooms.get("join")).items():
            messages += await self._read_room(room_id, table(room), before)
        undecryptable = self._reader.give_up()
        token = self._reader.waiting.token or str(answer["next_batch"])
        invitations = tuple(invitation(room_id, raw, us) for room_id, raw in table(rooms.get("invite")).items())
        moved = frozenset(room_id for room_id, room in table(rooms.get("join")).items() if _moved(room, us))
        return SyncBatch(tuple(messages), tuple(undecryptable), token, invitations, moved)

    async def _read_room(self, room_id: str, room: Mapping[str, Any], before: str | None) -> list[Message]:
        news = table(room.get("timeline"))
        events = _list(news.get("events"))
        if news.get("limited") is True and before is not None and not joined_again(events, self._session.user_id):
            events = await self._missed(room_id, news.get("prev_batch"), before) + events
        self._reader.learn_names(room_id, names([*_list(table(room.get("state")).get("events")), *events]))
        read = [
            await self._reader.read(event, before or "", live=before is not None)
            for event in timeline(room_id, events, self._session.user_id)
        ]
        return [message for message in read if message is not None]

    async def _missed(self, room_id: str, start: Any, end: str) -> list[Any]:
        """The events between `end` (the last sync) and `start` (where this timeline begins), oldest first."""
        newest_first: list[Any] = []
        for _ in range(PAGES):
            if not isinstance(start, str):
                break
            query = {"dir": "b", "from": start, "to": end, "limit": str(PAGE)}
            page = await self._page(room_id, query)
            chunk = _list(page.get("chunk"))
            newest_first += chunk
            start = page.get("end")
            if not chunk or joined_again(chunk, self._session.user_id):
                break
        log.info("gap_filled", room_id=room_id, events=len(newest_first))
        return newest_first[::-1]

    async def _page(self, room_id: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            return table(await self._client.call("GET", client_path("rooms", room_id, "messages"), query=query))
        except (NotPermitted, ServerRefused) as error:  # we were put out meanwhile: nothing there is for us
            log.warning("gap_not_filled", room_id=room_id, code=error.code)
            return {}

    async def _housekeeping(self, answer: Mapping[str, Any]) -> None:
        """What may fail without harm: it is tried again in the next round."""
        tasks = (partial(self._replenish, answer), partial(self._session.room_keys.unwedge, self._session.trust))
        for task in tasks:
            try:
                await task()
            except (TryLater, GateClosed) as error:
                log.warning("housekeeping_failed", code=error.code)

    async def _replenish(self, answer: Mapping[str, Any]) -> None:
        counts = answer.get("device_one_time_keys_count")
        unused = answer.get("device_unused_fallback_key_types")
        left = table(counts).get(SIGNED, 0) if isinstance(counts, dict) else None
        fallback = isinstance(unused, list) and SIGNED not in unused
        if isinstance(left, int) or fallback:
            await replenish(self._client, left if isinstance(left, int) else SUFFICIENT, fallback=fallback)


def _moved(room: Any, us: str) -> bool:
    news = table(table(room).get("timeline"))
    return news.get("limited") is True or others_moved(_list(news.get("events")), us)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
