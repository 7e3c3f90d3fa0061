"""A device whose keys are made by hand, and published by HTTP: it can lack what every client offers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bot.matrix.signatures import public, sign, unpadded

if TYPE_CHECKING:
    from tests.bot.matrix.conftest import Raw

_numbers = itertools.count()


class Handmade:
    """Give it somebody signed in with nothing but HTTP, and `publish` their keys."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.user_id, self.device_id = raw.user_id, raw.device_id
        self.device, self.master, self.signing = (Ed25519PrivateKey.generate() for _ in range(3))
        self.curve25519 = unpadded(X25519PrivateKey.generate().public_key().public_bytes_raw())

    async def publish(self, *, identity: bool) -> None:
        """The device's own keys, and with `identity` a cross-signing identity that vouches for it."""
        keys = {f"ed25519:{self.device_id}": public(self.device), f"curve25519:{self.device_id}": self.curve25519}
        device = {"user_id": self.user_id, "device_id": self.device_id, "algorithms": [], "keys": keys}
        device = self._signed(device, self.device, self.device_id)
        await self.raw.call("POST", "/keys/upload", {"device_keys": device})
        if identity:
            own = self._stated("self_signing", self.signing)
            body = {
                "master_key": self._stated("master", self.master),
                "self_signing_key": self._signed(own, self.master),
            }
            await self.raw.call("POST", "/keys/device_signing/upload", body)
            signed = {self.user_id: {self.device_id: self._signed(device, self.signing)}}
            assert (await self.raw.call("POST", "/keys/signatures/upload", signed))["failures"] == {}

    async def offer(self) -> None:
        """One one-time key, at last."""
        key = unpadded(X25519PrivateKey.generate().public_key().public_bytes_raw())
        signed = self._signed({"key": key}, self.device, self.device_id)
        await self.raw.call("POST", "/keys/upload", {"one_time_keys": {"signed_curve25519:AAAAAQ": signed}})

    async def received(self) -> list[dict[str, Any]]:
        """All to-device events that wait for it."""
        # Another number each time, lest Synapse repeats an old answer from its cache.
        answer = await self.raw.call("GET", f"/sync?timeout={next(_numbers)}")
        events: list[dict[str, Any]] = answer.get("to_device", {}).get("events", [])
        return events

    async def withheld(self) -> list[dict[str, Any]]:
        """What it was told about keys that it did not get."""
        return [event["content"] for event in await self.received() if event["type"] == "m.room_key.withheld"]

    def _stated(self, usage: str, key: Ed25519PrivateKey) -> dict[str, Any]:
        return {"user_id": self.user_id, "usage": [usage], "keys": {f"ed25519:{public(key)}": public(key)}}

    def _signed(self, value: dict[str, Any], key: Ed25519PrivateKey, key_id: str = "") -> dict[str, Any]:
        others = value.get("signatures", {}).get(self.user_id, {})
        signatures = others | {f"ed25519:{key_id or public(key)}": sign(value, key)}
        return value | {"signatures": {self.user_id: signatures}}
