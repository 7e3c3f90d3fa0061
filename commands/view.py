"""`!view [share] ...`: a picture of a share with another window, a part of it, every pixel of it, or moving.

What was shared may be looked at more closely by everybody to whom it was shared. Whoever may share may also show it to
people who came later, as a new share would.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit import own
from commands.kit.context import Context, Outcome
from commands.kit.registry import NO_WORDS, Words, command
from commands.kit.wishes import wished
from config.errors import Mistake, NotAllowed
from ledger import views
from ledger.views import WantedView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commands.kit.reply import Reply
    from ledger.database import Transaction
    from ledger.shares import Share

#: Pictures that one person may wait for.
MOST = 5

What = Annotated[
    Words,
    "the share's number; series 3; image 40; bone, lung, soft, brain, abdomen or a window's width/centre; invert; "
    "zoom 2x at 30,60 (percent from the left and from the top); full for every pixel; cine for a clip",
]


@command(
    "view",
    action=Action.VIEW,
    examples=("!view 12 bone", "!view 12 series 3 image 40", "!view 12 zoom 2x at 30,60", "!view 12 cine"),
)
async def view(context: Context, what: What = NO_WORDS) -> Outcome:
    """Show a picture of a share larger, in another window, or moving."""
    number, wish = wished(what)
    share = await own.share_here(context, number) if number else await _only(context)
    _check(context, share)
    person = context.clinician
    if await views.waiting(context.ledger, person.user_id) >= MOST:
        raise Mistake(f"You wait for {MOST} pictures already. Ask again when they are here.", "H20")
    wanted = WantedView(
        context.event_id,
        share.id,
        context.room.room_id,
        person.user_id,
        person.device_id,
        asdict(replace(wish, only_shared=not context.may(Action.SHARE))),
        context.room.audience,
    )

    async def effect(tx: Transaction) -> Sequence[Reply]:
        await views.want(tx, wanted)
        return ()

    return Outcome(effects=(effect,))


async def _only(context: Context) -> Share:
    none = Mistake("Nothing was shared in this room yet that I could show. Type !share study first.", "H21")
    how = "Tell me of which share, like: !view {first} bone. The last ones here: {all}."
    return await own.only_share(context, none, Mistake(how, "H24"))


def _check(context: Context, share: Share) -> None:
    """Raises `NotAllowed` where a picture would show more than the share did, or to more people."""
    if share.state in own.STOPPED:
        raise NotAllowed(f"Share {share.id} was stopped, so I show no more of it. Share it again.", "H22")
    later = sorted(context.room.joined - share.audience - {context.room.us})
    if later and not context.may(Action.SHARE):
        raise NotAllowed(
            f"Not viewed: {later[0]} came into this room after share {share.id}. Ask somebody who may share to send it "
            "again.",
            "H23",
        )
