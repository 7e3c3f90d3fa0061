"""Makes the rooms that people asked for: each once.

The server gives no transaction id to the making of a room. So the ledger says that it was begun before the server is
asked, the room bears a marker of the command, and whoever finds "begun" after a crash looks for the marker first.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from bot.matrix.errors import SignedOut
from commands import room as words
from commands.kit.reply import message
from config.errors import CarrierbagError, TryLater
from ledger import new_rooms, outbox
from ledger.outbox import Entry, transaction_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from access.policy import Policy
    from bot.matrix.session import MatrixSession
    from ledger.database import Database
    from ledger.new_rooms import WantedRoom

log = structlog.get_logger()

#: Seconds that the server may take over a room after we have lost sight of our request: only then another is made.
IN_THE_MAKING = 60.0
#: Seconds after which a room that cannot be made is given up.
GIVE_UP = 3600.0
#: Seconds between tries.
PAUSE = 5.0


class Builder:
    """`poke()` after each commit, `run()` in the TaskGroup. One room at a time: they are few."""

    def __init__(
        self,
        *,
        ledger: Database,
        session: MatrixSession,
        policy: Policy,
        after: Callable[[], None],
        pause: float = PAUSE,
    ) -> None:
        self._ledger = ledger
        self._session = session
        #: Without approved servers, no other server can ever take part: not even by a slip.
        self._federate = bool(policy.foreign_servers)
        #: Called after each room: there is an answer to send, and somebody to expect.
        self._after = after
        self._pause = pause
        self._news = asyncio.Event()

    def poke(self) -> None:
        """Somebody may have asked for a room."""
        self._news.set()

    async def run(self) -> None:
        """Make rooms for ever."""
        while True:
            self._news.clear()
            wanted = await self._wanted()
            for room in wanted:
                await self._attempt(room)
            if wanted:  # whatever failed is tried again
                await asyncio.sleep(self._pause if await self._wanted() else 0)
                continue
            await self._news.wait()

    async def _wanted(self) -> list[WantedRoom]:
        return await new_rooms.wanted(self._ledger)

    async def _attempt(self, room: WantedRoom) -> None:
        try:
            await self._make(room)
        except SignedOut:
            raise
        except TryLater as error:
            log.warning("room_not_made_yet", code=error.code)
            await self._reconsider(room)
        except CarrierbagError as error:
            log.warning("room_not_made", code=error.code)
            await self._finish(room, "")
        except Exception:
            log.exception("unexpected")
            await self._finish(room, "")

    async def _make(self, room: WantedRoom) -> None:
        marker = transaction_id(room.command_event_id, "room")
        room_id = await self._session.created_room(marker) if room.begun_at is not None else None
        if room_id is None:
            if room.begun_at is not None and self._ledger.clock() < room.begun_at + IN_THE_MAKING:
                return  # the server may be at it
            async with self._ledger.transaction() as tx:
                await new_rooms.begun(tx, room)
            room_id = await self._session.create_room(
                room.requested_by, room.name, marker=marker, federate=self._federate
            )
        await self._finish(room, room_id)

    async def _reconsider(self, room: WantedRoom) -> None:
        if self._ledger.clock() > room.created_at + GIVE_UP:
            await self._finish(room, "")

    async def _finish(self, room: WantedRoom, room_id: str) -> None:
        """The room stands, or (without an id) it never will: the same moment says so where it was asked for."""
        text = words.made(room.name) if room_id else words.not_made()
        kept = transaction_id(room.command_event_id, "room made")
        said = message(text, reply_to=room.command_event_id)
        entry = Entry(kept, room.asked_in, "room made", "m.room.message", said, strict=False)
        with contextlib.suppress(TryLater):  # the ledger is away: found again by its marker
            async with self._ledger.transaction() as tx:
                done = await (new_rooms.made(tx, room, room_id) if room_id else new_rooms.failed(tx, room))
                if done:
                    await outbox.enqueue(tx, entry)
            log.info("room_made" if room_id else "room_given_up", room_id=room_id)
        self._after()
