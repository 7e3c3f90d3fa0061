"""`!find <what>`: which studies there are, as a numbered list that a number shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit import describe, lists
from commands.kit.context import Context, Outcome
from commands.kit.registry import Words, command
from commands.kit.reply import Reply
from studies.query import parse_query

if TYPE_CHECKING:
    from studies.sources.everywhere import Findings

What = Annotated[Words, "an accession number, NHS number, patient ID, study UID, or a family name with the birth date"]


@command("find", action=Action.FIND, examples=("!find 999 000 0018", "!find Brown 12/04/1963"))
async def find(context: Context, what: What) -> Outcome:
    """List the studies of a patient."""
    findings = await lists.found(context, parse_query(what))
    return Outcome(
        (Reply("found", _text(findings)),), (lists.remembered(context, findings.found), lists.queried(context))
    )


def _text(findings: Findings) -> str:
    if not findings.found:
        return "\n".join(
            [
                "No study found. Check the number, or search by family name and birth date. [Q20]",
                *lists.away(findings),
            ]
        )
    lines = [describe.numbered(findings.found), "To share one here, type its number, or several: 1, 2"]
    return "\n".join([*lines, *lists.away(findings)])
