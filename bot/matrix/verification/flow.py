"""One verification as a state machine without I/O: messages in, messages out.

    asked --ready--> ready --start--> started --accept--> accepted --key--> comparing --mac, confirmed--> agreed -> done

Every state but the last leads to "ended" as well: by a cancel of either side, by the clock, or by a message that does
not belong there. The bot's MAC leaves only after its human confirmed (Matrix, "Key verification framework").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from vodozemac import Sas

from bot.matrix.cleartext import Cancel
from bot.matrix.verification.sas import (
    AGREEMENT,
    DECIMAL_STRING,
    EMOJI_STRING,
    HASH,
    MAC,
    METHOD,
    End,
    Party,
    Secret,
    ShortString,
    Wrong,
    commitment,
)

Content = Mapping[str, Any]

#: Seconds that a verification may take from its request on (the spec's own number).
LASTS = 600.0
OFFER: dict[str, Any] = {
    "method": METHOD,
    "key_agreement_protocols": [AGREEMENT],
    "hashes": [HASH],
    "message_authentication_codes": [MAC],
    "short_authentication_string": [EMOJI_STRING, DECIMAL_STRING],
}
CHOICE = {"key_agreement_protocol": AGREEMENT, "hash": HASH, "message_authentication_code": MAC}


class State(Enum):
    """How far it is, in words for the operator."""

    ASKED = "waits for their app"
    READY = "waits for them to begin"
    STARTED = "waits for their app to accept"
    ACCEPTED = "exchanges keys"
    COMPARING = "waits for somebody to compare"
    AGREED = "both have confirmed"
    DONE = "verified"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Step:
    """One message to send: its kind ("ready", "start", …) and its content."""

    kind: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why it came to nothing. `code` is the spec's; what the other side wrote as its reason is not kept."""

    code: str
    by_us: bool


class Flow:
    """One verification. `reference` is what ties its messages together: `transaction_id` or `m.relates_to`."""

    def __init__(self, flow_id: str, us: Party, *, reference: Content, deadline: float) -> None:
        self.flow_id = flow_id
        self.us = us
        self.deadline = deadline
        self.state = State.ASKED
        self.ending: Ending | None = None
        #: What the humans compare, from "comparing" on.
        self.shown: ShortString | None = None
        self.confirmed = False
        self._them: Party | None = None
        self._reference = dict(reference)
        self._heard: dict[str, Content] = {}
        self._sas = Sas()
        self._key = self._sas.public_key.to_base64()
        self._secret: Secret | None = None
        self._we_started = False
        self._start: Content = {}
        self._announced = ""
        self._string = EMOJI_STRING
        self._their_keys_hold = False

    @property
    def met(self) -> bool:
        """Whether we know which device it is with."""
        return self._them is not None

    @property
    def them(self) -> Party:
        """The other device."""
        if self._them is None:
            raise Wrong(Cancel.UNEXPECTED)
        return self._them

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it."""
        return self.state in {State.DONE, State.ENDED}

    def meet(self, them: Party) -> None:
        """Say which device it is with, and which keys everybody is told are its own."""
        self._them = them

    def answer(self, methods: object) -> list[Step]:
        """We were asked: say that we are ready."""
        if not isinstance(methods, list) or METHOD not in methods:
            return self.cancel(Cancel.METHOD)
        self.state = State.READY
        return [self._step("ready", {"from_device": self.us.device_id, "methods": [METHOD]})]

    def receive(self, kind: str, content: Content) -> list[Step]:
        """Take one message of the other device in. The same message again changes nothing."""
        if self.over or self._heard.get(kind) == content:
            return []
        if kind == "cancel":
            return self._cancelled(content)
        try:
            return self._move(kind, content)
        except Wrong as wrong:
            return self.cancel(wrong.cancel)
        except (ValueError, RecursionError):  # it has no canonical form
            return self.cancel(Cancel.INVALID)

    def confirm(self, *, match: bool) -> list[Step]:
        """Our human has compared. Raises `Wrong` when there is nothing to compare (any more)."""
        if self.state is not State.COMPARING or self.confirmed or self._secret is None:
            raise Wrong(Cancel.UNEXPECTED)
        if not match:
            return self.cancel(Cancel.WRONG_EMOJI)
        self.confirmed = True
        self._agree()
        return [self._step("mac", self._secret.macs(self.us, self.them, self.flow_id))]

    def finish(self) -> list[Step]:
        """Both humans have confirmed, and what follows from it is kept: say that we are done."""
        if self.state is not State.AGREED:
            raise Wrong(Cancel.UNEXPECTED)
        self.state = State.DONE
        return [self._step("done", {})]

    def tick(self, now: float) -> list[Step]:
        """End it when its time is over."""
        return self.cancel(Cancel.TIMEOUT) if now >= self.deadline else []

    def cancel(self, why: Cancel) -> list[Step]:
        """End it."""
        if self.over:
            return []
        self.state, self.ending = State.ENDED, Ending(why.code, by_us=True)
        return [self._step("cancel", {"code": why.code, "reason": why.reason})]

    def _move(self, kind: str, content: Content) -> list[Step]:
        move = _MOVES.get((self.state, kind))
        if move is None or kind in self._heard:
            raise Wrong(Cancel.UNEXPECTED)
        self._heard[kind] = content
        return move(self, content)

    def _cancelled(self, content: Content) -> list[Step]:
        code = content.get("code")
        self.state = State.ENDED
        self.ending = Ending(code if isinstance(code, str) else Cancel.INVALID.code, by_us=False)
        return []

    def _ready(self, content: Content) -> list[Step]:
        if METHOD not in _texts(content, "methods"):
            raise Wrong(Cancel.METHOD)
        self._we_started, self.state = True, State.STARTED
        started = self._step("start", OFFER | {"from_device": self.us.device_id})
        self._start = started.content
        return [started]

    def _started(self, content: Content) -> list[Step]:
        """They start. When both did, the start of the smaller user ID counts, on both sides."""
        self._string = _acceptable(content)
        if self._we_started and (self.us.user_id, self.us.device_id) < (self.them.user_id, self.them.device_id):
            return []
        self._we_started, self._start, self.state = False, content, State.ACCEPTED
        announced = {"commitment": commitment(self._key, content), "short_authentication_string": [self._string]}
        return [self._step("accept", CHOICE | announced)]

    def _accepted(self, content: Content) -> list[Step]:
        if any(content.get(name) != chosen for name, chosen in CHOICE.items()):
            raise Wrong(Cancel.METHOD)
        self._string = _string(content)
        self._announced = _text(content, "commitment")
        self.state = State.ACCEPTED
        return [self._step("key", {"key": self._key})]

    def _keyed(self, content: Content) -> list[Step]:
        key = _text(content, "key")
        if self._we_started and commitment(key, self._start) != self._announced:
            raise Wrong(Cancel.WRONG_COMMITMENT)
        ours, theirs = End(self.us, self._key), End(self.them, key)
        self._secret = Secret(self._sas, key)
        ends = (ours, theirs) if self._we_started else (theirs, ours)
        self.shown = self._secret.short_string(*ends, self.flow_id, self._string)
        self.state = State.COMPARING
        return [] if self._we_started else [self._step("key", {"key": self._key})]

    def _maced(self, content: Content) -> list[Step]:
        if self._secret is None:
            raise Wrong(Cancel.UNEXPECTED)
        self._secret.check(content, self.them, self.us, self.flow_id)
        self._their_keys_hold = True
        self._agree()
        return []

    def _their_done(self, _: Content) -> list[Step]:
        return []

    def _agree(self) -> None:
        if self.confirmed and self._their_keys_hold:
            self.state = State.AGREED

    def _step(self, kind: str, content: Content) -> Step:
        return Step(kind, {**content, **self._reference})


_MOVES: dict[tuple[State, str], Callable[[Flow, Content], list[Step]]] = {
    (State.ASKED, "ready"): Flow._ready,  # noqa: SLF001 - the table is part of the machine
    (State.READY, "start"): Flow._started,  # noqa: SLF001
    (State.STARTED, "start"): Flow._started,  # noqa: SLF001
    (State.STARTED, "accept"): Flow._accepted,  # noqa: SLF001
    (State.ACCEPTED, "key"): Flow._keyed,  # noqa: SLF001
    (State.COMPARING, "mac"): Flow._maced,  # noqa: SLF001
    (State.AGREED, "done"): Flow._their_done,  # noqa: SLF001
}


def _acceptable(start: Content) -> str:
    """The kind of short string that we choose from their offer."""
    offered = ((AGREEMENT, "key_agreement_protocols"), (HASH, "hashes"), (MAC, "message_authentication_codes"))
    if start.get("method") != METHOD or not all(one in _texts(start, name) for one, name in offered):
        raise Wrong(Cancel.METHOD)
    return _string(start)


def _string(content: Content) -> str:
    kinds = _texts(content, "short_authentication_string")
    for one in (EMOJI_STRING, DECIMAL_STRING):
        if one in kinds:
            return one
    raise Wrong(Cancel.METHOD)


def _texts(content: Content, name: str) -> list[Any]:
    value = content.get(name)
    if not isinstance(value, list):
        raise Wrong(Cancel.INVALID)
    return value


def _text(content: Content, name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str):
        raise Wrong(Cancel.INVALID)
    return value
