"""`!share study [what]`: send a study into this room, previews first, then the DICOM files.

Exactly one match is shared; several are listed and asked about, never guessed. So is what is large, with its size and
the time that it takes: a list is kept, so that a restart does not lose the question, and answered once.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from access.policy import Action
from commands.kit import describe, large, lists
from commands.kit.context import Context, Outcome
from commands.kit.noted import noted
from commands.kit.options import NOTHING_SAID, Asked, asked
from commands.kit.parser import Choice, parse
from commands.kit.picked import Picked, looked_up, picked, together
from commands.kit.registry import NO_WORDS, Words, command
from commands.kit.reply import Reply
from ledger import shares
from studies.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.database import Transaction
    from ledger.finds import FoundList
    from studies.sources.everywhere import Found

What = Annotated[
    Words,
    "a number from your list, or what you would type after !find; nothing for the latest. Then, if you like: series 3; "
    "thin or thick for the stacks of thin slices or all but these; key for the marked images; --as-stored; --pdi; "
    '--note "what your colleague shall know"',
]


@command(
    "share",
    noun="study",
    action=Action.SHARE,
    examples=(
        "!share study",
        "!share study 999 000 0018",
        "!share study 2 series 3",
        '!share study 2 key --note "no pulse at 10"',
    ),
)
async def share(context: Context, what: What = NO_WORDS) -> Outcome:
    """Share a study in this room."""
    said = asked(what)
    kept = await lists.recalled(context)
    if numbers := _numbers(said.what):
        return await of_list(context, lists.needed(kept), numbers, said)
    if not said.what and kept:
        found = [await looked_up(context, item) for item in _distinct(kept)]
        return await _one_or_ask(context, found, said)
    findings = await lists.found(context, parse_query(said.what))
    notes = lists.away(findings)
    if not findings.found:
        return Outcome((Reply("none", _nothing(said.what, notes), strict=False),), (lists.queried(context),))
    outcome = await _one_or_ask(context, findings.found, said, notes)
    return Outcome(outcome.replies, (lists.queried(context), *outcome.effects))


async def of_list(context: Context, kept: FoundList, numbers: Sequence[int], said: Asked = NOTHING_SAID) -> Outcome:
    """Share the items of these numbers, each as a share of its own."""
    chosen = together([await picked(context, item, said) for item in lists.chosen(kept, numbers)])
    return await _open_or_ask(context, chosen)


def _numbers(what: str) -> tuple[int, ...]:
    """Short numbers mean the list and nothing else: a patient ID "2" must not be shared for a number of an old list."""
    chosen = parse(what)
    return chosen.numbers if isinstance(chosen, Choice) else ()


def _distinct(kept: FoundList) -> list[Mapping[str, Any]]:
    """Each study once: a question about a large one lists several ways to send it."""
    return list({(one["source"], one["uid"]): one for one in kept.items}.values())


async def _one_or_ask(context: Context, found: Sequence[Found], said: Asked, notes: Sequence[str] = ()) -> Outcome:
    if len(found) == 1 and not notes:
        whole = await looked_up(context, lists.item(found[0]))
        return await _open_or_ask(context, [Picked(whole, said.options, said.note)])
    how = "Type a number to share it here, or several: 1, 2"
    text = "\n".join([_why_asked(found), describe.numbered(found), how, *notes])
    items = [lists.item(one, options=asdict(said.options), note=said.note) for one in found]
    return Outcome((Reply("which", text),), (lists.asked(context, items),))


async def _open_or_ask(context: Context, chosen: Sequence[Picked]) -> Outcome:
    if large.must_be_asked(chosen):
        return await large.question(context, chosen)
    return Outcome(effects=(*(_opened(context, one) for one in chosen), lists.forgotten(context)))


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


def _opened(context: Context, chosen: Picked) -> lists.Effect:
    study = chosen.study

    async def effect(tx: Transaction) -> Sequence[Reply]:
        opened = await shares.open_share(
            tx,
            room_id=context.room.room_id,
            requested_by=context.clinician.user_id,
            device_id=context.clinician.device_id,
            command_event_id=context.event_id,
            study_instance_uid=study.study_instance_uid,
            source=chosen.found.source,
            audience=context.room.audience,
            plan={"options": asdict(chosen.options), "agreed": chosen.agreed},
            patient="|".join(study.patient.key),
        )
        if chosen.note:
            await noted(tx, context, opened, chosen.note)
        return (Reply(f"opened {opened.id}", describe.headline(opened.id, study, chosen.options.words)),)

    return effect
