"""In-memory twins of what bot/matrix keeps in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from config.errors import TryLater
from ledger.trust import Pin

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.matrix.events import Invitation
    from bot.matrix.sync import Message, SyncBatch, Undecryptable


#: The twin's clock stands still.
NOW = 1_800_000_000.0


@dataclass
class MemoryPins:
    """Pins as the ledger keeps them: the first key stays until somebody compared another one."""

    kept: dict[str, Pin] = field(default_factory=dict)

    async def of(self, users: Collection[str]) -> dict[str, Pin]:
        return {user: self.kept[user] for user in users if user in self.kept}

    async def met(self, user_id: str, stated: str) -> Pin | None:
        pin = self.kept.get(user_id) or (Pin(user_id, stated, NOW) if stated else None)
        if pin is not None and pin.stated != stated:
            changed = None if stated == pin.master_key else stated
            pin = replace(pin, changed_to=changed, changed_at=0.0 if changed is None else NOW, told=False)
        return self._keep(pin)

    async def verified(self, user_id: str, master_key: str, how: str, *, by: str = "") -> None:  # noqa: ARG002
        before = self.kept.get(user_id) or Pin(user_id, master_key, NOW)
        changed = None if before.stated == master_key else before.stated
        self._keep(Pin(user_id, master_key, NOW, how, NOW, changed, 0.0 if changed is None else NOW))

    def _keep(self, pin: Pin | None) -> Pin | None:
        if pin is not None:
            self.kept[pin.user_id] = pin
        return pin


@dataclass
class MemoryInbox:
    """The inbox as the ledger keeps it: each event once, the token with its messages."""

    token: str | None = None
    messages: list[Message] = field(default_factory=list)
    undecryptable: list[Undecryptable] = field(default_factory=list)
    invitations: list[Invitation] = field(default_factory=list)
    broken: bool = False
    #: As many of the next batches are refused for now.
    away: int = 0

    async def receive(self, batch: SyncBatch) -> None:
        if self.away:
            self.away -= 1
            raise TryLater("The inbox is away.", "T00")
        if self.broken:
            raise RuntimeError("the inbox is broken")
        known = {message.event_id for message in self.messages}
        self.messages += [message for message in batch.messages if message.event_id not in known]
        self.undecryptable += batch.undecryptable
        self.invitations += batch.invitations
        self.token = batch.token

    async def sync_token(self) -> str | None:
        return self.token

    @property
    def bodies(self) -> list[str]:
        return [message.body for message in self.messages if message.live]
