"""One person's last list in one room: what "1" or "2" means there, for a quarter of an hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.database import Reading, Transaction

#: Seconds for which a number means something.
LIFETIME = 15 * 60

Kind = Literal["find", "question"]


@dataclass(frozen=True, slots=True)
class FoundList:
    """The numbered items as they were shown; item 1 is `items[0]`."""

    items: tuple[Mapping[str, Any], ...]
    kind: Kind
    #: The command that a number answers, like "share"; "" after a plain find.
    command: str
    #: Unix seconds.
    found_at: float


async def remember(
    tx: Transaction,
    room_id: str,
    person: str,
    items: Sequence[Mapping[str, Any]],
    *,
    kind: Kind = "find",
    command: str = "",
) -> None:
    """Keep this list in place of the person's last one here. Lists that nobody can use any more go."""
    sealed = tx.seal_json({"items": list(items), "kind": kind, "command": command}, _place(room_id, person))
    await tx.rows("DELETE FROM finds WHERE found_at < ?", tx.now - LIFETIME)
    await tx.rows("INSERT OR REPLACE INTO finds VALUES (?, ?, ?, ?)", room_id, person, sealed, tx.now)


async def recall(db: Reading, room_id: str, person: str, now: float) -> FoundList | None:
    """This person's last list in this room, if it is not older than `LIFETIME` at `now` (Unix seconds)."""
    row = await db.row(
        "SELECT * FROM finds WHERE room_id = ? AND person = ? AND found_at >= ?",
        room_id,
        person,
        now - LIFETIME,
    )
    if row is None:
        return None
    kept = db.unseal_json(row["sealed_list"], _place(room_id, person))
    return FoundList(tuple(kept["items"]), kept["kind"], kept["command"], row["found_at"])


async def forget(tx: Transaction, room_id: str, person: str) -> None:
    """The question is answered, or withdrawn."""
    await tx.rows("DELETE FROM finds WHERE room_id = ? AND person = ?", room_id, person)


def _place(room_id: str, person: str) -> str:
    return f"finds/{room_id} {person}/list"
