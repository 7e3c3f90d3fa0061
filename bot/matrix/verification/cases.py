"""The verifications of the last ten minutes: bounded, numbered for humans, and forgotten in time."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.matrix.verification.case import Case

#: Requests within ten minutes: of one person, and of all.
OF_ONE, OF_ALL = 10, 100
#: Seconds that a request's clock may go ahead of ours (the spec's own number).
AHEAD = 300.0


class Cases:
    """By person and flow, in the order in which they came."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Case] = {}

    def __iter__(self) -> Iterator[Case]:
        return iter(list(self._all.values()))

    def get(self, user_id: str, flow_id: str) -> Case | None:
        """This person's: the same id of somebody else is another one."""
        return self._all.get((user_id, flow_id))

    def add(self, case: Case) -> None:
        """Keep it."""
        self._all[case.user_id, case.flow.flow_id] = case

    def numbered(self, number: int) -> Case | None:
        """By the number that a human typed."""
        return next((case for case in self if case.number == number), None)

    def free_number(self) -> int:
        """Four digits; not the next one: after a restart nobody confirms another verification than they read of."""
        while self.numbered(number := 1000 + secrets.randbelow(9000)):
            pass
        return number

    def have_room_for(self, user_id: str) -> bool:
        """Whether this person may begin another one."""
        return len(self._all) < OF_ALL and sum(case.user_id == user_id for case in self) < OF_ONE

    def next_deadline(self) -> float | None:
        """When the first of those under way is over, None when there are none."""
        return min((case.flow.deadline for case in self if not case.flow.over), default=None)

    def forget(self, now: float) -> None:
        """Drop what is over, once its request can no longer come again."""
        kept = {key: one for key, one in self._all.items() if not one.flow.over or now < one.flow.deadline + AHEAD}
        self._all = kept
