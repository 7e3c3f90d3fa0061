"""Rooms into which somebody asked us, and what became of it.

invited -> joined -> greeted | left
invited -> declined | lost
expecting (a room that we made: its requester has yet to come) -> joined | lost
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ledger import audit

if TYPE_CHECKING:
    import sqlite3

    from ledger.database import Columns, Reading, Transaction

#: Seconds for which a finished invitation is remembered.
REMEMBERED = 30 * 86_400


class InvitationState(StrEnum):
    """How far we have come with it."""

    INVITED = "invited"
    EXPECTING = "expecting"
    JOINED = "joined"
    GREETED = "greeted"
    LEFT = "left"
    DECLINED = "declined"
    LOST = "lost"

    @property
    def finished(self) -> bool:
        """Nothing is to be done any more."""
        return not MOVES[self]


MOVES: dict[InvitationState, frozenset[InvitationState]] = {
    InvitationState.INVITED: frozenset({InvitationState.JOINED, InvitationState.DECLINED, InvitationState.LOST}),
    InvitationState.EXPECTING: frozenset({InvitationState.JOINED, InvitationState.LOST}),
    InvitationState.JOINED: frozenset({InvitationState.GREETED, InvitationState.LEFT}),
    InvitationState.GREETED: frozenset(),
    InvitationState.LEFT: frozenset(),
    InvitationState.DECLINED: frozenset(),
    InvitationState.LOST: frozenset(),
}
#: What an auditor wants to know of rooms of others' making.
AUDITED = {InvitationState.JOINED: "came into the room", InvitationState.LEFT: "left the room: not fit for studies"}
_OPEN = "state IN ('invited', 'expecting', 'joined')"


@dataclass(frozen=True, slots=True)
class Invitation:
    """One invitation. `inviter` is the server's word: it opens a door, and authorises nothing behind it."""

    room_id: str
    inviter: str
    is_direct: bool = False
    #: Of the invitation; "" when the server does not say.
    event_id: str = ""
    #: We made this room, for the inviter.
    ours: bool = False
    state: InvitationState = InvitationState.INVITED
    #: Set by the ledger.
    id: int = 0
    attempts: int = 0


async def keep(tx: Transaction, invitation: Invitation) -> bool:
    """Keep an invitation. False when it is known; of an open one, the newest inviter counts."""
    row: Columns = {
        "room_id": invitation.room_id,
        "inviter": invitation.inviter,
        "event_id": invitation.event_id,
        "is_direct": int(invitation.is_direct),
        "ours": int(invitation.ours),
        "state": invitation.state.value,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    await tx.rows(f"DELETE FROM invitations WHERE updated_at < ? AND NOT {_OPEN}", tx.now - REMEMBERED)  # noqa: S608
    if await tx.insert("invitations", row) is not None:
        return True
    await tx.rows(
        "UPDATE invitations SET inviter = ?, is_direct = ? WHERE room_id = ? AND state = 'invited'",
        invitation.inviter,
        int(invitation.is_direct),
        invitation.room_id,
    )
    return False


async def unanswered(db: Reading, limit: int = 1000) -> list[Invitation]:
    """What waits for us, what failed least often first, then the oldest."""
    rows = await db.rows(f"SELECT * FROM invitations WHERE {_OPEN} ORDER BY attempts, id LIMIT ?", limit)  # noqa: S608
    return [_invitation(row) for row in rows]


async def get(db: Reading, invitation_id: int) -> Invitation | None:
    """One invitation as it stands now."""
    row = await db.row("SELECT * FROM invitations WHERE id = ?", invitation_id)
    return _invitation(row) if row else None


async def move(tx: Transaction, invitation: Invitation, there: InvitationState) -> bool:
    """Go on from the state that the caller saw. False, and nothing changes, when it is in that state no more.

    Where we came in, and where we left again, is audited.
    """
    if there not in MOVES[invitation.state]:
        return False
    moved = await tx.rows(
        "UPDATE invitations SET state = ?, attempts = 0, updated_at = ? WHERE id = ? AND state = ? RETURNING 1",
        there.value,
        tx.now,
        invitation.id,
        invitation.state.value,
    )
    if moved and there in AUDITED and not invitation.ours:
        await audit.record(tx, _event(invitation, there))
    return bool(moved)


async def attempted(tx: Transaction, invitation: Invitation) -> None:
    """Count one try that came to nothing."""
    await tx.rows("UPDATE invitations SET attempts = attempts + 1 WHERE id = ?", invitation.id)


def _event(invitation: Invitation, there: InvitationState) -> audit.AuditEvent:
    return audit.AuditEvent(
        audit.AuditKind.APPLICATION_ACTIVITY,
        who=invitation.inviter,
        room_id=invitation.room_id,
        detail=AUDITED[there],
    )


def _invitation(row: sqlite3.Row) -> Invitation:
    return Invitation(
        room_id=row["room_id"],
        inviter=row["inviter"],
        is_direct=bool(row["is_direct"]),
        event_id=row["event_id"],
        ours=bool(row["ours"]),
        state=InvitationState(row["state"]),
        id=row["id"],
        attempts=row["attempts"],
    )
