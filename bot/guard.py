"""The room guard: asked before anything of a study is posted, not only when it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access import reasons
from access.people import Clinician
from access.policy import Action, Permit, Policy, Refuse, decide
from ledger import shares

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from access.policy import Decision
    from access.rooms import RoomFacts
    from ledger.database import Database
    from ledger.outbox import Entry
    from ledger.shares import Share


class RoomGuard:
    """Policy against the room's facts of this moment."""

    def __init__(self, facts: Callable[[str], Awaitable[RoomFacts]], policy: Policy, ledger: Database) -> None:
        self._facts = facts
        self._policy = policy
        self._ledger = ledger

    async def __call__(self, entry: Entry) -> None:
        """Raise `Refused` when this entry may not be seen in its room any more.

        What belongs to a share is decided anew for its requester. An answer was just decided on, but may have waited
        for the server: the room must still be one for studies.
        """
        room = await self._facts(entry.room_id)
        share = await shares.get(self._ledger, entry.share_id) if entry.share_id is not None else None
        decision = self._of_share(share, room) if share else self._of_room(room)
        if not isinstance(decision, Permit):
            raise decision.error()

    def _of_share(self, share: Share, room: RoomFacts) -> Decision:
        return decide(Clinician(share.requested_by, ""), room, Action.SHARE, self._policy)

    def _of_room(self, room: RoomFacts) -> Decision:
        found = (
            *reasons.encryption(room),
            *reasons.openness(room),
            *reasons.foreigners(room, self._policy.welcomes),
            *reasons.devices(room),
        )
        return Refuse(tuple(reason.told("Not answered") for reason in found)) if found else Permit()

    def may_invite(self, inviter: str, room_id: str) -> bool:
        """Whether the bot follows this person's invitation: only people who may do something there."""
        return self._policy.welcomes(inviter) and bool(self._policy.grants(inviter, room_id))
