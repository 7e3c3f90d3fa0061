"""The room guard: asked before anything of a study is posted, not only when it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.people import Clinician
from access.policy import Action, Permit, Policy, decide
from ledger import shares

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from access.rooms import RoomFacts
    from ledger.database import Database
    from ledger.outbox import Entry


class RoomGuard:
    """Policy against the room's facts of this moment."""

    def __init__(self, facts: Callable[[str], Awaitable[RoomFacts]], policy: Policy, ledger: Database) -> None:
        self._facts = facts
        self._policy = policy
        self._ledger = ledger

    async def __call__(self, entry: Entry) -> None:
        """Raise `Refused` when the share that this entry belongs to may not be seen in its room any more."""
        if entry.share_id is None:
            return  # an answer just decided on; its devices are checked when it is sent
        share = await shares.get(self._ledger, entry.share_id)
        if share is None:
            return
        room = await self._facts(entry.room_id)
        decision = decide(Clinician(share.requested_by, ""), room, Action.SHARE, self._policy)
        if not isinstance(decision, Permit):
            raise decision.error()

    def may_invite(self, inviter: str, room_id: str) -> bool:
        """Whether the bot follows this person's invitation: only people who may do something there."""
        return self._policy.welcomes(inviter) and bool(self._policy.grants(inviter, room_id))
