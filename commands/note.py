"""`!note [share] text`: what a colleague shall know travels with the share's study, as a document of the study.

Whoever may share here may write notes, to anybody's share: each says who wrote it. A note that comes when the files
are gone follows as a parcel of its own, so that it reaches the PACS at the other end as well as the room.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit import own
from commands.kit.context import Context, Outcome
from commands.kit.noted import noted
from commands.kit.options import LONGEST_NOTE
from commands.kit.registry import Lines, command
from commands.kit.reply import Reply
from config.errors import CarrierbagError, Mistake, NotAllowed
from ledger import notes, shares
from studies.identity import identity_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.database import Transaction
    from ledger.shares import Share

#: Notes of one share that wait to be sent.
MOST = 40
_NUMBERED = re.compile(r"(?:share\s+)?#?(\d{1,9})\b[:.,;]?(?:\s+(.*))?", re.DOTALL | re.IGNORECASE)

What = Annotated[Lines, "the share's number, and what your colleague shall know; it may have several lines"]


@command("note", action=Action.NOTE, examples=("!note 12 fell from a ladder at 9, no pulse in the foot",))
async def note(context: Context, what: What) -> Outcome:
    """Write a note that travels with a share's study."""
    number, text = _taken_apart(what)
    share = await own.share_here(context, number) if number else await _only(context)
    await _check(context, share, text)
    whose = await _whose(context, share)

    async def effect(tx: Transaction) -> Sequence[Reply]:
        now = await shares.get(tx, share.id) or share
        if now.state in own.STOPPED:
            return (Reply("refused", str(_stopped(now)), strict=False),)
        await noted(tx, context, now, text)
        return (Reply("noted", _said(now, whose)),)

    return Outcome(effects=(effect,))


def _taken_apart(what: str) -> tuple[int, str]:
    found = _NUMBERED.fullmatch(what)
    return (int(found[1]), (found[2] or "").strip()) if found else (0, what)


async def _only(context: Context) -> Share:
    none = Mistake("Nothing was shared in this room yet that a note could go with. Type !share study first.", "H30")
    how = "Not noted yet. Tell me for which share, like: !note {first} no pulse in the foot. The last ones here: {all}."
    return await own.only_share(context, none, Mistake(how, "H31"))


async def _check(context: Context, share: Share, text: str) -> None:
    if share.state in own.STOPPED:
        raise _stopped(share)
    if not text:
        raise Mistake(
            f"What shall the note say? Type it behind the number: !note {share.id} no pulse in the foot", "H32"
        )
    if len(text) > LONGEST_NOTE:
        raise Mistake(f"Not noted: a note has at most {LONGEST_NOTE} characters. Write it as several.", "H33")
    if len(await notes.waiting(context.ledger, share.id)) >= MOST:
        raise Mistake(f"Not noted: {MOST} notes wait to be sent already. Try again when they are here.", "H34")


def _stopped(share: Share) -> NotAllowed:
    return NotAllowed(f"Not noted: share {share.id} was stopped, and nothing more of it is sent.", "H35")


async def _whose(context: Context, share: Share) -> str:
    """Two identifiers of the patient, so that a slip of the number is seen at once; "" while the source is away."""
    with contextlib.suppress(CarrierbagError):
        study = await context.sources.named(share.source).study(share.study_instance_uid)
        return f" of {identity_line(study.patient)}"
    return ""


def _said(share: Share, whose: str) -> str:
    head = f"Noted for share {share.id}{whose}."
    if "made_of" in share.plan:
        return f"{head} Its files are on their way already: the note follows in a ZIP of its own."
    return f"{head} It goes into the study as a document, and stands in README.TXT and in the viewer."
