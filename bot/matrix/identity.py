"""The bot's own cross-signing identity (Matrix spec, "Cross-signing"): made once, kept for ever.

Three Ed25519 seeds, sealed in the state directory. Losing them means a new identity, of which everybody's app warns.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.matrix.chain import cross_signing_key, judge, master_key, table
from bot.matrix.devicekeys import device_keys, own_keys
from bot.matrix.errors import ForeignIdentity
from bot.matrix.guard import client_path
from bot.matrix.signatures import public, sign
from bot.matrix.uia import confirmed
from config.state import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.matrix.guard import GuardedClient
    from config.state import FieldCipher

log = structlog.get_logger()

FILE = "identity"
PLACE = "matrix/identity"
USAGES = ("master", "self_signing", "user_signing")


@dataclass(frozen=True)
class Identity:
    """Our three keys."""

    user_id: str
    master: Ed25519PrivateKey
    self_signing: Ed25519PrivateKey
    user_signing: Ed25519PrivateKey

    @classmethod
    def kept(cls, user_id: str, path: Path, cipher: FieldCipher) -> Identity | None:
        """The identity in this file, None when there is none yet. Raises `Bug` when it does not unseal."""
        if not path.exists():
            return None
        seeds = json.loads(cipher.open(path.read_bytes(), PLACE))
        return cls.of(user_id, {usage: bytes.fromhex(seed) for usage, seed in seeds.items()})

    @classmethod
    def made(cls, user_id: str, path: Path, cipher: FieldCipher) -> Identity:
        """A new identity, kept in this file before anybody hears of it."""
        identity = cls.of(user_id, {usage: secrets.token_bytes(32) for usage in USAGES})
        identity.keep(path, cipher)
        return identity

    @classmethod
    def of(cls, user_id: str, seeds: Mapping[str, bytes]) -> Self:
        """The identity of these seeds, 32 bytes for each usage. Raises `ValueError` for another length."""
        return cls(user_id, *(Ed25519PrivateKey.from_private_bytes(seeds[usage]) for usage in USAGES))

    def seeds(self) -> dict[str, bytes]:
        """What must never be lost and never be seen: 32 bytes for each usage."""
        return {usage: getattr(self, usage).private_bytes_raw() for usage in USAGES}

    def keep(self, path: Path, cipher: FieldCipher) -> None:
        """Seal the seeds into this file."""
        stored = json.dumps({usage: seed.hex() for usage, seed in self.seeds().items()})
        write_private(path, cipher.seal(stored.encode(), PLACE))

    def is_published(self, answer: Mapping[str, Any]) -> bool:
        """Whether these three keys are what the server gives out as ours (`answer` of our own /keys/query)."""
        keys = {usage: public(getattr(self, usage)) for usage in USAGES}
        return all(cross_signing_key(self.user_id, answer, usage) == key for usage, key in keys.items())

    def public_keys(self, client: GuardedClient) -> dict[str, Any]:
        """The body of /keys/device_signing/upload: the master is signed by our device, the others by the master."""
        keys = {usage: self._stated(usage, getattr(self, usage)) for usage in USAGES}
        device = {f"ed25519:{client.device_id}": client.olm.sign_json(keys["master"])}
        keys["master"]["signatures"] = {self.user_id: device}
        for usage in USAGES[1:]:
            signature = {f"ed25519:{public(self.master)}": sign(keys[usage], self.master)}
            keys[usage]["signatures"] = {self.user_id: signature}
        return {f"{usage}_key": key for usage, key in keys.items()}

    def vouch(self, device: Mapping[str, Any]) -> dict[str, Any]:
        """The device's keys with our self-signing key's signature beside its own."""
        signature = {f"ed25519:{public(self.self_signing)}": sign(device, self.self_signing)}
        return {**device, "signatures": {self.user_id: device["signatures"][self.user_id] | signature}}

    def _stated(self, usage: str, key: Ed25519PrivateKey) -> dict[str, Any]:
        return {"user_id": self.user_id, "usage": [usage], "keys": {f"ed25519:{public(key)}": public(key)}}


async def establish(
    client: GuardedClient, path: Path, cipher: FieldCipher, published: Mapping[str, Any], password: str | None
) -> Identity:
    """Our identity, on the server and vouching for our device. `published` is what /keys/query says of us.

    Does nothing when all that is so already. Raises `ForeignIdentity` when the server holds another one.
    """
    identity = Identity.kept(client.user_id, path, cipher)
    refuse_foreign(client.user_id, identity, published)
    identity = identity or Identity.made(client.user_id, path, cipher)
    if master_key(client.user_id, published) is None:
        await _upload(client, identity.public_keys(client), password)
        published = await own_keys(client)
    await vouch_for_ourselves(client, identity, published)
    return identity


def refuse_foreign(user_id: str, identity: Identity | None, published: Mapping[str, Any]) -> None:
    """Raise `ForeignIdentity` when the server gives out another identity than ours, or one while we have none."""
    on_server = master_key(user_id, published)
    if on_server is not None and (identity is None or on_server != public(identity.master)):
        raise ForeignIdentity(user_id)


async def vouch_for_ourselves(client: GuardedClient, identity: Identity, published: Mapping[str, Any]) -> None:
    """Sign our device with our identity, unless `published` shows that everybody sees it signed already."""
    if not vouched(client, identity, published):
        await _sign_device(client, identity)


def vouched(client: GuardedClient, identity: Identity, published: Mapping[str, Any]) -> bool:
    """Whether everybody who looks sees our device vouched for by our identity."""
    standing = judge(client.user_id, published, public(identity.master))
    return any(device.device_id == client.device_id for device in standing.good)


async def _sign_device(client: GuardedClient, identity: Identity) -> None:
    signed = identity.vouch(device_keys(client))
    body = {client.user_id: {client.device_id: signed}}
    answer = await client.call("POST", client_path("keys", "signatures", "upload"), body)
    if table(answer).get("failures"):
        raise ForeignIdentity(client.user_id)
    if not vouched(client, identity, await own_keys(client)):
        raise ForeignIdentity(client.user_id)
    log.info("device_cross_signed", device_id=client.device_id)


async def _upload(client: GuardedClient, keys: Mapping[str, Any], password: str | None) -> None:
    """The first identity of an account needs no password (MSC3967); older servers ask for it all the same."""
    await confirmed(client, client_path("keys", "device_signing", "upload"), keys, password)
