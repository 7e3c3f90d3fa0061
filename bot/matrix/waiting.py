"""Messages whose key may still come, in the order in which they were sent. Bounded: nobody can fill it for others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.matrix.events import RawEvent

#: Bytes of one person's messages, and of all: what goes beyond is not waited for.
EACH, ALL = 1_000_000, 16_000_000
#: Bytes that an event takes beside its content.
OVERHEAD = 1_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event without its key, the sync token at which it would come again, and how long it is waited for."""

    event: RawEvent
    token: str
    #: Of the monotonic clock, in seconds.
    until: float
    why: str

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return OVERHEAD + len(str(self.event.content))


class WaitingRoom:
    """Who sits here is looked at whenever keys may have come."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self._sizes: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, one: Waiting) -> None:
        """Wait, if there is room; else its time is over at once. What waits already keeps its place and time."""
        if one.event.event_id in self._waiting:
            return
        full = self._sizes[one.event.sender] + one.size > EACH or self._sizes.total() + one.size > ALL
        self._waiting[one.event.event_id] = replace(one, until=0.0) if full else one
        self._sizes[one.event.sender] += one.size

    def leave(self, one: Waiting) -> None:
        """It can be read, or is given up."""
        del self._waiting[one.event.event_id]
        self._sizes[one.event.sender] -= one.size
        if not self._sizes[one.event.sender]:
            del self._sizes[one.event.sender]

    def still(self, one: Waiting, why: str) -> None:
        """It waits on, for this reason now."""
        self._waiting[one.event.event_id] = replace(one, why=why)

    def all(self) -> list[Waiting]:
        """As they are now, oldest first."""
        return list(self._waiting.values())

    def clear(self) -> None:
        """All will come again."""
        self._waiting.clear()
        self._sizes.clear()

    @property
    def next_until(self) -> float | None:
        """When the first one's time is over."""
        return min((one.until for one in self._waiting.values()), default=None)

    @property
    def token(self) -> str | None:
        """Where a sync has to begin so that all of them come again."""
        return next((one.token for one in self._waiting.values()), None)
