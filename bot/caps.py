"""What those who get a study can take: how large an attachment, and in which codings.

An attachment is as large as the smallest of what the operator wants, our server takes, and others told us.

A server says its limit only to its own users (client-server API, `GET /_matrix/client/v1/media/config`), and a message
that others cannot fetch is no message: so the limits of other servers are settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from delivery.speed import Way

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from config.settings import Settings

#: Room for the EncryptedFile's own overhead (none today) and for a server that counts differently.
MARGIN = 64 * 1024


class Caps:
    """`limit` asks our own server, None when it does not say."""

    def __init__(self, settings: Settings, limit: Callable[[], Awaitable[int | None]]) -> None:
        self._ours = settings.delivery.part_bytes
        self._others = {one.server: one.part_bytes for one in settings.destinations if one.part_bytes}
        self._limit = limit
        self._opens = frozenset(map(Way, settings.delivery.opens))
        self._others_open = {
            one.server: frozenset(map(Way, one.opens)) for one in settings.destinations if one.opens is not None
        }

    async def part_bytes(self, audience: Iterable[str]) -> int:
        """Bytes of the largest ZIP for these people (Matrix IDs). Raises the errors of `bot.matrix`."""
        known = [await self._limit(), *(self._others[one] for one in _servers(audience) if one in self._others)]
        return min([self._ours, *(limit - MARGIN for limit in known if limit)])

    def opens(self, audience: Iterable[str]) -> frozenset[Way]:
        """Codings without loss that the workstations of all of these people open. Of nobody, none."""
        sets = [self._others_open.get(one, self._opens) for one in _servers(audience)]
        return frozenset.intersection(*sets) if sets else frozenset()


def _servers(audience: Iterable[str]) -> set[str]:
    return {one.partition(":")[2].lower() for one in audience}
