"""One message that is edited while a share is under way: fetch, pack, upload, with counts; at most every two seconds.

Edits are not kept: one that is lost is replaced by the next, and the last word is an entry of the outbox.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from commands.kit import describe
from config.errors import CarrierbagError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from delivery.handover import Progress

log = structlog.get_logger()

#: Seconds between two edits.
PAUSE = 2.0


class ProgressMessage:
    """The line under a share's headline. `note` and `uploading` only take note, from any thread; `show` says it."""

    def __init__(
        self, show: Callable[[str], Awaitable[None]], *, held: Callable[[], bool] = lambda: False, pause: float = PAUSE
    ) -> None:
        self._show = show
        #: Whether the server wants fewer messages now: then these are left out.
        self._held = held
        self._pause = pause
        self._line = ""
        self._upload = ""
        self._shown = ""

    def note(self, progress: Progress) -> None:
        """What is being made."""
        self._line = f"{progress.phase} {progress.done} of {progress.total}"

    def uploading(self, sent: int, size: int) -> None:
        """Bytes of the current file that are on the server, and all that it has."""
        self._upload = f"sent {describe.megabytes(sent)} of {describe.megabytes(size)}"

    @contextlib.asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show it as things go on, until the block ends. Nothing that goes wrong with it harms the block."""
        task = asyncio.create_task(self._keep_showing())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def conclude(self, line: str) -> None:
        """Put this in place of how far it was, if that was ever shown."""
        if self._shown:
            await self._try_to_show(line)

    async def _keep_showing(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            now = ", ".join(filter(None, [self._line, self._upload]))
            if now != self._shown and not self._held():
                self._shown = now
                await self._try_to_show(now)

    async def _try_to_show(self, line: str) -> None:
        try:
            await self._show(line)
        except CarrierbagError as error:
            log.info("progress not shown", code=error.code)
        except Exception:
            log.exception("progress not shown")
