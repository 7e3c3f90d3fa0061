"""The most memory that something took meanwhile, looked at twenty times a second."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = 0.05  # seconds


class Peak:
    """`with Peak(bot.memory) as peak: ...`, then `peak.bytes`. A thread, so that a busy event loop hides nothing."""

    def __init__(self, weigh: Callable[[], int]) -> None:
        self.bytes = 0
        self._weigh = weigh
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(EVERY):
            self.bytes = max(self.bytes, self._weigh())
