"""`!verify [number] [yes|no]`: compare emoji with somebody, in the administrators' room and nowhere else.

Whoever could see the bot's emoji in the room that is being verified could make the other side show the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit.context import Context, Outcome
from commands.kit.registry import command
from commands.kit.reply import Reply
from config.errors import Mistake, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Sequence

ANSWERS = {"yes": True, "match": True, "no": False, "mismatch": False}
NOBODY = "Nobody waits to be verified. To ask somebody, type: !verify @name:server"

What = Annotated[str, "the number of a verification, or somebody's Matrix ID"]
Answer = Annotated[str, '"yes" if the emoji are the same on both sides, "no" if they are not']


class NotHere(NotAllowed):
    """Any other room."""


class NotYourself(NotAllowed):
    """A thief of an account must not vouch for it."""


@command("verify", action=Action.ADMIN, examples=("!verify", "!verify 4821 yes", "!verify @ben:example.org"))
async def verify(context: Context, what: What = "", answer: Answer = "") -> Outcome:
    """Compare emoji with somebody, so that their identity is verified."""
    if context.verifying is None:
        raise NotHere("People are verified in the administrators' room only. Go there, and send it again.", "V05")
    if what.startswith("@"):
        return _said(await context.verifying.begin(what))
    if not what:
        return _said(_list(context.verifying.waiting()))
    number, match = _number(what), _match(what, answer)
    if context.verifying.person(number) == context.clinician.user_id:
        raise NotYourself("Somebody else must confirm your own verification: ask a colleague, or the console.", "V06")
    return _said(await context.verifying.confirm(number, match=match, by=context.clinician.user_id))


def _said(text: str) -> Outcome:
    return Outcome((Reply("verify", text),))


def _list(waiting: Sequence[str]) -> str:
    return "\n\n".join(waiting) or NOBODY


def _number(what: str) -> int:
    if not (what.isascii() and what.isdigit() and len(what) <= 4):  # noqa: PLR2004 - ours have four
        raise Mistake("Tell me the number of the verification. Type !verify to see those that wait.", "V07")
    return int(what)


def _match(what: str, answer: str) -> bool:
    match = ANSWERS.get(answer.lower())
    if match is None:
        raise Mistake(f"Did the emoji match? Type: !verify {what} yes, or !verify {what} no", "V08")
    return match
