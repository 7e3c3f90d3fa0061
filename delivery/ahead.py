"""What a part needs of each of its files, made on the event loop a few files ahead of the thread that packs them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import CancelledError, Future
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from delivery.errors import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

Item = TypeVar("Item")
Made = TypeVar("Made")

#: So many are under way or wait to be packed: as many as keep the workers busy.
_AHEAD = 4


class Ahead(Generic[Item, Made]):
    """Made on the event loop that it is created on, iterated in a thread: one for each of `items`, in their order.

    `unused` is given what was made and then not asked for.
    """

    def __init__(
        self,
        items: Sequence[Item],
        make: Callable[[Item], Coroutine[None, None, Made]],
        unused: Callable[[Made], None] = lambda _: None,
    ) -> None:
        self._items = items
        self._make = make
        self._unused = unused
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[Future[Made]] = deque()
        self._cancelled = threading.Event()

    def __iter__(self) -> Iterator[Made]:
        waiting = iter(self._items)
        self._begin(islice(waiting, _AHEAD))
        while self._under_way:
            try:
                made = self._under_way[0].result()
            except CancelledError:
                raise Stopped("Stopped. Nothing of this was sent.", "D23") from None
            self._under_way.popleft()
            yield made
            self._begin(islice(waiting, 1))

    def cancel(self) -> None:
        """Nothing more is begun; whoever iterates gets `Stopped`. When all were taken, this does nothing."""
        self._cancelled.set()
        for one in tuple(self._under_way):
            one.cancel()
            one.add_done_callback(self._left)

    def _left(self, future: Future[Made]) -> None:
        if not future.cancelled() and not future.exception():
            self._unused(future.result())

    def _begin(self, items: Iterator[Item]) -> None:
        for item in items:
            made = asyncio.run_coroutine_threadsafe(self._make(item), self._loop)
            self._under_way.append(made)
            if self._cancelled.is_set():
                made.cancel()
