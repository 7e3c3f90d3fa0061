"""One message in, replies out: parse, authenticate, permit, run, record.

The replies, what the command writes, and "this message was answered" are one transaction: a crash before it leaves the
message to be answered after the restart, a crash after it leaves nothing to be done.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from access.people import Clinician
from access.policy import Action, Permit, Policy, decide
from bot.matrix.cleartext import Farewell
from bot.matrix.errors import SignedOut
from bot.matrix.refusals import ADVICE as REFUSED
from bot.matrix.sender import ADVICE
from bot.outbox import LEAVE
from bot.post_office import UNREADABLE
from commands import share
from commands.every import REGISTRY
from commands.kit import lists
from commands.kit.context import Context, Outcome
from commands.kit.parser import Call, Choice, parse
from commands.kit.reply import Reply, message
from config.errors import Bug, CarrierbagError, NotAllowed, TryLater
from ledger import audit, inbox, outbox
from ledger.outbox import Entry, transaction_id
from studies.errors import InstanceMissing, SourceAway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from access.rooms import RoomFacts
    from commands.kit.context import Effect, Sending, Verifying
    from ledger.database import Database, Transaction
    from ledger.inbox import InboxMessage
    from studies.sources.everywhere import Everywhere

log = structlog.get_logger()

#: Seconds after which a command is no longer run: the person has moved on, or asked again.
STALE = 600
#: Seconds until a message is tried again that could not be answered because the chat server or our disk was away.
RETRY_PAUSE = 1.0

STALE_SENTENCE = "I was away when you wrote this. Please send the command again if you still need it. [A02]"
UNPROVEN = (
    "I did not run this: I cannot be sure that you wrote it ({why}). {advice}, then send the command again. [A01]"
)
VERIFY_DEVICE = "Verify this device in your app's security settings"
UNREAD = "I could not read this message: {why}. If it was meant for me, {advice}. [A03]"
#: A new member is a reason for every app to begin with a new key.
SEND_AGAIN = "please send it again; if that does not help, remove me from the room and invite me again"
TROUBLE = "Something went wrong on our side, and nothing was changed. Your administrator finds it under [{}]."


class Dispatcher:
    """Answers what lies in the inbox, one message at a time in each room."""

    def __init__(
        self,
        *,
        ledger: Database,
        sources: Everywhere,
        policy: Policy,
        facts: Callable[[str], Awaitable[RoomFacts]],
        sending: Callable[[frozenset[str]], Awaitable[Sending]],
        after: Callable[[], None],
        verifying: Verifying | None = None,
        admin_room: str | None = None,
        retry_pause: float = RETRY_PAUSE,
    ) -> None:
        self._ledger = ledger
        self._sources = sources
        self._policy = policy
        self._facts = facts
        #: How studies go to these people.
        self._sending = sending
        #: Called after each commit: something may have been enqueued or opened.
        self._after = after
        self._verifying = verifying
        self._admin_room = admin_room
        self._retry_pause = retry_pause
        self._news = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._told: dict[tuple[str, str, str], float] = {}

    def poke(self) -> None:
        """Something lies in the inbox."""
        self._news.set()

    async def run(self) -> None:
        """Answer for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                while found := await inbox.next_unhandled(self._ledger, self._busy.keys()):
                    self._busy[found.room_id] = group.create_task(self._answer(found))
                await self._news.wait()

    async def _answer(self, received: InboxMessage) -> None:
        try:
            await self._commit(received, await self._outcome(received))
        except TryLater as error:  # the chat server or the ledger: leave the message where it is
            log.warning("not answered yet", code=error.code)
            await asyncio.sleep(self._retry_pause)
        except SignedOut:
            raise
        except Exception:
            log.exception("an effect failed")
            await self._commit(received, _said(TROUBLE.format("B02")))
        finally:
            del self._busy[received.room_id]
            self._news.set()

    async def _outcome(self, received: InboxMessage) -> Outcome:
        """What to say and write; every error becomes a sentence here, unless all of it shall be tried again."""
        call = parse(received.body) if received.live else None
        if call is None:
            return self._unread(received) if received.msgtype == UNREADABLE else Outcome()
        try:
            return await self._obey(received, call)
        except (SourceAway, InstanceMissing) as error:  # the person decides when to ask again
            return _said(str(error))
        except (TryLater, SignedOut):
            raise
        except Bug as error:
            log.exception("bug", code=error.code)
            return _said(TROUBLE.format(error.code))
        except CarrierbagError as error:
            return _said(str(error), refused=isinstance(error, NotAllowed))
        except Exception:
            log.exception("unexpected")
            return _said(TROUBLE.format("B00"))

    def _unread(self, received: InboxMessage) -> Outcome:
        """Say why, each reason once in a while to each person: it may have been ordinary talk, and a burst of it."""
        about, now = (received.room_id, received.sender, received.why_not), self._ledger.clock()
        self._told = {one: when for one, when in self._told.items() if now - when < STALE}
        if about in self._told:
            return Outcome()
        self._told[about] = now
        return _said(UNREAD.format(why=received.why_not, advice=REFUSED.get(received.why_not, SEND_AGAIN)))

    async def _obey(self, received: InboxMessage, call: Call | Choice) -> Outcome:
        kept = None
        if isinstance(call, Choice):
            kept = await lists.recalled_by(self._ledger, received.room_id, received.sender, self._ledger.clock())
            if kept is None:
                return Outcome()
        room = await self._facts(received.room_id)
        if not room.confidential:
            return Outcome(effects=(_leaving(received),))
        who = Clinician(received.sender, received.device_id, received.display_name)
        command = REGISTRY.find(call.name) if isinstance(call, Call) else share.share
        if not received.authenticated:
            return _said(_unproven(received.why_not), refused=True)
        decision = decide(who, room, command.action, self._policy)
        if not isinstance(decision, Permit):
            raise decision.error()
        if received.server_ts / 1000 < self._ledger.clock() - STALE:
            return _said(STALE_SENTENCE)
        context = self._context(received, who, room)
        if kept is not None and isinstance(call, Choice):
            outcome = await share.of_list(context, kept, call.numbers)
        else:
            outcome = await command(context, call.lines if isinstance(call, Call) else "")
        return replace(outcome, audience=room.audience)

    def _context(self, received: InboxMessage, who: Clinician, room: RoomFacts) -> Context:
        administration = room.room_id == self._admin_room

        def may(action: Action) -> bool:
            here = administration or action is not Action.ADMIN
            return here and isinstance(decide(who, room, action, self._policy), Permit)

        return Context(
            clinician=who,
            room=room,
            event_id=received.event_id,
            now=self._ledger.clock(),
            ledger=self._ledger,
            sources=self._sources,
            sending=partial(self._sending, room.audience),
            may=may,
            commands=tuple(REGISTRY.commands.values()),
            verifying=self._verifying if administration else None,
        )

    async def _commit(self, received: InboxMessage, outcome: Outcome) -> None:
        async with self._ledger.transaction() as tx:
            if not await inbox.handled(tx, received.event_id):
                return
            said = list(outcome.replies)
            for effect in outcome.effects:
                said += await effect(tx)
            for reply in said:
                await outbox.enqueue(tx, _entry(received, reply, outcome.audience))
            if any(reply.step == "refused" for reply in said):
                await _audit_refusal(tx, received)
        self._after()


def _unproven(why: str) -> str:
    return UNPROVEN.format(why=why, advice=ADVICE.get(why, VERIFY_DEVICE))


def _said(text: str, *, refused: bool = False) -> Outcome:
    return Outcome((Reply("refused" if refused else "mistake", text, strict=False),))


def _leaving(received: InboxMessage) -> Effect:
    """Nothing can be said where nothing is encrypted: we go, with a fixed word, and the operator can see why."""
    entry = Entry(
        transaction_id(received.event_id, LEAVE),
        received.room_id,
        LEAVE,
        LEAVE,
        {"reason": Farewell.NOT_ENCRYPTED.value},
        strict=False,
    )

    async def effect(tx: Transaction) -> Sequence[Reply]:
        await outbox.enqueue(tx, entry)
        await _audit_refusal(tx, received)
        return ()

    return effect


def _entry(received: InboxMessage, reply: Reply, audience: frozenset[str] | None) -> Entry:
    return Entry(
        transaction_id(received.event_id, reply.step),
        received.room_id,
        reply.step,
        "m.room.message",
        message(reply.text, reply_to=received.event_id),
        strict=reply.strict,
        audience=audience if reply.strict else None,
    )


async def _audit_refusal(tx: Transaction, received: InboxMessage) -> None:
    event = audit.AuditEvent(
        audit.AuditKind.SECURITY_ALERT,
        outcome=audit.Outcome.MINOR_FAILURE,
        who=received.sender,
        device_id=received.device_id,
        room_id=received.room_id,
        detail="a command was refused",
    )
    await audit.record(tx, event)
