"""One message that is edited while a share is under way: fetch, pack, upload, with counts; at most every two seconds.

Edits are not kept: one that is lost is replaced by the next, and the last word is an entry of the outbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING

from commands.kit import describe
from commands.kit.reply import edit
from config.errors import CarrierbagError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.matrix.session import MatrixSession
    from delivery.handover import Progress

#: Seconds between two edits.
PAUSE = 2.0


class ProgressMessage:
    """The line under a share's headline. `note` and `uploading` only take note, from any thread."""

    def __init__(self, session: MatrixSession, room_id: str, headline: str) -> None:
        self._session = session
        self._room_id = room_id
        self._headline = headline
        self._line = ""
        self._upload = ""

    def note(self, progress: Progress) -> None:
        """What is being made."""
        self._line = f"{progress.phase} {progress.done} of {progress.total}"

    def uploading(self, sent: int) -> None:
        """Bytes of the current file that are on the server."""
        self._upload = f"sent {describe.megabytes(sent)}"

    @contextlib.asynccontextmanager
    async def shown(self, event_id: str) -> AsyncIterator[None]:
        """Edit that event as things go on, until the block ends."""
        task = asyncio.create_task(self._keep_showing(event_id))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_showing(self, event_id: str) -> None:
        shown = ""
        while True:
            await asyncio.sleep(PAUSE)
            now = ", ".join(filter(None, [self._line, self._upload]))
            if now != shown:
                await self._edit(event_id, now)
                shown = now

    async def _edit(self, event_id: str, line: str) -> None:
        with contextlib.suppress(CarrierbagError):
            content = edit(f"{self._headline}\n{line}", event_id)
            await self._session.send(self._room_id, content, uuid.uuid4().hex)
