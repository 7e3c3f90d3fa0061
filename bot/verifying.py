"""Between the desk where people are verified and the humans who compare: the console, and the administrators' room."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from bot.matrix.verification.flow import State
from commands.kit.reply import message
from config.errors import Mistake, TryLater
from ledger import audit, outbox
from ledger.outbox import Entry, transaction_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.control import Call
    from bot.matrix.verification.case import Verification
    from bot.matrix.verification.desk import Desk
    from ledger.database import Database

log = structlog.get_logger()

#: Seconds that a console's question for news may stay open.
LONGEST_WAIT = 25.0
#: Characters of a name that are shown.
NAME_LENGTH = 40
#: Codes that may mean that somebody stands in between: they are recorded.
ALARMING = frozenset({"m.mismatched_sas", "m.mismatched_commitment", "m.key_mismatch"})

COMPARE = (
    "Verification {number}: {who} {asks}.\n{emoji}\n"
    "Ask them in person or by phone: does their app show the same, in the same order?\n"
    "Then type !verify {number} yes, or !verify {number} no"
)
WAITING = "Verification {number}: {who}: {state}."
VERIFIED = "Verification {number}: {who} is verified."
WAITS_FOR_THEM = "Verification {number}: noted. {who} must confirm it in their app, too."
ENDED = "Verification {number} of {who} came to nothing: {why}."
ASKED = "Verification {number}: I asked {who}. As soon as they have accepted in their app, I show the emoji here."
WHY = {
    "m.user": "it was called off",
    "m.timeout": "it took longer than ten minutes",
    "m.mismatched_sas": "the emoji did not match. Somebody may stand in between; find out before you try again",
    "m.mismatched_commitment": "a key was changed on the way. Somebody may stand in between",
    "m.key_mismatch": "the keys are not those that their server states. Somebody may stand in between",
    "m.unknown_method": "their app cannot compare emoji in a way that I know",
    "m.accepted": "it goes on on another device",
}


class Verifying:
    """`calls` for the console; `begin`, `confirm`, `waiting`, `person` for `!verify`; `run()` in the TaskGroup."""

    def __init__(
        self, desk: Desk, *, ledger: Database, admin_room: str | None, after: Callable[[], None] = lambda: None
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._admin_room = admin_room
        #: Called after each commit that enqueued something.
        self._after = after
        self._news: asyncio.Queue[Verification] = asyncio.Queue()
        desk.on_change = self._news.put_nowait
        self.calls: Mapping[str, Call] = {
            "verify.list": self._listed,
            "verify.begin": self._begun,
            "verify.confirm": self._confirmed,
            "verify.end": self._ended,
        }

    async def run(self) -> None:
        """Tell the administrators' room and the audit trail for ever."""
        posted: set[str] = set()
        while True:
            news = await self._news.get()
            try:
                await self._tell(news, posted)
            except TryLater as error:  # the console shows it all the same
                log.warning("verification_not_told", code=error.code)

    # -- for !verify

    def waiting(self) -> list[str]:
        """Each that is under way, in words."""
        return [words(one) for one in self._desk.open if one.state not in {State.DONE, State.ENDED}]

    def person(self, number: int) -> str:
        """Whom it would verify; "" when there is no such verification."""
        return next((one.user_id for one in self._desk.open if one.number == number), "")

    async def begin(self, user_id: str) -> str:
        """Ask somebody. Raises the errors of the desk."""
        return words(await self._desk.begin(user_id), ASKED)

    async def confirm(self, number: int, *, match: bool, by: str) -> str:
        """What a human saw. Raises the errors of the desk."""
        return words(await self._desk.confirm(number, match=match, by=by))

    # -- for the console

    async def _listed(self, asked: Mapping[str, Any]) -> Any:
        """All, at once or (with `seen`) as soon as something is newer than that version."""
        seen = asked.get("seen")
        if isinstance(seen, int):
            await self._desk.changed(seen, LONGEST_WAIT)
        return {"version": self._desk.version, "verifications": [as_json(one) for one in self._desk.open]}

    async def _begun(self, asked: Mapping[str, Any]) -> Any:
        return as_json(await self._desk.begin(str(asked.get("user_id"))))

    async def _confirmed(self, asked: Mapping[str, Any]) -> Any:
        number, match = asked.get("number"), asked.get("match")
        if not isinstance(number, int) or not isinstance(match, bool):
            raise Mistake("Tell me the number of the verification, and whether the emoji match.", "V07")
        return as_json(await self._desk.confirm(number, match=match, by=str(asked.get("by") or "console")))

    async def _ended(self, asked: Mapping[str, Any]) -> Any:
        number = asked.get("number")
        return as_json(await self._desk.end(number if isinstance(number, int) else 0))

    # -- for the administrators' room

    async def _tell(self, news: Verification, posted: set[str]) -> None:
        """Once when there is something to compare, once when it is over; nothing of what was never shown there."""
        over = news.state in {State.DONE, State.ENDED}
        if over and news.code in ALARMING:
            await self._record(news)
        if self._admin_room is None or self._admin_room == news.room_id:
            return
        if news.to_compare and news.flow_id not in posted:
            posted.add(news.flow_id)
            await self._post(news, "compare")
        elif over and news.flow_id in posted:
            posted.discard(news.flow_id)
            await self._post(news, "over")

    async def _post(self, news: Verification, step: str) -> None:
        assert self._admin_room is not None  # noqa: S101 - see _tell
        content, txn_id = message(words(news)), transaction_id(news.flow_id, step)
        async with self._ledger.transaction() as tx:
            await outbox.enqueue(tx, Entry(txn_id, self._admin_room, step, "m.room.message", content))
        self._after()

    async def _record(self, news: Verification) -> None:
        event = audit.AuditEvent(
            audit.AuditKind.SECURITY_ALERT,
            outcome=audit.Outcome.SERIOUS_FAILURE,
            who=news.user_id,
            device_id=news.device_id,
            room_id=news.room_id,
            detail=f"verification failed: {news.code}",
        )
        async with self._ledger.transaction() as tx:
            await audit.record(tx, event)


def words(one: Verification, sentence: str = "") -> str:
    """How it stands, for an administrator to read."""
    return (sentence or _sentence(one)).format(
        number=one.number,
        who=who(one),
        asks="answers my question: compare emoji" if one.we_asked else "asks me to compare emoji",
        emoji=short_string(one),
        state=one.state.value,
        why=one.trouble or WHY.get(one.code, f"{one.code}, {'on our side' if one.by_us else 'on theirs'}"),
    )


def _sentence(one: Verification) -> str:
    if one.to_compare:
        return COMPARE
    over = {State.DONE: VERIFIED, State.ENDED: ENDED, State.COMPARING: WAITS_FOR_THEM}
    return over.get(one.state, WAITING)


def who(one: Verification) -> str:
    """Matrix ID first, which cannot be chosen to look like another's; then what they call themselves."""
    name, device = plain(one.display_name), plain(one.device_name)
    called = f' ("{name}")' if name else ""
    on = f', device "{device}" ({one.device_id})' if one.device_id else ""
    return f"{one.user_id}{called}{on}"


def short_string(one: Verification) -> str:
    """Four emoji and three, as apps show them; or the numbers."""
    if one.decimals:
        return " ".join(map(str, one.decimals))
    named = [f"{emoji.symbol} {emoji.name}" for emoji in one.emoji]
    return "\n".join("   ".join(named[start : start + 4]) for start in (0, 4))


def plain(name: str) -> str:
    """A name on one line, without what does not show."""
    shown = " ".join("".join(one if one.isprintable() else " " for one in name).split())
    return shown if len(shown) <= NAME_LENGTH else f"{shown[: NAME_LENGTH - 1]}…"


def as_json(one: Verification) -> dict[str, Any]:
    """For the console."""
    return {
        "number": one.number,
        "who": who(one),
        "user_id": one.user_id,
        "room_id": one.room_id,
        "state": one.state.name.lower(),
        "stage": one.state.value,
        "words": words(one),
        "to_compare": one.to_compare,
        "emoji": [list(emoji) for emoji in one.emoji],
        "decimals": list(one.decimals),
        "code": one.code,
    }
