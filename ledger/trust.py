"""Master keys of people's cross-signing identities: pinned at first sight, replaced only by somebody who compared them.

What a person's server states in place of the pinned key is kept beside it, for the operator who has to decide.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger import audit
from ledger.database import bound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from ledger.database import Columns, Database, Reading, Transaction

#: How a pinned key was compared.
EMOJI, OPERATOR = "emoji", "operator"
#: The audit record of a first sight, by which a pin that is gone is missed.
MET = audit.Action.CREATE


@dataclass(frozen=True, slots=True)
class Pin:
    """One person's identity. Keys in unpadded base64, times in Unix seconds."""

    user_id: str
    #: "" when the pin was lost: then whatever is stated is a change.
    master_key: str
    pinned_at: float
    #: "emoji" or "operator"; "" as long as it was only met.
    how: str = ""
    compared_at: float = 0.0
    #: What is stated in its place: another key, "" for none at all; None when the pinned one is stated.
    changed_to: str | None = None
    changed_at: float = 0.0
    told: bool = False

    @property
    def verified(self) -> bool:
        """Whether a human compared it."""
        return bool(self.how)

    @property
    def stated(self) -> str:
        """The key that their server stated last."""
        return self.master_key if self.changed_to is None else self.changed_to


@dataclass(frozen=True, slots=True)
class Pins:
    """Which identity each person has, as far as we know (Matrix, cross-signing; trust on first use)."""

    db: Database

    async def of(self, users: Collection[str]) -> dict[str, Pin]:
        """The pins of those among these people whom we have met."""
        sql = "SELECT * FROM pins WHERE user_id IN (SELECT value FROM json_each(?))"
        return {row["user_id"]: _pin(self.db, row) for row in await self.db.rows(sql, json.dumps(list(users)))}

    async def pinned(self, user_id: str) -> Pin | None:
        """One person's pin, None for somebody never met."""
        return (await self.of([user_id])).get(user_id)

    async def everyone(self) -> list[Pin]:
        """All pins, by Matrix ID."""
        return [_pin(self.db, row) for row in await self.db.rows("SELECT * FROM pins ORDER BY user_id")]

    async def changed(self) -> list[Pin]:
        """Those whose pinned key is no longer the one that is stated."""
        return [_pin(self.db, row) for row in await self.db.rows("SELECT * FROM pins WHERE sealed_stated IS NOT NULL")]

    async def met(self, user_id: str, stated: str) -> Pin | None:
        """Take note of the master key that a proper answer states, "" for none; the pin as it is then.

        The first key of a person is pinned. Another one later changes nothing but `changed_to`.
        """
        pin = await self.pinned(user_id)
        if pin.stated == stated if pin else not stated:
            return pin
        async with self.db.transaction() as tx:
            await _note(tx, user_id, stated)
        return await self.pinned(user_id)

    async def verified(self, user_id: str, master_key: str, how: str, *, by: str = "") -> None:
        """Somebody compared this key: it is the pinned one now, whatever was before. Audited.

        `how` is `EMOJI` or `OPERATOR`; `by` says who, if the operating system knows.
        """
        async with self.db.transaction() as tx:
            before = await _read(tx, user_id)
            same = before is not None and before.master_key == master_key
            pinned_at = before.pinned_at if before and same else tx.now
            stated = before.stated if before else master_key
            await _write(tx, Pin(user_id, master_key, pinned_at, how, tx.now))
            await _state(tx, user_id, None if stated == master_key else stated)
            replaced = f" in place of {before.master_key or 'a lost one'}" if before and not same else ""
            told = f"identity {master_key} confirmed by {' '.join(filter(None, [how, by]))}{replaced}"
            action = audit.Action.UPDATE if before else MET
            await audit.record(tx, _alert(user_id, told, audit.Outcome.SUCCESS, action))


async def missing(db: Reading) -> int:
    """How many pins are gone that the audit trail knows of."""
    sql = (
        "SELECT count(DISTINCT who) FROM audit WHERE kind = ? AND action = ? AND who NOT IN (SELECT user_id FROM pins)"
    )
    (row,) = await db.rows(sql, audit.AuditKind.SECURITY_ALERT.value, MET.value)
    return int(row[0])


async def told(tx: Transaction, pin: Pin) -> None:
    """Everybody concerned was told of this change."""
    await tx.rows(
        "UPDATE pins SET told_at = ? WHERE user_id = ? AND stated_at = ?", tx.now, pin.user_id, pin.changed_at
    )


async def _note(tx: Transaction, user_id: str, stated: str) -> None:
    pin = await _read(tx, user_id)  # anew: another process may have been here
    if pin is None and await _met_before(tx, user_id):  # somebody took the pin out of the file
        await _write(tx, Pin(user_id, "", tx.now))
        await _state(tx, user_id, stated)
    elif pin is None:
        await _write(tx, Pin(user_id, stated, tx.now))
        await audit.record(tx, _alert(user_id, f"identity {stated} met", audit.Outcome.SUCCESS, MET))
    elif pin.master_key == stated:
        await _state(tx, user_id, None)
    elif pin.stated != stated:
        await _state(tx, user_id, stated)
        change = f"identity changed from {pin.master_key} to {stated or 'none'}"
        await audit.record(tx, _alert(user_id, change, audit.Outcome.SERIOUS_FAILURE))


async def _met_before(tx: Transaction, user_id: str) -> bool:
    """Whether the audit trail knows of a pin: what stands there is noticed when it goes."""
    sql = "SELECT 1 FROM audit WHERE who = ? AND kind = ? AND action = ? LIMIT 1"
    return await tx.row(sql, user_id, audit.AuditKind.SECURITY_ALERT.value, MET.value) is not None


async def _read(tx: Transaction, user_id: str) -> Pin | None:
    row = await tx.row("SELECT * FROM pins WHERE user_id = ?", user_id)
    return _pin(tx, row) if row else None


async def _write(tx: Transaction, pin: Pin) -> None:
    proof = [pin.master_key, pin.how, pin.compared_at]
    row: Columns = {
        "user_id": pin.user_id,
        "sealed_master_key": tx.seal(pin.master_key, _place(pin.user_id)),
        "pinned_at": pin.pinned_at,
        "sealed_proof": tx.seal_json(proof, _bound(pin.user_id, "proof")) if pin.how else None,
    }
    await tx.rows("DELETE FROM pins WHERE user_id = ?", pin.user_id)
    await tx.insert("pins", row)


async def _state(tx: Transaction, user_id: str, stated: str | None) -> None:
    sealed = None if stated is None else tx.seal(stated, _bound(user_id, "stated"))
    at = None if stated is None else tx.now
    sql = "UPDATE pins SET sealed_stated = ?, stated_at = ?, told_at = NULL WHERE user_id = ?"
    await tx.rows(sql, sealed, at, user_id)


def _pin(db: Reading, row: sqlite3.Row) -> Pin:
    user_id = row["user_id"]
    master_key = db.unseal(row["sealed_master_key"], _place(user_id))
    proof, stated = row["sealed_proof"], row["sealed_stated"]
    compared, how, at = db.unseal_json(proof, _bound(user_id, "proof")) if proof else (master_key, "", 0.0)
    return Pin(
        user_id=user_id,
        master_key=master_key,
        pinned_at=row["pinned_at"],
        how=how if compared == master_key else "",
        compared_at=at if compared == master_key else 0.0,
        changed_to=None if stated is None else db.unseal(stated, _bound(user_id, "stated")),
        changed_at=row["stated_at"] or 0.0,
        told=row["told_at"] is not None,
    )


def _alert(
    user_id: str, detail: str, outcome: audit.Outcome, action: audit.Action = audit.Action.UPDATE
) -> audit.AuditEvent:
    kind = audit.AuditKind.SECURITY_ALERT
    return audit.AuditEvent(kind, action=action, outcome=outcome, who=user_id, detail=detail)


def _place(user_id: str) -> str:
    return f"pins/{user_id}/master_key"


def _bound(user_id: str, column: str) -> str:
    return bound("pins", {"user_id": user_id}, ("user_id",), column)
