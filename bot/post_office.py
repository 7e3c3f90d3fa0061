"""What sync hands over, into the ledger: messages, invitations and the token in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import inbox
from ledger.inbox import InboxMessage
from ledger.invitations import Invitation

if TYPE_CHECKING:
    from bot.matrix.events import Message, SyncBatch, Undecryptable
    from ledger.database import Database


#: In place of a msgtype: it stayed encrypted.
UNREADABLE = "m.room.encrypted"


class Inbox:
    """The ledger as `bot.matrix` sees it."""

    def __init__(self, ledger: Database) -> None:
        self._ledger = ledger

    async def sync_token(self) -> str | None:
        """Where to go on."""
        return await inbox.sync_token(self._ledger)

    async def receive(self, batch: SyncBatch) -> None:
        """Keep all messages, what stayed unreadable among them, the invitations, and then the token."""
        unreadable = [_unreadable(one) for one in batch.undecryptable]
        invited = [Invitation(one.room_id, one.inviter, one.is_direct, one.event_id) for one in batch.invitations]
        await inbox.receive(self._ledger, [*map(_kept, batch.messages), *unreadable], batch.token, invited)


def _kept(message: Message) -> InboxMessage:
    who = message.clinician
    return InboxMessage(
        event_id=message.event_id,
        room_id=message.room_id,
        sender=message.sender,
        device_id=who.device_id if who else "",
        display_name=who.display_name if who else "",
        body=message.body,
        msgtype=message.msgtype,
        server_ts=message.server_ts,
        session_id=message.session_id,
        message_index=message.message_index,
        authenticated=who is not None,
        why_not=message.why_not,
        live=message.live,
    )


def _unreadable(one: Undecryptable) -> InboxMessage:
    return InboxMessage(
        event_id=one.event_id,
        room_id=one.room_id,
        sender=one.sender,
        device_id="",
        display_name="",
        body="",
        msgtype=UNREADABLE,
        server_ts=one.server_ts,
        why_not=one.why,
    )
