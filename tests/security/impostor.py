"""Devices and identities that the server makes up for somebody, with Olm and Megolm behind them that work."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.matrix.signatures import public, sign
from tests.servers.peer import Conversation, Peer

if TYPE_CHECKING:
    from tests.bot.matrix.conftest import Raw
    from tests.security.target import Target


@dataclass
class Pretended:
    """Somebody else's name on a device of our own; requests go out as ourselves."""

    user_id: str
    device_id: str
    real: Raw

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        return await self.real.call(method, path, body)


@dataclass
class Impostor:
    """A made-up device of a clinician: it speaks, and the bot can read it as soon as `key` is told."""

    peer: Peer
    said: Conversation
    #: The to-device event with the room key, as if it came from the device's pretended owner.
    key: dict[str, Any]

    @classmethod
    async def of(cls, target: Target, user_id: str, device_id: str = "EVIL") -> Impostor:
        pretended: Any = Pretended(user_id, device_id, target.mallory.raw)
        peer = Peer(pretended)
        said = Conversation(peer, target.room)
        sealed = (await peer.open(target.user_id, target.device_id)).seal("m.room_key", said.room_key())
        return cls(peer, said, {"type": "m.room.encrypted", "sender": user_id, "content": sealed})

    @property
    def user_id(self) -> str:
        return self.peer.user_id

    def device(self, signer: Ed25519PrivateKey | None = None, **changes: Any) -> dict[str, Any]:
        """Its keys, signed by itself and by somebody's self-signing key."""
        keys = {key: value for key, value in self.peer.device_keys().items() if key != "signatures"} | changes
        signed = self.peer.signed(keys)
        return vouched(signed, self.user_id, signer) if signer else signed


@dataclass
class Identity:
    """A made-up cross-signing identity."""

    user_id: str
    master: Ed25519PrivateKey
    self_signing: Ed25519PrivateKey

    @classmethod
    def of(cls, user_id: str) -> Identity:
        return cls(user_id, Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate())

    @property
    def master_key(self) -> dict[str, Any]:
        return self.stated("master", self.master)

    @property
    def self_signing_key(self) -> dict[str, Any]:
        return vouched(self.stated("self_signing", self.self_signing), self.user_id, self.master)

    def stated(self, usage: str, key: Ed25519PrivateKey) -> dict[str, Any]:
        return {"user_id": self.user_id, "usage": [usage], "keys": {f"ed25519:{public(key)}": public(key)}}

    def put(self, keys: Any, *parts: str) -> None:
        """Say that it is the person's (or only these parts of it)."""
        for part in parts or ("master", "self_signing"):
            keys[f"{part}_keys"][self.user_id] = getattr(self, f"{part}_key")


def vouched(value: dict[str, Any], user_id: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The value with one more signature."""
    signed = copy.deepcopy(value)
    signed.setdefault("signatures", {}).setdefault(user_id, {})[f"ed25519:{public(key)}"] = sign(value, key)
    return signed


def with_signatures(device: dict[str, Any], signatures: dict[str, str]) -> dict[str, Any]:
    """The device with these signatures beside its own."""
    user_id, own = device["user_id"], device["signatures"][device["user_id"]]
    return device | {"signatures": {user_id: signatures | own}}


def with_key(device: dict[str, Any], kind: str, key: str) -> dict[str, Any]:
    """The device with another key, its signature left as it was."""
    return device | {"keys": device["keys"] | {f"{kind}:{device['device_id']}": key}}


def fingerprint(device: dict[str, Any]) -> str:
    """Its Ed25519 key."""
    return str(device["keys"][f"ed25519:{device['device_id']}"])


def identity_key(device: dict[str, Any]) -> str:
    """Its Curve25519 key."""
    return str(device["keys"][f"curve25519:{device['device_id']}"])
