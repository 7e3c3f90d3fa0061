"""Raw timeline events to `Message`s: decrypted, attributed, and kept waiting while their key is on its way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import structlog

from bot.matrix.errors import NotAuthentic, SignedOut
from bot.matrix.events import ENCRYPTED, MESSAGE, Message, RawEvent, Undecryptable, relation, spoken
from bot.matrix.megolm import Unreadable, decrypt
from bot.matrix.refusals import Refusals
from bot.matrix.sender import authenticate
from bot.matrix.verification import note as verification
from bot.matrix.waiting import Waiting, WaitingRoom
from config.errors import TryLater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from access.people import Clinician
    from bot.matrix.megolm import Decrypted
    from bot.matrix.session import MatrixSession
    from bot.matrix.verification.note import Note

log = structlog.get_logger()

#: Seconds that a message waits for its key before its sender is told.
KEY_WITHIN = 10.0


class Reader:
    """Reads events in their order. `waiting` holds those whose key has not come. `on_note` hears of verifications."""

    def __init__(self, session: MatrixSession, on_note: Callable[[Note], None] = lambda _: None) -> None:
        self._session = session
        self._on_note = on_note
        self._names: dict[tuple[str, str], str] = {}
        self._refusals = Refusals()
        self.waiting = WaitingRoom()

    def learn_names(self, room_id: str, names: Mapping[str, str]) -> None:
        """Remember how people call themselves in a room."""
        self._names.update({(room_id, user): name for user, name in names.items()})

    def learn_withheld(self, to_device: Iterable[Mapping[str, Any]]) -> None:
        """Remember which keys were refused to us, and why (m.room_key.withheld)."""
        for event in to_device:
            self._refusals.learn(event)

    async def read(self, event: RawEvent, token: str, *, live: bool) -> Message | None:
        """The message, or None: not one, ours, or (then it is in `waiting`) not readable yet.

        Raises `TryLater` when its sender cannot be looked up now, and `SignedOut`; nothing else.
        """
        try:
            return await self._read(event, live=live)
        except Unreadable as unreadable:
            if live and unreadable.key_missing:
                self.waiting.enter(Waiting(event, token, time.monotonic() + KEY_WITHIN, unreadable.reason))
            log.info("message_unreadable", event_id=event.event_id, reason=unreadable.reason, live=live)
            return None

    async def read_waiting(self) -> list[Message]:
        """Those that have become readable."""
        found = []
        for waiting in self.waiting.all():
            try:
                message = await self._read(waiting.event, live=True)
            except Unreadable as unreadable:
                self.waiting.still(waiting, unreadable.reason)  # give_up looks at the clock
                continue
            self.waiting.leave(waiting)
            found += [message] if message else []
        return found

    def give_up(self) -> list[Undecryptable]:
        """Those that have waited long enough, removed. Whatever comes for them later changes nothing (decision 14)."""
        late = [waiting for waiting in self.waiting.all() if waiting.until <= time.monotonic()]
        for waiting in late:
            self.waiting.leave(waiting)
        return [self._undecryptable(waiting) for waiting in late]

    async def _read(self, event: RawEvent, *, live: bool) -> Message | None:
        try:
            return await self._understood(event, live=live)
        except (Unreadable, TryLater, SignedOut):
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's event may break anything; the next one must be read
            log.warning("event_ignored", event_id=event.event_id, error=type(error).__name__)
            return None

    async def _understood(self, event: RawEvent, *, live: bool) -> Message | None:
        if event.sender == self._session.user_id:
            return None
        if event.event_type != ENCRYPTED:
            return self._in_clear(event, live=live)
        decrypted = decrypt(self._session.client.olm, event.room_id, event.content)
        self._refusals.lifted(event.sender)
        if self._is_note(verification.in_room(event, decrypted), live=live) or decrypted.event_type != MESSAGE:
            return None
        clinician, why_not = await self._author(event, decrypted)
        return _message(event, decrypted.content, live=live, clinician=clinician, why_not=why_not, decrypted=decrypted)

    def _in_clear(self, event: RawEvent, *, live: bool) -> Message | None:
        if self._is_note(verification.in_room(event, None), live=live) or event.event_type != MESSAGE:
            return None
        return _message(event, event.content, live=live, why_not="it was not encrypted")

    def _is_note(self, note: Note | None, *, live: bool) -> bool:
        if note is not None and live:
            self._on_note(note)
        return note is not None

    async def _author(self, event: RawEvent, decrypted: Decrypted) -> tuple[Clinician | None, str]:
        name = self._names.get((event.room_id, event.sender), "")
        try:
            return await authenticate(self._session.trust, event.sender, decrypted, name), ""
        except NotAuthentic as error:
            log.warning("sender_not_authentic", event_id=event.event_id, reason=error.reason)
            return None, error.reason

    def _undecryptable(self, waiting: Waiting) -> Undecryptable:
        event = waiting.event
        why = self._refusals.why(event) or waiting.why
        return Undecryptable(event.event_id, event.room_id, event.sender, event.server_ts, why)


def _message(
    event: RawEvent,
    content: Mapping[str, Any],
    *,
    live: bool,
    why_not: str,
    clinician: Clinician | None = None,
    decrypted: Decrypted | None = None,
) -> Message | None:
    outer = relation(event.content)
    body = spoken(content, outer)
    if body is None:
        return None
    return Message(
        event_id=event.event_id,
        room_id=event.room_id,
        sender=event.sender,
        clinician=clinician,
        why_not=why_not,
        body=body,
        msgtype="m.text",
        server_ts=event.server_ts,
        relates_to=relation(content) or outer,
        session_id=decrypted.session_id if decrypted else "",
        message_index=decrypted.message_index if decrypted else -1,
        live=live,
    )
