"""A cross-signed device made by hand, of vodozemac and HTTP alone: it can say what no client would say.

To everybody it looks like a clinician's device: signed keys, a cross-signing identity, Olm, Megolm. Each part of
what it sends can be replaced by a lie.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import vodozemac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.matrix.olm import MEGOLM, OLM
from bot.matrix.signatures import canonical, public, sign, unpadded

if TYPE_CHECKING:
    from tests.bot.matrix.conftest import Raw

KIND = "signed_curve25519"


@dataclass
class Peer:
    """`await Peer.settle(raw)`: the device of `raw`, with keys."""

    raw: Raw
    account: vodozemac.Account = field(default_factory=vodozemac.Account)
    self_signing: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @classmethod
    async def settle(cls, raw: Raw, *, identity: bool = True) -> Self:
        """Upload the device's keys and (with `identity`) a cross-signing identity that vouches for it."""
        peer = cls(raw)
        device = peer.device_keys()
        await raw.call("POST", "/keys/upload", {"device_keys": device})
        if identity:
            await raw.call("POST", "/keys/device_signing/upload", peer.identity())
            await raw.call("POST", "/keys/signatures/upload", {raw.user_id: {raw.device_id: peer.vouched(device)}})
        await peer.offer()
        return peer

    @property
    def user_id(self) -> str:
        return self.raw.user_id

    @property
    def curve25519(self) -> str:
        return self.account.curve25519_key.to_base64()

    @property
    def ed25519(self) -> str:
        return self.account.ed25519_key.to_base64()

    def device_keys(self) -> dict[str, Any]:
        device = self.raw.device_id
        return self.signed(
            {
                "user_id": self.user_id,
                "device_id": device,
                "algorithms": [OLM, MEGOLM],
                "keys": {f"ed25519:{device}": self.ed25519, f"curve25519:{device}": self.curve25519},
            }
        )

    def signed(self, value: dict[str, Any]) -> dict[str, Any]:
        signature = self.account.sign(canonical(value)).to_base64()
        return value | {"signatures": {self.user_id: {f"ed25519:{self.raw.device_id}": signature}}}

    async def offer(self, count: int = 10) -> None:
        """Upload one-time keys, so that others can open channels to this device."""
        self.account.generate_one_time_keys(count)
        offers = {name: self.signed({"key": key.to_base64()}) for name, key in self.account.one_time_keys.items()}
        self.account.mark_keys_as_published()
        body = {"one_time_keys": {f"{KIND}:{name}": key for name, key in offers.items()}}
        await self.raw.call("POST", "/keys/upload", body)

    async def received(self, event_type: str = "m.room.encrypted") -> list[Any]:
        """All to-device events of this kind that the server has for this device."""
        answer = await self.raw.call("GET", "/sync?timeout=0")
        return [event for event in answer.get("to_device", {}).get("events", []) if event["type"] == event_type]

    async def keys_of(self, user_id: str) -> dict[str, dict[str, str]]:
        """Each device of somebody, with its `curve25519` and `ed25519` as the server tells."""
        answer = await self.raw.call("POST", "/keys/query", {"device_keys": {user_id: []}})
        return {
            device_id: {kind: keys["keys"][f"{kind}:{device_id}"] for kind in ("curve25519", "ed25519")}
            for device_id, keys in answer["device_keys"][user_id].items()
        }

    async def claim(self, user_id: str, device_id: str) -> tuple[str, dict[str, Any]]:
        """One of the device's one-time keys (or its fallback key): its id and the signed key."""
        claimed = await self.raw.call("POST", "/keys/claim", {"one_time_keys": {user_id: {device_id: KIND}}})
        ((key_id, key),) = claimed["one_time_keys"][user_id][device_id].items()
        return key_id, key

    async def open(self, user_id: str, device_id: str) -> Channel:
        """An Olm channel to a device."""
        _, key = await self.claim(user_id, device_id)
        return await self.channel(user_id, device_id, key["key"])

    async def channel(self, user_id: str, device_id: str, one_time_key: str) -> Channel:
        """An Olm channel begun with this one-time key."""
        keys = (await self.keys_of(user_id))[device_id]
        session = self.account.create_outbound_session(
            vodozemac.Curve25519PublicKey.from_base64(keys["curve25519"]),
            vodozemac.Curve25519PublicKey.from_base64(one_time_key),
        )
        return Channel(self, user_id, device_id, keys["curve25519"], keys["ed25519"], session)

    def identity(self, user_id: str = "") -> dict[str, Any]:
        """A new cross-signing identity around our self-signing key, as /keys/device_signing/upload takes it."""
        owner, master = user_id or self.user_id, Ed25519PrivateKey.generate()
        keys = {"master": master, "self_signing": self.self_signing, "user_signing": Ed25519PrivateKey.generate()}
        stated: dict[str, Any] = {}
        for usage, key in keys.items():
            value = {"user_id": owner, "usage": [usage], "keys": {f"ed25519:{public(key)}": public(key)}}
            signature = {f"ed25519:{public(master)}": sign(value, master)}
            stated[f"{usage}_key"] = value if usage == "master" else value | {"signatures": {owner: signature}}
        return stated

    def vouched(self, device: dict[str, Any]) -> dict[str, Any]:
        """Somebody's device with our self-signing key's signature beside its own."""
        signature = {f"ed25519:{public(self.self_signing)}": sign(device, self.self_signing)}
        owner = device["user_id"]
        return device | {"signatures": {owner: device["signatures"][owner] | signature}}


@dataclass
class Channel:
    """An Olm session from a peer's device to another device."""

    peer: Peer
    user_id: str
    device_id: str
    curve25519: str
    ed25519: str
    session: vodozemac.Session

    def seal(self, event_type: str, content: Any, /, **lies: Any) -> dict[str, Any]:
        """The content of an m.room.encrypted to-device event. `lies` replace parts of the payload; None removes one."""
        payload = {
            "type": event_type,
            "content": content,
            "sender": self.peer.user_id,
            "recipient": self.user_id,
            "recipient_keys": {"ed25519": self.ed25519},
            "keys": {"ed25519": self.peer.ed25519},
        } | lies
        honest = {key: value for key, value in payload.items() if value is not None}
        return self.seal_text(json.dumps(honest))

    def seal_text(self, plaintext: str) -> dict[str, Any]:
        kind, ciphertext = self.session.encrypt(plaintext.encode()).to_parts()
        body = unpadded(ciphertext)
        sealed = {self.curve25519: {"type": kind, "body": body}}
        return {"algorithm": OLM, "sender_key": self.peer.curve25519, "ciphertext": sealed}

    async def send(self, event_type: str, content: Any, /, **lies: Any) -> dict[str, Any]:
        """Send it through Olm; returns what was sent, so that it can be sent again."""
        sealed = self.seal(event_type, content, **lies)
        await self.again(sealed)
        return sealed

    async def again(self, sealed: dict[str, Any]) -> None:
        await self.peer.raw.to_device(self.user_id, "m.room.encrypted", sealed, self.device_id)

    async def send_key(self, conversation: Conversation, /, **lies: Any) -> dict[str, Any]:
        """Send the room key of a conversation, as it is now."""
        return await self.send("m.room_key", conversation.room_key(), **lies)


@dataclass
class Conversation:
    """An outbound Megolm session in a room."""

    peer: Peer
    room: str
    group: vodozemac.GroupSession = field(default_factory=vodozemac.GroupSession)

    def room_key(self) -> dict[str, Any]:
        return {
            "algorithm": MEGOLM,
            "room_id": self.room,
            "session_id": self.group.session_id,
            "session_key": self.group.session_key.to_base64(),
        }

    def seal(self, text: str, **lies: Any) -> dict[str, Any]:
        """The content of an m.room.encrypted event with a text. `lies` replace parts of the payload."""
        content = {"msgtype": "m.text", "body": text}
        payload = {"type": "m.room.message", "content": content, "room_id": self.room} | lies
        return {
            "algorithm": MEGOLM,
            "session_id": self.group.session_id,
            "ciphertext": self.group.encrypt(json.dumps(payload).encode()).to_base64(),
        }

    async def say(self, text: str, **lies: Any) -> str:
        return await self.peer.raw.say(self.room, self.seal(text, **lies), "m.room.encrypted")
