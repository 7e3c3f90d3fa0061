"""The room guard: asked about every message in the moment in which it goes out, not only when it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.people import Clinician
from access.policy import Action, Permit, Policy, audible, decide, suits
from ledger import shares

if TYPE_CHECKING:
    from access.policy import Decision
    from access.rooms import RoomFacts
    from ledger.database import Database
    from ledger.outbox import Entry

#: Begins the refusal of what was an answer.
UNSAID = "Not answered"


class RoomGuard:
    """Policy against the room's facts of this moment: those by which the keys are given out."""

    def __init__(self, policy: Policy, ledger: Database) -> None:
        self._policy = policy
        self._ledger = ledger

    async def __call__(self, entry: Entry, room: RoomFacts) -> None:
        """Raise `Refused` when this entry may not be seen in its room any more.

        What belongs to a share is decided anew for its requester, and goes to those only who were there when it was
        permitted. An answer was just decided on, but may have waited for the server: the same holds. What is not
        strict (refusals, help) holds nothing of a study, and is said wherever it goes out encrypted.
        """
        decision = await self._decision(entry, room)
        if not isinstance(decision, Permit):
            raise decision.error()

    async def _decision(self, entry: Entry, room: RoomFacts) -> Decision:
        if not entry.strict:
            return audible(room, UNSAID)
        share = await shares.get(self._ledger, entry.share_id) if entry.share_id is not None else None
        if share is None:
            return suits(room, self._policy, UNSAID, entry.audience)
        return decide(Clinician(share.requested_by, ""), room, Action.SHARE, self._policy, share.audience)
