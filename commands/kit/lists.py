"""A person's last list in a room: kept in the ledger, so that a number means the same after a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from commands.kit.reply import Reply
from config.errors import Mistake
from ledger import audit, finds
from ledger.database import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from commands.kit.context import Context
    from ledger.database import Reading
    from studies.model import StudyQuery
    from studies.sources.everywhere import Findings, Found

#: Studies shown at most.
MOST = 10
#: Of people found by name, at most so many, so that nobody browses.
MOST_BY_NAME = 5

Effect = Callable[[Transaction], Awaitable[Sequence[Reply]]]


class NoSuchNumber(Mistake):
    """The number is not on the list."""


class NoList(Mistake):
    """A number, and no list that it could be from."""


async def found(context: Context, query: StudyQuery) -> Findings:
    """All sources, asked for as many as may be shown. Raises the errors of `studies.errors`."""
    return await context.sources.find(query, limit=MOST_BY_NAME if query.family_name else MOST)


def remembered(context: Context, found: Sequence[Found]) -> Effect:
    """Keep these in place of the last list; an empty list takes the old numbers' meaning away."""
    return asked(context, [item(one) for one in found], kind="find")


def item(found: Found, **how: Any) -> dict[str, Any]:
    """One study on a list, and how it would be shared."""
    return {"uid": found.study.study_instance_uid, "source": found.source, **how}


def asked(context: Context, items: Sequence[Mapping[str, Any]], *, kind: finds.Kind = "question") -> Effect:
    """Keep what was asked in place of the last list."""

    async def effect(tx: Transaction) -> Sequence[Reply]:
        await finds.remember(tx, context.room.room_id, context.clinician.user_id, items, kind=kind, command="share")
        return ()

    return effect


def forgotten(context: Context) -> Effect:
    """The question is answered."""

    async def effect(tx: Transaction) -> Sequence[Reply]:
        await finds.forget(tx, context.room.room_id, context.clinician.user_id)
        return ()

    return effect


async def recalled(context: Context) -> finds.FoundList | None:
    """The list of the last quarter of an hour; None when there is none or it was empty."""
    return await recalled_by(context.ledger, context.room.room_id, context.clinician.user_id, context.now)


async def recalled_by(ledger: Reading, room_id: str, person: str, now: float) -> finds.FoundList | None:
    """The same, before it is known whether this is a command at all: a bare number is one only where it was asked."""
    kept = await finds.recall(ledger, room_id, person, now)
    return kept if kept and kept.items else None


def needed(kept: finds.FoundList | None) -> finds.FoundList:
    """The list. Raises `NoList` when there is none any more."""
    if kept is None:
        raise NoList(
            "You have no list here any more that this number could be from. Look again with !find; "
            "for an accession number or patient ID that short write acc: or id: before it.",
            "T06",
        )
    return kept


def chosen(kept: finds.FoundList, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    """The items of these numbers. Raises `NoSuchNumber`, and then nothing is shared."""
    for number in numbers:
        if not 1 <= number <= len(kept.items):
            raise NoSuchNumber(f"{number} is not on the list: it goes from 1 to {len(kept.items)}.", "T05")
    return [kept.items[number - 1] for number in numbers]


def away(findings: Findings) -> list[str]:
    """A line for each source that did not answer."""
    return [str(one) for one in findings.away]


def queried(context: Context) -> Effect:
    """Audit that this person searched (DICOM PS3.15 A.5.3.10); what for is not kept."""
    event = audit.AuditEvent(
        audit.AuditKind.QUERY,
        who=context.clinician.user_id,
        device_id=context.clinician.device_id,
        room_id=context.room.room_id,
    )

    async def effect(tx: Transaction) -> Sequence[Reply]:
        await audit.record(tx, event)
        return ()

    return effect
