"""`!share study [what]`: send a study into this room, previews first, then the DICOM files.

Exactly one match is shared; several are listed and asked about, never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit import describe, lists
from commands.kit.context import Context, Outcome
from commands.kit.parser import Choice, parse
from commands.kit.registry import NO_WORDS, Words, command
from commands.kit.reply import Reply
from ledger import shares
from studies.query import parse_query
from studies.sources.everywhere import Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.database import Transaction
    from ledger.finds import FoundList

What = Annotated[Words, "a number from your list, or what you would type after !find; nothing for the latest"]


@command(
    "share",
    noun="study",
    action=Action.SHARE,
    examples=("!share study", "!share study 999 000 0018", "!share study 2"),
)
async def share(context: Context, what: What = NO_WORDS) -> Outcome:
    """Share a study in this room."""
    kept = await lists.recalled(context)
    if numbers := _numbers(what):
        return await of_list(context, lists.needed(kept), numbers)
    if not what and kept:
        found = [await _looked_up(context, item) for item in kept.items]
        return await _one_or_ask(context, found)
    findings = await lists.found(context, parse_query(what))
    notes = lists.away(findings)
    if not findings.found:
        return Outcome((Reply("none", _nothing(what, notes), strict=False),), (lists.queried(context),))
    outcome = await _one_or_ask(context, findings.found, notes)
    return Outcome(outcome.replies, (lists.queried(context), *outcome.effects))


async def of_list(context: Context, kept: FoundList, numbers: Sequence[int]) -> Outcome:
    """Share the items of these numbers, each as a share of its own."""
    found = [await _looked_up(context, item) for item in lists.chosen(kept, numbers)]
    return Outcome(effects=(*(_opened(context, one) for one in found), lists.forgotten(context)))


def _numbers(what: str) -> tuple[int, ...]:
    """Short numbers mean the list and nothing else: a patient ID "2" must not be shared for a number of an old list."""
    chosen = parse(what)
    return chosen.numbers if isinstance(chosen, Choice) else ()


async def _looked_up(context: Context, item: object) -> Found:
    kept = dict(item)  # type: ignore[call-overload]
    study = await context.sources.named(kept["source"]).study(kept["uid"])
    return Found(study, kept["source"])


async def _one_or_ask(context: Context, found: Sequence[Found], notes: Sequence[str] = ()) -> Outcome:
    if len(found) == 1 and not notes:
        whole = await _looked_up(context, {"source": found[0].source, "uid": found[0].study.study_instance_uid})
        return Outcome(effects=(_opened(context, whole), lists.forgotten(context)))
    how = "Type a number to share it here, or several: 1, 2"
    text = "\n".join([_why_asked(found), describe.numbered(found), how, *notes])
    asked = lists.remembered(context, found, kind="question")
    return Outcome((Reply("which", text),), (asked,))


def _why_asked(found: Sequence[Found]) -> str:
    if len(found) == 1:
        return "One study found, but not every source answers: there may be others. I will not guess."
    patients = {one.study.patient.key for one in found}
    return f"{len(found)} studies of {describe.count(len(patients), 'patient')} match. I will not guess."


def _nothing(what: str, notes: Sequence[str]) -> str:
    if what:
        sentence = "No study found. Check the number, or search by family name and birth date. [Q20]"
    else:
        sentence = "There is no study to share. Type what you look for: !share study 999 000 0018 [Q20]"
    return "\n".join([sentence, *notes])


def _opened(context: Context, found: Found) -> lists.Effect:
    study = found.study

    async def effect(tx: Transaction) -> Sequence[Reply]:
        opened = await shares.open_share(
            tx,
            room_id=context.room.room_id,
            requested_by=context.clinician.user_id,
            device_id=context.clinician.device_id,
            command_event_id=context.event_id,
            study_instance_uid=study.study_instance_uid,
            source=found.source,
            audience=context.room.audience,
            patient="|".join(study.patient.key),
        )
        return (Reply(f"opened {opened.id}", f"Share {opened.id}: {describe.full(study)}"),)

    return effect
