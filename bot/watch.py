"""Says it once when somebody's identity has changed, or another device appears on the bot's own account.

A change stops commands from and sends to that person by itself (bot/matrix/trust). Here it is told: to the rooms that
we share with them, and to the operator's room. What was told stands in the ledger, so that a restart does not tell it
again; a change that was noted and not told before a crash is told after it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot.fingerprint import aloud
from bot.matrix.errors import SignedOut
from commands.kit.reply import message
from config.errors import CarrierbagError, TryLater
from config.trust import TrustLevel
from ledger import outbox, trust
from ledger.outbox import Entry, transaction_id
from ledger.trust import Pins

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.matrix.session import MatrixSession
    from ledger.database import Database
    from ledger.trust import Pin

log = structlog.get_logger()

#: Seconds until it is tried again when the chat server or our disk was away.
RETRY_PAUSE = 5.0
#: Below this level nobody asks whether an identity is the one that we met.
MATTERS = TrustLevel.CROSS_SIGNED_TOFU

CHANGED = (
    "The identity of {who} has changed. {effect} Make sure in person or by phone that it is them; then they can verify "
    "with me in their app, or your administrator can accept it. [T01]"
)
GONE = "{who} has no identity any more. {effect} Ask them to set up verification in their app again. [T02]"
STOPPED = "Until somebody confirms it, I take no commands from them and send them nothing."
GOES_ON = "By the bot's settings this stops nothing."
FOR_OPERATOR = (
    "\nWas:    {old}\nIs now: {new}\n"
    "Compare the new fingerprint with theirs, in person or by phone. If it is right: carrierbag trust confirm {who}"
)
REPLACED = (
    "My own identity was replaced on the homeserver: people's apps will warn of me. Somebody has my password, or the "
    "homeserver cannot be trusted. Stop the bot, and find out which before you start it again. [T04]"
)
STRANGE_DEVICE = (
    "There is another device on my own account: {device}. It gets no keys from me. If you did not sign it in, somebody "
    'has my password: sign it out with "carrierbag keys devices --sign-out-others", and change the password. [T03]'
)


class Watch:
    """`poke()` when something about somebody may have changed, `run()` in the TaskGroup."""

    def __init__(
        self,
        *,
        ledger: Database,
        session: MatrixSession,
        admin_room: str | None,
        after: Callable[[], None],
        retry_pause: float = RETRY_PAUSE,
    ) -> None:
        self._ledger = ledger
        self._session = session
        self._pins = Pins(ledger)
        self._admin_room = admin_room
        #: Called when something was enqueued.
        self._after = after
        self._retry_pause = retry_pause
        self._news = asyncio.Event()
        self._known_devices: set[str] = set()
        session.trust.on_news = self.poke

    def poke(self) -> None:
        """There are news of somebody's devices."""
        self._news.set()

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            self._news.clear()
            try:
                await self.look()
            except SignedOut:
                raise
            except CarrierbagError as error:
                log.warning("not watched yet", code=error.code)
                await asyncio.sleep(self._retry_pause)
                if isinstance(error, TryLater):
                    self.poke()
            await self._news.wait()

    async def look(self) -> None:
        """Ask about those of whom there are news, and tell what was not told. Raises `TryLater`."""
        await self._ask()
        for change in await self._pins.changed():
            if not change.told:
                await self._tell(change)
        for device_id in set(await self._session.strange_devices()) - self._known_devices:
            await self._warn(device_id)
            self._known_devices.add(device_id)

    async def _ask(self) -> None:
        """Their standing now: what has changed is noted in the pins."""
        people = self._session.trust.doubted()
        try:
            await self._session.trust.standings(list(await self._pins.of(people)))
        except TryLater:
            self._session.trust.doubt(people)
            raise

    async def _tell(self, change: Pin) -> None:
        said = {room: self._sentence(change) for room in await self._concerned(change)}
        if self._admin_room:
            said[self._admin_room] = self._sentence(change) + _for_operator(change)
        origin = f"identity {change.user_id} {change.changed_to}"
        async with self._ledger.transaction() as tx:
            for room, text in said.items():
                await outbox.enqueue(tx, _entry(origin, room, text))
            await trust.told(tx, change)
        log.warning("identity_change_told", user_id=change.user_id, rooms=len(said))
        self._after()

    async def _concerned(self, change: Pin) -> list[str]:
        """The rooms that must know: none when it stops nothing, or when it is about us."""
        if change.user_id == self._session.user_id or not self._stops:
            return []
        return await self._session.rooms_with(change.user_id)

    def _sentence(self, change: Pin) -> str:
        if change.user_id == self._session.user_id:
            return REPLACED
        effect = STOPPED if self._stops else GOES_ON
        return (CHANGED if change.changed_to else GONE).format(who=change.user_id, effect=effect)

    @property
    def _stops(self) -> bool:
        """Whether a changed identity stops anything, as the operator has set it."""
        return max(self._session.trust.settings.receive, self._session.trust.settings.send) >= MATTERS

    async def _warn(self, device_id: str) -> None:
        log.warning("another_device_on_our_account", device_id=device_id)
        if self._admin_room is None:
            return
        entry = _entry(f"strange device {device_id}", self._admin_room, STRANGE_DEVICE.format(device=device_id))
        async with self._ledger.transaction() as tx:
            new = await outbox.enqueue(tx, entry)
        if new:
            self._after()


def _for_operator(change: Pin) -> str:
    new = change.changed_to
    return FOR_OPERATOR.format(old=aloud(change.master_key), new=aloud(new), who=change.user_id) if new else ""


def _entry(origin: str, room_id: str, text: str) -> Entry:
    txn_id = transaction_id(origin, f"warning {room_id}")
    return Entry(txn_id, room_id, "warning", "m.room.message", message(text), strict=False)
