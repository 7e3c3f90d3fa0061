"""At the door: whoever may, brings us into a room. There we look around, and say hello once, or leave with a reason.

What we have come to with each invitation stands in the ledger: a crash loses none, and repeats nothing that can be
heard. Joining may take minutes, so many are answered at once, within bounds; strangers have a bound of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from access.policy import obstacles
from bot.matrix.cleartext import Farewell
from bot.matrix.errors import NotPermitted, SignedOut
from bot.outbox import LEAVE
from commands.every import REGISTRY
from commands.kit import welcome
from commands.kit.reply import message
from config.errors import CarrierbagError, NotAllowed
from ledger import invitations, outbox
from ledger.errors import LedgerAway
from ledger.invitations import InvitationState
from ledger.outbox import Entry, transaction_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from access.policy import Action, Policy
    from access.reasons import Reason
    from access.rooms import RoomFacts
    from bot.matrix.events import SyncBatch
    from bot.matrix.session import MatrixSession
    from bot.outbox import Outbox
    from ledger.database import Database
    from ledger.invitations import Invitation

log = structlog.get_logger()

#: Invitations that are followed, and strangers' that are turned down, at one time.
AT_ONCE, STRANGERS_AT_ONCE = 16, 4
#: What makes us leave, and how we say so where everybody on the way can read it.
UNFIT = {
    "R01": Farewell.NOT_ENCRYPTED,
    "R02": Farewell.ANYBODY_JOINS,
    "R03": Farewell.OUTSIDERS_READ,
    "R07": Farewell.GUESTS,
    "R08": Farewell.REPLACED,
    "R14": Farewell.UNFIT,
}


@dataclass(frozen=True, slots=True)
class Manners:
    """How long the doorman waits for others, in seconds."""

    #: For whoever invited us to finish the room's settings.
    settle: float = 5.0
    #: Before each further knock at a door that does not know us: over federation the invitation may be here before it
    #: is known where it was written.
    knocks: tuple[float, ...] = (0.5, 1.0, 2.0)
    #: Between tries of what failed: doubled each time up to `longest`; as many tries.
    first_pause: float = 5.0
    longest_pause: float = 600.0
    tries: int = 12


class Doorman:
    """`hear(batch)` after each commit, `run()` in the TaskGroup."""

    def __init__(
        self,
        *,
        ledger: Database,
        session: MatrixSession,
        outgoing: Outbox,
        policy: Policy,
        manners: Manners | None = None,
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._outgoing = outgoing
        self._policy = policy
        self._manners = manners or Manners()
        self._news = asyncio.Event()
        #: By number: what is being attended to, and what waits for a while or for somebody.
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._resting: set[int] = set()
        #: Rooms of our own making whose requester has yet to come, with the number.
        self._expecting: dict[str, int] = {}

    def poke(self) -> None:
        """Something may lie in the ledger."""
        self._news.set()

    def hear(self, batch: SyncBatch) -> None:
        """Somebody invited us, or came into a room where we wait for them."""
        for room_id in batch.members_changed & self._expecting.keys():
            self._rested(self._expecting.pop(room_id))
        if batch.invitations:
            self.poke()

    async def run(self) -> None:
        """Attend to the door for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for one in await self._next():
                    self._busy[one.id] = group.create_task(self._attend(one))
                await self._news.wait()

    async def _next(self) -> list[Invitation]:
        """What can be attended to now. Those who may invite us never wait for strangers."""
        engaged = self._busy.keys() | self._resting
        waiting = [one for one in await invitations.unanswered(self._ledger) if one.id not in engaged]
        friends = [one for one in waiting if self._welcome(one)]
        strangers = [one for one in waiting if not self._welcome(one)]
        free = AT_ONCE - len(self._busy)
        return [*friends[: max(0, free)], *strangers[: max(0, free - AT_ONCE + STRANGERS_AT_ONCE)]]

    def _welcome(self, one: Invitation) -> bool:
        """Only people who may do something there. Who is in already, is in."""
        invited = one.state is InvitationState.INVITED
        return not invited or self._policy.follows(one.inviter, one.room_id)

    async def _attend(self, one: Invitation) -> None:
        try:
            await self._step(one)
        except SignedOut:
            raise
        except NotAllowed as error:  # withdrawn, or we were put out
            log.info("invitation_void", room_id=one.room_id, code=error.code)
            await self._end(one)
        except CarrierbagError as error:
            await self._failed(one, error.code)
        except Exception:
            log.exception("unexpected", room_id=one.room_id)
            await self._failed(one, "B22")
        finally:
            del self._busy[one.id]
            self.poke()

    async def _step(self, one: Invitation) -> None:
        if one.state is InvitationState.EXPECTING:
            await self._expect(one)
        elif one.state is InvitationState.JOINED:
            await self._look(one)
        elif self._welcome(one):
            await self._join(one.room_id)
            await self._move(one, InvitationState.JOINED)
        else:
            await self._session.leave(one.room_id, reason=Farewell.NOT_WELCOME)
            await self._move(one, InvitationState.DECLINED)

    async def _join(self, room_id: str) -> None:
        for pause in self._manners.knocks:
            try:
                return await self._session.join(room_id)
            except NotPermitted:
                await asyncio.sleep(pause)
        return await self._session.join(room_id)

    async def _expect(self, one: Invitation) -> None:
        """Nothing is said before there is somebody to read it: they have no keys for what was said before they came."""
        self._resting.add(one.id)
        self._expecting[one.room_id] = one.id  # before we look: they may come meanwhile
        room = await self._session.facts(one.room_id)
        if one.inviter in room.joined:
            await self._move(one, InvitationState.JOINED)
        elif one.inviter not in room.invited:  # they do not want it
            await self._session.leave(one.room_id)
            await self._move(one, InvitationState.LOST)
        else:
            return
        self._expecting.pop(one.room_id, None)
        self._rested(one.id)

    async def _look(self, one: Invitation) -> None:
        room, against = await self._seen(one)
        if _unfit(against):  # they may still be about to set it up
            await asyncio.sleep(self._manners.settle)
            room, against = await self._seen(one)
        if self._session.user_id not in room.joined:
            await self._move(one, InvitationState.LEFT)
        elif unfit := _unfit(against):
            await self._take_leave(one, room, unfit)
        else:
            await self._greet(one, room, against)

    async def _seen(self, one: Invitation) -> tuple[RoomFacts, Sequence[Reason]]:
        room = await self._session.facts(one.room_id)
        return room, obstacles(room, self._policy)

    async def _greet(self, one: Invitation, room: RoomFacts, against: Sequence[Reason]) -> None:
        def may(action: Action) -> bool:
            return self._policy.allows(one.inviter, one.room_id, action)

        text = welcome.hello(
            REGISTRY.commands.values(),
            may,
            against,
            direct=one.is_direct or welcome.is_direct(room),
            made_for=one.inviter if one.ours else "",
        )
        await self._move(one, InvitationState.GREETED, _notice(one, await self._coming(one), "hello", text))

    async def _take_leave(self, one: Invitation, room: RoomFacts, unfit: Sequence[Reason]) -> None:
        """In an encrypted room all that is wrong is said first; the reason of leaving is clear text, and fixed."""
        coming = await self._coming(one)
        words = [_notice(one, coming, "farewell", welcome.farewell(unfit))] if room.confidential else []
        leaving = {"reason": UNFIT[unfit[0].code].value}
        going = Entry(transaction_id(coming, LEAVE), one.room_id, LEAVE, LEAVE, leaving, strict=False)
        await self._move(one, InvitationState.LEFT, *words, going)

    async def _coming(self, one: Invitation) -> str:
        """Names this coming of ours into the room: whatever the server repeats to us, we say things once for each."""
        return await self._session.membership_event(one.room_id) or f"invitation {one.id}"

    async def _move(self, one: Invitation, there: InvitationState, *entries: Entry) -> None:
        async with self._ledger.transaction() as tx:
            if await invitations.move(tx, one, there):
                for entry in entries:
                    await outbox.enqueue(tx, entry)
        log.info("invitation", room_id=one.room_id, inviter=one.inviter, state=there.value)
        if entries:
            self._outgoing.poke()

    async def _failed(self, one: Invitation, code: str) -> None:
        """Rest, and try again; in the end, give it up."""
        pause = min(self._manners.longest_pause, self._manners.first_pause * 2.0**one.attempts)
        log.warning("invitation_not_answered_yet", room_id=one.room_id, code=code, attempts=one.attempts + 1)
        if one.attempts + 1 >= self._manners.tries:
            await self._end(one)
            return
        with contextlib.suppress(LedgerAway):
            async with self._ledger.transaction() as tx:
                await invitations.attempted(tx, one)
        self._resting.add(one.id)
        asyncio.get_running_loop().call_later(pause, self._rested, one.id)

    async def _end(self, one: Invitation) -> None:
        there = InvitationState.LEFT if one.state is InvitationState.JOINED else InvitationState.LOST
        with contextlib.suppress(LedgerAway):  # then it is looked at once more
            await self._move(one, there)

    def _rested(self, number: int) -> None:
        self._resting.discard(number)
        self.poke()


def _notice(one: Invitation, coming: str, step: str, text: str) -> Entry:
    return Entry(transaction_id(coming, step), one.room_id, step, "m.room.message", message(text), strict=False)


def _unfit(against: Sequence[Reason]) -> list[Reason]:
    return [reason for reason in against if reason.code in UNFIT]
