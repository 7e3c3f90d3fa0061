"""Whose devices get our messages, and whose messages are commands: only those that their pinned owner vouches for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from nio.crypto import TrustState

from bot.matrix.chain import Standing, judge, master_key, table, well_formed
from bot.matrix.guard import client_path
from bot.matrix.olm import olm_device

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from bot.matrix.guard import GuardedClient

log = structlog.get_logger()


class Pins(Protocol):
    """Master keys of people's identities as we first met them. A pin is never overwritten."""

    async def pinned(self, user_id: str) -> str | None:
        """The pinned key, None for somebody never met."""

    async def pin(self, user_id: str, master_key: str) -> bool:
        """Pin a key. False when another one was pinned before: that one stays."""


class Trust:
    """Everybody's standing, asked anew as soon as anything may have changed."""

    def __init__(self, client: GuardedClient, pins: Pins) -> None:
        self._client = client
        self._pins = pins
        self._standings: dict[str, Standing] = {}
        self._asking = asyncio.Lock()
        self._doubts = 0

    async def standings(self, users: Collection[str]) -> dict[str, Standing]:
        """The standing of each of these people. Raises `ServerAway` when the homeserver does not answer."""
        async with self._asking:
            known = {user: self._standings[user] for user in users if user in self._standings}
            missing = sorted(set(users) - set(known))
            return known | (await self._ask(missing) if missing else {})

    async def standing(self, user_id: str) -> Standing:
        """One person's standing."""
        return (await self.standings([user_id]))[user_id]

    def doubt(self, users: Iterable[str]) -> None:
        """Something about these people's devices may have changed: ask before the next use."""
        self._doubts += 1
        for user in users:
            self._standings.pop(user, None)

    def doubt_everybody(self) -> None:
        """We may have missed news: after a failed sync, and on request of an operator."""
        self._doubts += 1
        self._standings.clear()

    async def _ask(self, users: list[str]) -> dict[str, Standing]:
        doubts = self._doubts
        answer = await self._client.call("POST", client_path("keys", "query"), {"device_keys": {u: [] for u in users}})
        fresh = {user: judge(user, answer, await self._pinned(user, answer)) for user in users}
        for user, standing in fresh.items():
            self._tell_olm(user, standing, answer)
            if standing.known and doubts == self._doubts:  # else it may be older than the doubt
                self._standings[user] = standing
        return fresh

    async def _pinned(self, user_id: str, answer: Mapping[str, Any]) -> str | None:
        """The pinned master key; somebody met for the first time is pinned now (trust on first use)."""
        pinned = await self._pins.pinned(user_id)
        stated = master_key(user_id, answer)
        if pinned is None and stated is not None:
            await self._pins.pin(user_id, stated)
            pinned = await self._pins.pinned(user_id)
        if pinned is not None and stated != pinned:
            log.warning("identity_changed", user_id=user_id)
        return pinned

    def _tell_olm(self, user_id: str, standing: Standing, answer: Mapping[str, Any]) -> None:
        """Give nio's device store the same picture: verified or blacklisted, nothing in between."""
        stored = self._client.olm.device_store[user_id]
        stored.clear()
        keys = table(table(answer["device_keys"])[user_id]) if standing.excluded else {}
        for excluded in standing.excluded:
            device = well_formed(user_id, excluded.device_id, keys[excluded.device_id])
            if device is not None:
                stored[device.device_id] = olm_device(device, TrustState.blacklisted)
        for device in standing.good:
            stored[device.device_id] = olm_device(device, TrustState.verified)
