"""What a command is given, and what it gives back. Nothing here sends or writes: that is the dispatcher's work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    #: What this person may do here.
    may: Callable[[Action], bool]
    #: All commands, for help.
    commands: tuple[Command, ...] = ()


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
