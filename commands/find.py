"""`!find <what>`: which studies there are, as a numbered list that a number shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit import describe, lists
from commands.kit.context import Context, Outcome
from commands.kit.registry import Words, command
from commands.kit.reply import Reply
from ledger import audit
from studies.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.database import Transaction
    from studies.sources.everywhere import Findings

#: Studies shown at most.
MOST = 10
#: Of people found by name, at most so many, so that nobody browses.
MOST_BY_NAME = 5

What = Annotated[Words, "an accession number, NHS number, patient ID, study UID, or a family name with the birth date"]


@command("find", action=Action.FIND, examples=("!find 999 000 0018", "!find Brown 12/04/1963"))
async def find(context: Context, what: What) -> Outcome:
    """List the studies of a patient."""
    query = parse_query(what)
    findings = await context.sources.find(query, limit=MOST_BY_NAME if query.family_name else MOST)
    return Outcome((Reply("found", _text(findings)),), (lists.remembered(context, findings.found), _audited(context)))


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


def _audited(context: Context) -> lists.Effect:
    async def effect(tx: Transaction) -> Sequence[Reply]:
        await audit.record(tx, lists.queried(context))
        return ()

    return effect
