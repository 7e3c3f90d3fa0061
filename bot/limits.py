"""The chat server's limit on how fast we may post (429): what has to wait is said to wait, and nothing idle is posted.

The limit is one for the whole account. It is met by sending into a room, and told there: once in ten minutes, ahead of
what waits. The operator's log says how to lift it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import structlog

from bot.matrix.patience import Patience
from commands.kit.reply import message
from config.errors import CarrierbagError
from ledger import outbox
from ledger.outbox import URGENT, Entry, transaction_id

if TYPE_CHECKING:
    from bot.matrix.errors import RateLimited
    from bot.matrix.session import MatrixSession
    from ledger.database import Transaction

log = structlog.get_logger()

#: The sender waits, not the request: what was true of the room before the wait may not be true after it.
AT_ONCE = Patience(longest_limit=0.0)
#: Seconds: shorter waits are told to nobody, and longer ones are not slept through in one go.
WORTH_TELLING, LONGEST = 1.0, 300.0
#: Seconds between two notices in one room, or in the log.
AGAIN = 600.0
#: Seconds after the last refusal in which only what matters is posted.
CALM = 60.0
#: Seconds after which "is typing" is said again; clients drop it after 20 to 30.
TYPING = 15.0

QUEUED = "Queued: the chat server limits how fast I may post here. Everything comes, nothing is lost. [M21]"
REMEDY = (
    "exempt the bot's account from the server's limit: on Synapse, POST "
    '/_synapse/admin/v1/users/{user_id}/override_ratelimit with {{"messages_per_second": 0, "burst_count": 0}}; '
    "or raise rc_message in homeserver.yaml"
)


class Limits:
    """What the outbox knows of the server's limit."""

    def __init__(self, session: MatrixSession) -> None:
        self._session = session
        self._calm_until = 0.0
        self._log_from = 0.0

    @property
    def met(self) -> bool:
        """Whether we were told lately to post less."""
        return time.monotonic() < self._calm_until

    def refused(self, error: RateLimited) -> None:
        """The server did not take something now."""
        now = time.monotonic()
        self._calm_until = now + min(error.seconds, LONGEST) + CALM
        if now >= self._log_from:
            self._log_from = now + AGAIN
            remedy = REMEDY.format(user_id=self._session.user_id)
            log.warning("homeserver_limits_our_messages", seconds=error.seconds, remedy=remedy)

    async def explain(self, tx: Transaction, room_id: str, error: RateLimited) -> None:
        """Enqueue the word that what was asked for in this room has to wait, if it was not said lately."""
        if error.seconds < WORTH_TELLING or await outbox.last_of(tx, room_id, URGENT) > tx.now - AGAIN:
            return
        txn_id = transaction_id(f"limit {room_id} {tx.now}", URGENT)
        await outbox.enqueue(tx, Entry(txn_id, room_id, URGENT, "m.room.message", message(QUEUED), strict=False))

    async def wait(self, room_id: str, seconds: float) -> None:
        """As long as the server says, and show that we are at it."""
        end = time.monotonic() + min(seconds, LONGEST)
        while (left := end - time.monotonic()) > 0:
            until = time.monotonic() + min(left, TYPING)
            with contextlib.suppress(CarrierbagError, TimeoutError):  # a courtesy
                async with asyncio.timeout(min(left, TYPING)):
                    await self._session.typing(room_id, on=True)
            await asyncio.sleep(until - time.monotonic())
