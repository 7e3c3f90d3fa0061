"""Bytes that must wait until all of them are known: the first in memory, the rest encrypted in the spool."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from delivery.sealed import SealedFile
    from delivery.spool import Sink, Spool

#: As much stays in memory. Files up to here are by far the most.
_IN_MEMORY = 8 * 1024 * 1024


class Aside:
    """`append`, `close`, iterate as often as you like, `discard`. Raises the spool's errors."""

    def __init__(self, spool: Spool) -> None:
        self.size = 0
        self._spool = spool
        self._first: list[bytes] = []
        self._sink: Sink | None = None
        self._sealed: SealedFile | None = None
        self._stack = contextlib.ExitStack()

    def append(self, data: bytes) -> None:
        """More, behind what is there."""
        self.size += len(data)
        if self.size <= _IN_MEMORY:
            self._first.append(data)
            return
        if self._sink is None:
            self._sink = self._stack.enter_context(self._spool.seal())
        self._sink.write(data)

    def close(self) -> None:
        """There is no more."""
        if self._sink is not None:
            self._sealed = self._sink.close()

    def __iter__(self) -> Iterator[bytes]:
        yield from self._first
        if self._sealed is not None:
            yield from self._spool.open_sealed(self._sealed)

    def discard(self) -> None:
        """Nobody wants it any more. Twice is no harm."""
        self._stack.close()
        if self._sealed is not None:
            self._spool.discard(self._sealed.name)
            self._sealed = None
        self._first.clear()
