"""Where verifications come in, wait for a human, and bear fruit.

All is in memory: a restart ends what is under way, and the other app is told when it goes on. Nobody can fill it: only
people whom the policy welcomes are heard, a few requests each, and what is over is forgotten after ten minutes.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from bot.matrix.cleartext import Cancel
from bot.matrix.errors import SignedOut
from bot.matrix.signatures import public
from bot.matrix.verification import channel, keys
from bot.matrix.verification.case import Case, Verification
from bot.matrix.verification.cases import AHEAD, Cases
from bot.matrix.verification.channel import InRoom, ToDevices, is_direct
from bot.matrix.verification.errors import NobodyToVerify, NothingToCompare, NotWelcome, TooMany
from bot.matrix.verification.flow import LASTS, Flow, State, Step
from bot.matrix.verification.note import REQUEST, Note
from bot.matrix.verification.sas import METHOD, Party
from config.errors import CarrierbagError
from ledger.trust import EMOJI

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.matrix.session import MatrixSession
    from bot.matrix.verification.channel import Channel
    from bot.matrix.verification.keys import Stated

log = structlog.get_logger()

#: Messages that wait to be looked at.
WAITING = 200
BODY = "I ask you to verify me by comparing emoji. Your app does not seem to know how: please use another one."


class Desk:
    """`hear()` what sync brings, `run()` in the TaskGroup, and the operator's calls: they may come at any time."""

    def __init__(
        self,
        session: MatrixSession,
        *,
        welcomes: Callable[[str], bool],
        admin_room: str | None = None,
        on_change: Callable[[Verification], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._welcomes = welcomes
        self._admin_room = admin_room
        self.on_change = on_change
        self._clock = clock
        self._us = Party(
            session.user_id, session.device_id, session.client.olm.ed25519, public(session.identity.master)
        )
        self._cases = Cases()
        self._notes: asyncio.Queue[Note | None] = asyncio.Queue(WAITING)
        self._turn = asyncio.Lock()
        #: Counts changes, for those who wait for the next one.
        self.version = 0
        self._news = asyncio.Event()

    def hear(self, note: Note | None) -> None:
        """Take a message in, to be looked at later. Never raises. None only wakes the clock."""
        if note is not None and (note.sender == self._us.user_id or not self._welcomes(note.sender)):
            return
        try:
            self._notes.put_nowait(note)
        except asyncio.QueueFull:
            log.warning("verification_message_dropped")

    async def run(self) -> None:
        """Answer for ever. Raises `SignedOut`; nothing else."""
        while True:
            note = await self._next()
            async with self._turn:
                await self._safely(note)

    @property
    def open(self) -> list[Verification]:
        """All that are under way, and those that ended within the last ten minutes, by number."""
        return [case.view for case in self._cases]

    async def changed(self, seen: int, seconds: float) -> int:
        """Wait until there is something newer than `seen`, or for some seconds; the version then."""
        if self.version == seen:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        return self.version

    async def begin(self, user_id: str) -> Verification:
        """Ask somebody: in the room that is theirs and ours alone, if there is one, else all their devices."""
        async with self._turn:
            self._cases.forget(self._clock())
            if user_id == self._us.user_id or not self._welcomes(user_id):
                raise NotWelcome(user_id)
            if not self._cases.have_room_for(user_id):
                raise TooMany
            devices = await keys.look(self._session.client, user_id)
            if not devices:
                raise NobodyToVerify(user_id)
            await self._replace(user_id)
            case = await self._ask(user_id, devices)
            self.hear(None)  # its time runs
            self._tell(case)
            return case.view

    async def confirm(self, number: int, *, match: bool, by: str) -> Verification:
        """What a human saw. Raises `NothingToCompare` when it does not wait for that (any more)."""
        async with self._turn:
            case = self._cases.numbered(number)
            if case is None or not case.view.to_compare:
                raise NothingToCompare(number)
            case.by = by
            await self._say(case, case.flow.confirm(match=match))
            await self._conclude(case)
            return case.view

    async def end(self, number: int) -> Verification:
        """Call it off."""
        async with self._turn:
            case = self._cases.numbered(number)
            if case is None:
                raise NothingToCompare(number)
            await self._say(case, case.flow.cancel(Cancel.BY_US))
            return case.view

    # -- what comes in

    async def _next(self) -> Note | None:
        deadline = self._cases.next_deadline()
        wait = None if deadline is None else max(deadline - self._clock(), 0.0)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                return await self._notes.get()
        return None

    async def _safely(self, note: Note | None) -> None:
        try:
            await self._expire()
            if note is not None:
                await self._take(note)
        except SignedOut:
            raise
        except CarrierbagError as error:
            log.warning("verification_message_not_answered", code=error.code)
        except Exception as error:  # noqa: BLE001 - a stranger's message may break anything; the next one must be read
            log.warning("verification_message_ignored", error=type(error).__name__)

    async def _take(self, note: Note) -> None:
        case = self._cases.get(note.sender, note.flow_id)
        if note.kind == "request":
            if case is None and self._is_for_us(note):
                await self._asked(note)
        elif case is not None:
            await self._heard(case, note)
        elif not note.room_id and note.kind not in {"cancel", "done"}:  # from before a restart
            steps = Flow(note.flow_id, self._us, reference=channel.to_device(note.flow_id), deadline=0.0)
            lost = ToDevices(self._session.client, note.sender, ("*",), note.flow_id)
            await lost.say(steps.cancel(Cancel.NOT_KNOWN)[0])

    def _is_for_us(self, note: Note) -> bool:
        """Whether a request is a fresh one, meant for us, of somebody who has not asked too often."""
        fresh = self._clock() - LASTS < note.sent_at < self._clock() + AHEAD
        if note.room_id and note.content.get("to") != self._us.user_id:
            return False
        if fresh and not self._cases.have_room_for(note.sender):
            log.warning("verification_request_ignored", user_id=note.sender, reason="too many")
            return False
        return fresh

    async def _asked(self, note: Note) -> None:
        device = (await keys.look(self._session.client, note.sender)).get(note.from_device)
        if device is not None and not device.may_have_written(note):
            log.warning("verification_request_ignored", user_id=note.sender, reason="another device wrote it")
            return
        why = Cancel.NO_IDENTITY if device is None else await self._objection(note)
        await self._replace(note.sender)
        case = await self._open(note.sender, note.flow_id, self._answering(note, direct=not why), note.room_id)
        if device is not None:
            case.meet(device, encrypted=note.encrypted)
        await self._say(case, case.flow.cancel(why) if why else case.flow.answer(note.content.get("methods")))

    async def _objection(self, note: Note) -> Cancel | None:
        """A room in which somebody else reads along, or in which our own humans compare, is not the place."""
        if not note.room_id:
            return None
        direct = is_direct(await self._session.facts(note.room_id), note.sender)
        return None if direct and note.room_id != self._admin_room else Cancel.NOT_DIRECT

    def _answering(self, note: Note, *, direct: bool) -> Channel:
        if note.room_id:
            return InRoom(self._session, note.room_id, note.sender, note.flow_id, direct=direct)
        return ToDevices(self._session.client, note.sender, (note.from_device or "*",), note.flow_id)

    async def _heard(self, case: Case, note: Note) -> None:
        if not await self._is_theirs(case, note):
            log.warning("verification_message_ignored", user_id=note.sender, reason="another device wrote it")
            return
        await self._say(case, case.flow.receive(note.kind, note.content))
        await self._conclude(case)

    async def _is_theirs(self, case: Case, note: Note) -> bool:
        """Whether the device that it is with wrote this, as far as it can be known."""
        if note.room_id != case.room_id or (case.encrypted and not note.encrypted):
            return False
        if case.device is None and note.kind == "ready":
            await self._meet(case, note)
        if case.device is None:
            return note.kind == "cancel"
        return case.device.may_have_written(note)

    async def _meet(self, case: Case, note: Note) -> None:
        """One of their devices answers our request: the others need not wait."""
        device = (await keys.look(self._session.client, case.user_id)).get(note.from_device)
        if device is None or not device.may_have_written(note):
            return
        if isinstance(case.channel, ToDevices):
            if note.from_device not in case.channel.devices:
                return
            await self._narrow(case, case.channel, note.from_device)
        case.meet(device, encrypted=note.encrypted)

    async def _narrow(self, case: Case, asked: ToDevices, device_id: str) -> None:
        others = tuple(one for one in asked.devices if one != device_id)
        case.channel = ToDevices(asked.client, asked.user_id, (device_id,), asked.flow_id)
        if others:
            elsewhere = Flow(asked.flow_id, self._us, reference=channel.to_device(asked.flow_id), deadline=0.0)
            told = ToDevices(asked.client, asked.user_id, others, asked.flow_id)
            await told.say(elsewhere.cancel(Cancel.ELSEWHERE)[0])

    # -- what goes out

    async def _ask(self, user_id: str, devices: Iterable[str]) -> Case:
        methods = {"from_device": self._us.device_id, "methods": [METHOD]}
        room_id = await self._direct_room(user_id)
        if room_id:
            content = methods | {"msgtype": REQUEST, "body": BODY, "to": user_id}
            flow_id = await self._session.send(room_id, content, uuid4().hex, strict=False, to_unproven=True)
            to: Channel = InRoom(self._session, room_id, user_id, flow_id)
        else:
            flow_id = uuid4().hex
            to = ToDevices(self._session.client, user_id, tuple(devices), flow_id)
            timestamp = int(self._clock() * 1000)
            await to.say(Step("request", methods | {"timestamp": timestamp} | channel.to_device(flow_id)))
        return await self._open(user_id, flow_id, to, room_id, we_asked=True)

    async def _direct_room(self, user_id: str) -> str:
        """The encrypted room in which nobody is but this person and we; "" when there is none."""
        for room_id in await self._session.rooms_with(user_id):
            if room_id != self._admin_room and is_direct(await self._session.facts(room_id), user_id):
                return room_id
        return ""

    async def _say(self, case: Case, steps: list[Step]) -> None:
        """What cannot be said ends it: the other side would wait for ever."""
        try:
            for step in steps:
                await case.channel.say(step)
        except SignedOut:
            raise
        except CarrierbagError as error:
            log.warning("verification_ended", user_id=case.user_id, code=error.code)
            case.flow.cancel(Cancel.BY_US)
            case.trouble = str(error)
        self._tell(case)

    # -- what comes of it

    async def _conclude(self, case: Case) -> None:
        """Both have confirmed: believe the keys, if they are still those that everybody is told."""
        if case.flow.state is not State.AGREED or case.device is None:
            return
        try:
            if not await self._believe(case, case.device):
                await self._say(case, case.flow.cancel(Cancel.WRONG_KEY))
                return
        except CarrierbagError as error:
            case.trouble = str(error)
            await self._say(case, case.flow.cancel(Cancel.BY_US))
            return
        await self._say(case, case.flow.finish())

    async def _believe(self, case: Case, compared: Stated) -> bool:
        """Pin the identity as verified, and sign it. Raises what the server or the ledger raises.

        The signature is for the account's other devices; what we believe does not hang on it.
        """
        user_id, party = case.user_id, compared.party
        now = (await keys.look(self._session.client, user_id)).get(party.device_id)
        if now is None or now.party != party:
            log.warning("verification_keys_changed", user_id=user_id)
            return False
        await self._session.trust.verified(user_id, party.master, EMOJI, by=case.by)
        self._session.trust.doubt([user_id])
        try:
            await keys.vouch(self._session.client, self._session.identity, now)
        except CarrierbagError as error:
            log.warning("verified_identity_not_signed", user_id=user_id, code=error.code)
        log.info("verified_by_emoji", user_id=user_id, device_id=party.device_id)
        return True

    # -- the cases

    async def _open(self, user_id: str, flow_id: str, to: Channel, room_id: str, *, we_asked: bool = False) -> Case:
        reference = channel.in_room(flow_id) if room_id else channel.to_device(flow_id)
        flow = Flow(flow_id, self._us, reference=reference, deadline=self._clock() + LASTS)
        case = Case(self._cases.free_number(), user_id, flow, to, room_id, we_asked, await self._name(user_id))
        self._cases.add(case)
        return case

    async def _name(self, user_id: str) -> str:
        with suppress(CarrierbagError):
            return await self._session.display_name(user_id)
        return ""

    async def _replace(self, user_id: str) -> None:
        """One at a time with each person: the newest."""
        for case in self._cases:
            if case.user_id == user_id and not case.flow.over:
                await self._say(case, case.flow.cancel(Cancel.REPLACED))

    async def _expire(self) -> None:
        for case in self._cases:
            if steps := case.flow.tick(self._clock()):
                await self._say(case, steps)
        self._cases.forget(self._clock())

    def _tell(self, case: Case) -> None:
        if case.view == case.told:
            return
        case.told = case.view
        self.version += 1
        self._news.set()
        self._news = asyncio.Event()
        self.on_change(case.view)
