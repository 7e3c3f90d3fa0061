"""Making the next thing while the last one is being used."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

Item = TypeVar("Item")


async def one_ahead(items: AsyncGenerator[Item, None], unused: Callable[[Item], None]) -> AsyncGenerator[Item, None]:
    """The same items; while one is being used, the next is made already.

    To be used inside `contextlib.aclosing`. An item that was made and then not asked for is given to `unused`.
    """
    following = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await following) is not None:
            following = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        following.cancel()
        await asyncio.wait([following])
        if not following.cancelled() and not following.exception() and (left := following.result()) is not None:
            unused(left)
        await items.aclose()
