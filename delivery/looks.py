"""What the viewer shows of a part's files, made in workers a few files ahead of the thread that packs them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from itertools import islice
from typing import TYPE_CHECKING

from delivery.errors import Stopped
from rendering.errors import CannotShow
from rendering.quicklook import QuickLook, QuickPlan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from delivery.parcel import Look
    from delivery.viewer.site import Site
    from studies.model import Instance

Make = Callable[[QuickPlan], Awaitable[QuickLook]]
#: So many are under way or wait to be packed: as many as keep the workers busy.
_AHEAD = 4


class Looks:
    """Made on the event loop that it is created on, iterated in a thread: one for each of `files`, in their order."""

    def __init__(self, site: Site, files: Sequence[tuple[Instance, Path]], make: Make) -> None:
        self.site = site
        self._files = files
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[Future[Look]] = deque()
        self._cancelled = threading.Event()

    def __iter__(self) -> Iterator[Look]:
        waiting = iter(self._files)
        self._begin(islice(waiting, _AHEAD))
        while self._under_way:
            try:
                yield self._under_way[0].result()
            except CancelledError:
                raise Stopped("Stopped. Nothing of this was sent.", "D23") from None
            self._under_way.popleft()
            self._begin(islice(waiting, 1))

    def cancel(self) -> None:
        """Nothing more is begun; whoever iterates gets `Stopped`."""
        self._cancelled.set()
        for one in tuple(self._under_way):
            one.cancel()

    def _begin(self, files: Iterator[tuple[Instance, Path]]) -> None:
        for instance, path in files:
            made = asyncio.run_coroutine_threadsafe(self._made(self.site.plan(instance, path)), self._loop)
            self._under_way.append(made)
            if self._cancelled.is_set():
                made.cancel()

    async def _made(self, plan: QuickPlan | None) -> Look:
        if plan is None:
            return None
        try:
            return await self._make(plan)
        except CannotShow as error:
            return f"No quick look: {error.reason}."
