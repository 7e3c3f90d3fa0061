"""What a command is given, and what it gives back. Nothing here sends or writes: that is the dispatcher's work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from access.people import Clinician
    from access.policy import Action
    from access.rooms import RoomFacts
    from commands.kit.registry import Command
    from commands.kit.reply import Reply
    from ledger.database import Database, Transaction
    from studies.sources.everywhere import Everywhere

    Effect = Callable[[Transaction], Awaitable[Sequence[Reply]]]


class Verifying(Protocol):
    """The running verifications by emoji. Every text is one for the administrators' room only."""

    def waiting(self) -> Sequence[str]:
        """Each that is under way, in words."""

    def person(self, number: int) -> str:
        """Whom it would verify; "" when there is no such verification."""

    async def begin(self, user_id: str) -> str:
        """Ask somebody; how it stands. Raises one of our errors."""

    async def confirm(self, number: int, *, match: bool, by: str) -> str:
        """What `by` saw; how it stands. Raises one of our errors."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What is known of the way into a room before anything is sent."""

    #: The most that one ZIP may have, in bytes.
    part_bytes: int
    #: Bytes a second of the last uploads; None while there was none.
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, where, and what may be looked at to answer."""

    clinician: Clinician
    room: RoomFacts
    #: The event that holds the command: transaction ids and replies point to it.
    event_id: str
    #: Unix seconds.
    now: float
    ledger: Database
    sources: Everywhere
    #: How studies go into this room.
    sending: Callable[[], Awaitable[Sending]]
    #: What this person may do here.
    may: Callable[[Action], bool]
    #: All commands, for help.
    commands: tuple[Command, ...] = ()
    #: In the administrators' room; None everywhere else.
    verifying: Verifying | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What shall be said, and what shall be written in the same transaction as "this command was answered".

    Effects run inside that transaction, in order; what they return is said after `replies`. They only write to the
    ledger: a crash before the commit leaves the command unanswered, and it is run again.
    """

    replies: tuple[Reply, ...] = ()
    effects: tuple[Effect, ...] = field(default=())
    #: For whom it was permitted: set by the dispatcher. None where that does not matter (refusals, mistakes).
    audience: frozenset[str] | None = None
