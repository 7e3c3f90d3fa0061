"""Whose devices get our messages, and whose messages are commands: those at the level that the operator asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from nio.crypto import TrustState

from bot.matrix.chain import Standing, failed, judge, master_key, table, whole_identity
from bot.matrix.errors import NoSense
from bot.matrix.guard import client_path
from bot.matrix.olm import olm_device
from config.settings import TrustSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from bot.matrix.guard import GuardedClient
    from ledger.trust import Pin

log = structlog.get_logger()

#: The parts of an answer to /keys/query that are about one person each.
PARTS = ("device_keys", "master_keys", "self_signing_keys")
NO_PIN = (None, False)


class Pins(Protocol):
    """Master keys of people's identities. What is pinned is replaced only by somebody who compared the new one."""

    async def of(self, users: Collection[str]) -> Mapping[str, Pin]:
        """The pins of those among these people whom we have met."""

    async def met(self, user_id: str, stated: str) -> Pin | None:
        """Take note of the key that a proper answer states ("" for none), and return the pin as it is then."""

    async def verified(self, user_id: str, master_key: str, how: str, *, by: str = "") -> None:
        """Somebody compared this key: it is the pinned one now."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A standing, with what the server said of the person and the pin by which it was judged."""

    standing: Standing
    answer: Mapping[str, Any]
    by: tuple[str | None, bool]


class Trust:
    """Everybody's standing, asked anew as soon as anything may have changed."""

    def __init__(self, client: GuardedClient, pins: Pins, settings: TrustSettings | None = None) -> None:
        self._client = client
        self._pins = pins
        self.settings = settings or TrustSettings()
        self._judged: dict[str, Judged] = {}
        self._asking = asyncio.Lock()
        self._doubts = 0
        self._doubted: set[str] = set()
        #: Called when something about somebody may have changed.
        self.on_news: Callable[[], None] = lambda: None

    async def standings(self, users: Collection[str]) -> dict[str, Standing]:
        """The standing of each of these people. Raises `ServerAway` when the homeserver does not answer.

        A pin that was changed meanwhile, by a verification or by the operator's console, counts at once.
        """
        async with self._asking:
            known = {user: self._judged[user] for user in users if user in self._judged}
            missing = sorted(set(users) - known.keys())
            fresh = await self._ask(missing) if missing else {}
            pins = await self._pins.of(known)
            for user, judged in known.items():
                if judged.by != _by(pins.get(user)):
                    known[user] = self._judge(user, judged.answer, pins.get(user))
                    self._judged |= {user: known[user]} if user in self._judged else {}
        return {user: judged.standing for user, judged in (known | fresh).items()}

    async def standing(self, user_id: str) -> Standing:
        """One person's standing."""
        return (await self.standings([user_id]))[user_id]

    async def met(self, users: Collection[str]) -> set[str]:
        """Those among these people whose identity is pinned."""
        return set(await self._pins.of(users)) if users else set()

    async def verified(self, user_id: str, key: str, how: str, *, by: str = "") -> None:
        """Somebody compared this master key of this person: it is their pinned identity from now on."""
        await self._pins.verified(user_id, key, how, by=by)

    def doubt(self, users: Iterable[str]) -> None:
        """Something about these people's devices may have changed: ask before the next use."""
        if news := set(users):
            self._doubts += 1
            for user in news:
                self._judged.pop(user, None)
            self._doubted |= news
            self.on_news()

    def doubt_everybody(self) -> None:
        """We may have missed news: after a failed sync, and on request of an operator."""
        self._doubts += 1
        self.doubt(self._judged)

    def doubted(self) -> set[str]:
        """Those about whom there were news since this was last called."""
        news, self._doubted = self._doubted, set()
        return news

    async def _ask(self, users: list[str]) -> dict[str, Judged]:
        doubts = self._doubts
        body: dict[str, Any] = {"device_keys": {user: [] for user in users}}
        answer = table(await self._client.call("POST", client_path("keys", "query"), body))
        if not isinstance(answer.get("device_keys"), dict):  # nobody's devices: not what the server has to say
            raise NoSense
        pins = await self._pins.of(users)
        fresh = {}
        for user in users:
            said = _said_of(user, answer)
            fresh[user] = self._judge(user, said, await self._met(user, said, pins.get(user)))
            if fresh[user].standing.known and doubts == self._doubts:  # else it may be older than the doubt
                self._judged[user] = fresh[user]
        return fresh

    async def _met(self, user_id: str, answer: Mapping[str, Any], pin: Pin | None) -> Pin | None:
        """The pin; somebody met for the first time is pinned now (trust on first use), a change is noted.

        Only an identity that is whole counts, and only if the person's own server answered.
        """
        if failed(user_id, answer):
            return pin
        stated = whole_identity(user_id, answer) or ""
        if pin is not None and master_key(user_id, answer) == pin.master_key:
            stated = pin.master_key
        return await self._pins.met(user_id, stated)

    def _judge(self, user_id: str, answer: Mapping[str, Any], pin: Pin | None) -> Judged:
        key, verified = by = _by(pin)
        standing = judge(user_id, answer, key, verified=verified, least=self.settings.send)
        if standing.trouble == "identity changed" and standing.known:
            log.warning("identity_changed", user_id=user_id)
            self.on_news()
        self._tell_olm(user_id, standing)
        return Judged(standing, answer, by)

    def _tell_olm(self, user_id: str, standing: Standing) -> None:
        """Give nio's device store the same picture: verified or blacklisted, nothing in between."""
        stored = self._client.olm.device_store[user_id]
        stored.clear()
        for device in standing.devices:
            state = TrustState.verified if device in standing.good else TrustState.blacklisted
            stored[device.device_id] = olm_device(device, state)


def _by(pin: Pin | None) -> tuple[str | None, bool]:
    return (pin.master_key, pin.verified) if pin else NO_PIN


def _said_of(user_id: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of an answer that is about one person: what is kept to judge it again."""
    said = {part: {user_id: table(answer.get(part)).get(user_id)} for part in PARTS}
    return {**said, "failures": table(answer.get("failures"))}
