from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from config.errors import Bug
from ledger import audit, notes, shares
from ledger.notes import KeptNote
from ledger.states import ShareState

if TYPE_CHECKING:
    from ledger.database import Database
    from ledger.shares import Share

ROOM, ANNA, BEN = "!r:x", "@a:x", "@b:x"


async def opened(db: Database, command: str = "$c") -> Share:
    async with db.transaction() as tx:
        return await shares.open_share(
            tx, room_id=ROOM, requested_by=ANNA, command_event_id=command, study_instance_uid="1.2", source="s"
        )


async def delivered(db: Database, share: Share) -> None:
    async with db.transaction() as tx:
        for state in (ShareState.PREVIEWING, ShareState.DELIVERING, ShareState.DELIVERED):
            share = await shares.move(tx, share, state)


async def write(db: Database, share: Share, event: str, text: str = "no pulse") -> KeptNote:
    note = KeptNote(event, share.id, ROOM, BEN, "Ben", text, frozenset({ANNA, BEN}))
    async with db.transaction() as tx:
        await notes.write(tx, share, note, device_id="PHONE")
    return note


async def test_a_note_is_kept_once_and_comes_back_as_it_was(db: Database) -> None:
    share = await opened(db)
    note = await write(db, share, "$1")
    await write(db, share, "$1", "something else")
    [kept] = await notes.waiting(db, share.id)
    assert replace(kept, created_at=0.0) == note
    [written] = [one.event for one in await audit.records(db) if "note" in one.event.detail]
    assert (written.who, written.device_id, written.share_id) == (BEN, "PHONE", share.id)


async def test_what_was_taken_stays_taken_and_what_comes_later_waits(db: Database) -> None:
    share = await opened(db)
    await write(db, share, "$1")
    async with db.transaction() as tx:
        await notes.take(tx, share.id)
    await write(db, share, "$2")
    assert [one.event_id for one in await notes.taken(db, share.id)] == ["$1"]
    assert [one.event_id for one in await notes.waiting(db, share.id)] == ["$2"]
    assert await notes.late(db) == []  # the share goes first
    await delivered(db, share)
    assert await notes.late(db) == [share.id]


async def test_documents_are_numbered_and_what_was_put_is_forgotten(db: Database) -> None:
    share = await opened(db)
    assert await notes.next_document(db, share.id) == 1
    await delivered(db, share)
    for number in (1, 2):
        await write(db, share, f"${number}")
        document = await notes.next_document(db, share.id)
        assert document == number
        async with db.transaction() as tx:
            await notes.put(tx, share, await notes.waiting(db, share.id), document)
    assert await notes.late(db) == []
    assert await db.row("SELECT 1 FROM notes WHERE sealed_note IS NOT NULL OR sealed_audience IS NOT NULL") is None


@pytest.mark.parametrize("left", [["$2"], []])
async def test_a_share_that_ends_forgets_what_was_sent_and_one_that_is_stopped_everything(
    db: Database, left: list[str]
) -> None:
    share = await opened(db)
    await write(db, share, "$1")
    async with db.transaction() as tx:
        await notes.take(tx, share.id)
    await write(db, share, "$2")
    async with db.transaction() as tx:
        await notes.forget(tx, share.id, waiting=not left)
    assert await notes.taken(db, share.id) == []
    assert [one.event_id for one in await notes.waiting(db, share.id)] == left


async def test_a_note_copied_to_another_share_does_not_open(db: Database) -> None:
    """Threat: somebody with the file, and without the key, moves a note to another patient's share."""
    first, second = await opened(db), await opened(db, "$d")
    await write(db, first, "$1")
    async with db.transaction() as tx:
        await tx.rows("UPDATE notes SET share_id = ?", second.id)
    with pytest.raises(Bug, match="does not belong"):
        await notes.waiting(db, second.id)
