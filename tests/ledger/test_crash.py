"""`kill -9` in the middle of the work: what was committed is there, whole; what was not never happened."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ledger import audit, inbox, shares
from ledger.database import Database
from ledger.states import ShareState

if TYPE_CHECKING:
    from config.state import FieldCipher

ROOT = Path(__file__).parents[2]
WORKER = """
import asyncio, sys
from pathlib import Path
from config.state import FieldCipher
from ledger import inbox, outbox, shares
from ledger.database import Database
from ledger.inbox import InboxMessage
from ledger.states import ShareState as S

async def walk(db, number):
    event = f"$command-{number}"
    await inbox.receive(db, [InboxMessage(event, "!a:x", "@a:x", "D", "A", "!share", "m.text", 1, "s", number)], event)
    async with db.transaction() as tx:
        share = await shares.open_share(tx, room_id="!a:x", requested_by="@a:x", command_event_id=event,
                                        study_instance_uid="1.2.3", source="radiology", plan={"n": "n" * 500})
        await inbox.handled(tx, event)
    for state in (S.PREVIEWING, S.DELIVERING, S.DELIVERED):
        async with db.transaction() as tx:
            share = await shares.move(tx, share, state)
            entry = outbox.Entry(outbox.transaction_id(share.origin, state), "!a:x", state, "m.room.message",
                                 {"body": "x" * 2000}, share.id)
            assert await outbox.enqueue(tx, entry)
    print(number, flush=True)

async def main(path):
    db = await Database.open(path, FieldCipher(bytes(range(32))))
    token = await inbox.sync_token(db)
    number = int(token.rpartition("-")[2]) + 1 if token else 0
    print("ready", flush=True)
    while True:
        await walk(db, number)
        number += 1

asyncio.run(main(Path(sys.argv[1])))
"""


async def run_and_kill(path: Path, seconds: float) -> int | None:
    """Let the worker walk shares for so long, kill it, and return the number of the last share that it called done."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, str(path), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"ready\n"
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(worker.wait(), seconds)
    os.kill(worker.pid, signal.SIGKILL)
    numbers = (await worker.stdout.read()).split()
    assert await worker.wait() == -signal.SIGKILL
    return int(numbers[-1]) if numbers else None


async def check(db: Database, told: int | None) -> None:
    """All that the worker called done is there, and each share agrees with its messages and its trail."""
    trail = {one.event.share_id: one.event.detail for one in await audit.records(db, limit=100_000)}
    every = await shares.in_room(db, "!a:x", limit=100_000)
    done = [share for share in every if share.state is ShareState.DELIVERED]
    assert told is None or f"$command-{told}" in {share.command_event_id for share in done}
    order = [ShareState.OPENED, ShareState.PREVIEWING, ShareState.DELIVERING, ShareState.DELIVERED]
    for share in every:
        assert trail[share.id].endswith(share.state)
        assert await shares.steps_kept(db, share.id) == set(order[1 : order.index(share.state) + 1])
    assert await audit.verify(db) == []
    assert await commands_kept(db) == await inbox.sync_token(db)


async def commands_kept(db: Database) -> str | None:
    """The worker's token is the newest command's event id: the two must have come together."""
    row = await db.row("SELECT event_id FROM inbox ORDER BY seq DESC LIMIT 1")
    return row["event_id"] if row else None


async def test_kill_at_any_moment_loses_and_halves_nothing(path: Path, cipher: FieldCipher) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    for _ in range(12):
        told = await run_and_kill(path, chance.uniform(0.0, 0.15))
        database = await Database.open(path, cipher)
        await check(database, told)
        await database.close()


@pytest.mark.parametrize("cut", [1, 24, 32, 1000, 4096, 9000])
async def test_a_torn_log_after_a_power_cut_is_a_shorter_history_never_a_broken_one(
    path: Path, cipher: FieldCipher, cut: int
) -> None:
    """A power cut may leave the end of the write-ahead log unwritten: the last commits go, the others stay whole."""
    await run_and_kill(path, 0.05)
    log = path.with_name("ledger.db-wal")
    assert log.stat().st_size < 1000 * 4096, "nothing of it was moved into the database yet"
    os.truncate(log, max(0, log.stat().st_size - cut))
    database = await Database.open(path, cipher)
    await check(database, None)
    await database.close()
