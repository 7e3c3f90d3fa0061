"""Threat: a stolen state directory. Nothing about a patient is readable in it without the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import audit, finds, inbox, notes, outbox, shares
from ledger.inbox import InboxMessage
from ledger.notes import KeptNote
from ledger.outbox import Attachment, Entry
from ledger.states import ShareState

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.database import Database

PLANTED = {
    "body": "Wensleydale-body",
    "note": "Wensleydale-note",
    "plan": "Wensleydale-plan",
    "content": "Wensleydale-content",
    "item": "Wensleydale-item",
    "patient": "Wensleydale-patient",
    "detail": "Wensleydale-detail",
    "key": "Wensleydale-key-of-32-bytes-here",
}


async def live_through_a_day(db: Database) -> None:
    message = InboxMessage("$c", "!a:x", "@anna:x", "DEV", "Anna", PLANTED["body"], "m.text", 1, "s", 0)
    await inbox.receive(db, [message], "token-in-the-clear")
    async with db.transaction() as tx:
        share = await shares.open_share(
            tx,
            room_id="!a:x",
            requested_by="@anna:x",
            command_event_id="$c",
            study_instance_uid="1.2.3",
            source="radiology",
            plan={"name": PLANTED["plan"]},
            patient=PLANTED["patient"],
        )
        note = KeptNote("$c", share.id, "!a:x", "@anna:x", "Anna", PLANTED["note"], frozenset())
        assert await notes.write(tx, share, note)
        file = Attachment("file", "1.bin", PLANTED["key"].encode(), b"i" * 16, b"s" * 32, 5, "image/jpeg")
        content = {"body": PLANTED["content"]}
        entry = Entry("t1", "!a:x", "preview 1", "m.room.message", content, share.id, attachments=(file,))
        await outbox.enqueue(tx, entry)
        await finds.remember(tx, "!a:x", "@anna:x", [{"patient": PLANTED["item"]}])
        await shares.move(tx, share, ShareState.PREVIEWING, PLANTED["detail"])
        await audit.record(tx, audit.AuditEvent(audit.AuditKind.QUERY, patient=PLANTED["patient"]))


def found_in(directory: Path) -> set[str]:
    everything = b"".join(file.read_bytes() for file in directory.iterdir())
    assert b"token-in-the-clear" in everything, "the search looks in the right place"
    return {name for name, text in PLANTED.items() if text.encode() in everything}


async def test_nothing_planted_is_readable_in_the_files_while_it_runs(db: Database, path: Path) -> None:
    await live_through_a_day(db)
    assert {file.name for file in path.parent.iterdir()} == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert found_in(path.parent) == set()


async def test_nothing_planted_is_readable_in_the_file_after_a_stop(db: Database, path: Path) -> None:
    await live_through_a_day(db)
    await db.close()
    assert found_in(path.parent) == set()
