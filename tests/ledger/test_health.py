from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ledger import health
from ledger.trust import OPERATOR, Pins
from tests.ledger.test_secrecy import live_through_a_day

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.database import Database

#: Somebody who can write the file, and has not the key, tries to bend what the bot does next.
BENT = {
    "another wrote it": "UPDATE inbox SET sender = '@chief:x'",
    "an unauthenticated command made authentic": "UPDATE inbox SET authenticated = 1",
    "an old command made live": "UPDATE inbox SET live = 1 - live",
    "a message sent to another room": "UPDATE outbox SET room_id = '!evil:x'",
    "a message sent without the strict rule": "UPDATE outbox SET strict = 0",
    "another file in its place": "UPDATE attachments SET spool_name = '2.bin'",
    "another digest": "UPDATE attachments SET sha256 = zeroblob(32)",
    "a share in another room": "UPDATE shares SET room_id = '!evil:x'",
    "a share of another study": "UPDATE shares SET study_instance_uid = '9.9'",
    "a share by another person": "UPDATE shares SET requested_by = '@chief:x'",
    "another identity pinned": "UPDATE pins SET sealed_master_key = zeroblob(60)",
    "an identity forgotten": "DELETE FROM pins",
    "an identity that nobody compared": "UPDATE pins SET sealed_proof = zeroblob(60)",
    "another identity to be confirmed": "UPDATE pins SET sealed_stated = sealed_master_key, stated_at = 0",
    "an audit record of another time": "PRAGMA ignore_check_constraints = ON; DROP TRIGGER audit_never_changes; "
    "UPDATE audit SET at = 0 WHERE seq = 1",
}


async def found(db: Database) -> list[str]:
    return [problem async for problem in health.problems(db)]


async def test_a_healthy_ledger_has_no_problems(db: Database) -> None:
    assert await found(db) == []
    await live_through_a_day(db)
    assert await found(db) == []


@pytest.mark.parametrize("how", BENT)
async def test_a_bent_row_is_found(db: Database, path: Path, how: str) -> None:
    await live_through_a_day(db)
    await Pins(db).met("@anna:x", "key")
    await Pins(db).verified("@anna:x", "key", OPERATOR)
    with closing(sqlite3.connect(path, isolation_level=None)) as attacker:
        attacker.executescript(BENT[how])
    assert await found(db)
