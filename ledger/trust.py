"""Master keys of people's cross-signing identities, pinned at first sight and never overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.database import Columns, Database


@dataclass(frozen=True, slots=True)
class Pins:
    """Which identity each person had when we first met them (Matrix, cross-signing; trust on first use)."""

    db: Database

    async def pinned(self, user_id: str) -> str | None:
        """The pinned master key (unpadded base64), or None for somebody never met."""
        row = await self.db.row("SELECT sealed_master_key FROM pins WHERE user_id = ?", user_id)
        return self.db.unseal(row["sealed_master_key"], _place(user_id)) if row else None

    async def everyone(self) -> dict[str, str]:
        """Each person's pinned key."""
        rows = await self.db.rows("SELECT user_id, sealed_master_key FROM pins ORDER BY user_id")
        return {row["user_id"]: self.db.unseal(row["sealed_master_key"], _place(row["user_id"])) for row in rows}

    async def pin(self, user_id: str, master_key: str) -> bool:
        """Pin a key. True when this key is the pinned one now, False when another one was pinned before: it stays."""
        async with self.db.transaction() as tx:
            row: Columns = {
                "user_id": user_id,
                "sealed_master_key": tx.seal(master_key, _place(user_id)),
                "pinned_at": tx.now,
            }
            await tx.insert("pins", row)
        return await self.pinned(user_id) == master_key


def _place(user_id: str) -> str:
    return f"pins/{user_id}/master_key"
