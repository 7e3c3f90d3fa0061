"""A link of so many bits a second in front of a server: a TCP proxy that lets no more through towards it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CHUNK = 64 * 1024
#: Seconds of sending that may be made up for at once.
_BURST = 0.02


class Throttle:
    """All connections share the link. `rate` is in bytes a second and may be changed at any time."""

    def __init__(self, host: str, port: int, rate: float) -> None:
        self.rate = rate
        self.url = ""
        self._target = (host, port)
        self._free_at = 0.0
        self._pairs: set[asyncio.Task[None]] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def before(cls, url: str, rate: float) -> AsyncIterator[Throttle]:
        """A proxy on loopback in front of `url`."""
        parts = urlsplit(url)
        link = cls(parts.hostname or "", parts.port or 80, rate)
        server = await asyncio.start_server(link._pair, "127.0.0.1", 0, limit=_CHUNK)
        link.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield link
        finally:
            server.close()
            for one in link._pairs:
                one.cancel()

    async def _pair(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._pairs.add(task)
            task.add_done_callback(self._pairs.discard)
        there, back = await asyncio.open_connection(*self._target, limit=_CHUNK)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(self._copied(reader, back, slow=True), self._copied(there, writer, slow=False))

    async def _copied(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        try:
            while data := await reader.read(_CHUNK):
                if slow:
                    await self._turn(len(data))
                writer.write(data)
                await writer.drain()
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    async def _turn(self, size: int) -> None:
        """Wait until these bytes have gone over the link."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now - _BURST) + size / self.rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
