from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ledger import audit, shares, views
from ledger.audit import AuditKind
from ledger.views import WantedView

if TYPE_CHECKING:
    from ledger.database import Database

WISH = {"series": 3, "window": "bone", "levels": None}


async def opened(db: Database) -> WantedView:
    async with db.transaction() as tx:
        share = await shares.open_share(
            tx, room_id="!r:x", requested_by="@a:x", command_event_id="$c", study_instance_uid="1.2", source="s"
        )
    return WantedView("$v", share.id, "!r:x", "@b:x", "PHONE", WISH, frozenset({"@a:x", "@b:x"}))


async def wanted(db: Database, view: WantedView) -> bool:
    async with db.transaction() as tx:
        return await views.want(tx, view)


async def answered(db: Database, view: WantedView, *, shown: bool) -> bool:
    async with db.transaction() as tx:
        return await views.answered(tx, view, shown=shown)


async def test_a_wish_is_kept_once_and_comes_back_as_it_was(db: Database) -> None:
    view = await opened(db)
    assert await wanted(db, view)
    assert not await wanted(db, replace(view, wish={}))
    [kept] = await views.wanted(db)
    assert replace(kept, created_at=0.0) == view
    assert (await views.waiting(db, "@b:x"), await views.waiting(db, "@a:x")) == (1, 0)


async def test_an_answer_is_given_once_and_a_picture_is_audited(db: Database) -> None:
    view = await opened(db)
    await wanted(db, view)
    assert await answered(db, view, shown=True)
    assert not await answered(db, view, shown=True)
    assert await views.wanted(db) == []
    [seen] = [one.event for one in await audit.records(db) if one.event.kind is AuditKind.INSTANCES_ACCESSED]
    assert (seen.who, seen.share_id, seen.study_instance_uid, seen.device_id) == ("@b:x", view.share_id, "1.2", "PHONE")


async def test_words_instead_of_a_picture_are_no_access(db: Database) -> None:
    view = await opened(db)
    await wanted(db, view)
    assert await answered(db, view, shown=False)
    assert AuditKind.INSTANCES_ACCESSED not in {one.event.kind for one in await audit.records(db)}


async def test_what_was_asked_for_does_not_stay(db: Database) -> None:
    view = await opened(db)
    await wanted(db, view)
    await answered(db, view, shown=True)
    row = await db.row("SELECT sealed_wish, sealed_audience FROM views")
    assert row is not None
    assert tuple(row) == (None, None)
