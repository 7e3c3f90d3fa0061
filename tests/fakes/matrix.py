"""In-memory twins of what bot/matrix keeps in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.errors import TryLater

if TYPE_CHECKING:
    from bot.matrix.sync import Message, SyncBatch, Undecryptable


@dataclass
class MemoryPins:
    """Pins as the ledger keeps them: the first key stays."""

    keys: dict[str, str] = field(default_factory=dict)

    async def pinned(self, user_id: str) -> str | None:
        return self.keys.get(user_id)

    async def pin(self, user_id: str, master_key: str) -> bool:
        return self.keys.setdefault(user_id, master_key) == master_key


@dataclass
class MemoryInbox:
    """The inbox as the ledger keeps it: each event once, the token with its messages."""

    token: str | None = None
    messages: list[Message] = field(default_factory=list)
    undecryptable: list[Undecryptable] = field(default_factory=list)
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
        self.token = batch.token

    async def sync_token(self) -> str | None:
        return self.token

    @property
    def bodies(self) -> list[str]:
        return [message.body for message in self.messages if message.live]
