"""The bot's identity in its account's data, opened by a recovery key only (Matrix spec, "Secret storage").

What is backed up are the three cross-signing seeds, nothing else: not whom the bot trusts, not what it was sent.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from bot.matrix.chain import table
from bot.matrix.devicekeys import own_keys
from bot.matrix.errors import ForeignIdentity, RecoveryRefused, ServerRefused
from bot.matrix.guard import client_path
from bot.matrix.identity import USAGES
from bot.matrix.secretstorage import description, is_described, recovery_key, seal, typed_key, unseal
from bot.matrix.signatures import decoded, raw_key, unpadded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.matrix.guard import GuardedClient
    from bot.matrix.identity import Identity

DEFAULT = "m.secret_storage.default_key"
SECRETS = {usage: f"m.cross_signing.{usage}" for usage in USAGES}
#: Ids of keys that apps make, safe in a path.
KEY_ID = re.compile(r"[0-9A-Za-z_+=-]{1,200}")
PARTS = ("iv", "ciphertext", "mac")
NOT_FOUND = 404


async def has_backup(client: GuardedClient) -> bool:
    """Whether there is a recovery key already, ours or another app's."""
    return bool((await _get(client, DEFAULT)).get("key"))


async def back_up(client: GuardedClient, identity: Identity, show: Callable[[str], None]) -> None:
    """Put the identity into the account's data, and `show` the recovery key once it is proven to open it.

    The recovery key before this one works until the new one was shown, wherever this is cut off. Raises
    `ForeignIdentity` when the server publishes another identity, `RecoveryRefused` when it does not keep ours.
    """
    if not identity.is_published(await own_keys(client)):
        raise ForeignIdentity(client.user_id)
    key, key_id = secrets.token_bytes(32), secrets.token_hex(16)
    sealed = {
        usage: {key_id: seal(key, SECRETS[usage], unpadded(seed).encode())} for usage, seed in identity.seeds().items()
    }
    await _put(client, _key(key_id), description(key))
    for usage, name in SECRETS.items():
        await _put(client, name, {"encrypted": {**await _encrypted(client, name), **sealed[usage]}})
    text = recovery_key(key)
    if await opened(client, typed_key(text)) != identity.seeds():
        raise _unproven()
    await _put(client, DEFAULT, {"key": key_id})
    if await _get(client, DEFAULT) != {"key": key_id}:
        raise _unproven()
    show(text)
    for usage, name in SECRETS.items():
        await _put(client, name, {"encrypted": sealed[usage]})


async def opened(client: GuardedClient, key: bytes) -> dict[str, bytes]:
    """The seeds in the account's data, by usage. Raises `RecoveryRefused` when `key` opens none or not all."""
    stored = {usage: await _encrypted(client, name) for usage, name in SECRETS.items()}
    if not all(stored.values()):
        raise RecoveryRefused(
            "The account holds no backup of its identity. Make one with `carrierbag keys backup` where the bot still "
            "runs, or put the backup of its state directory back.",
            "M42",
        )
    for key_id in stored["master"]:
        if is_described(key, await _get(client, _key(key_id))):
            try:
                return {usage: _seed(key, SECRETS[usage], sealed[key_id]) for usage, sealed in stored.items()}
            except (ValueError, KeyError):
                continue
    raise RecoveryRefused(
        "This recovery key does not open the account's backup: it belongs to another account, or a newer one has "
        "replaced it. Nothing was changed. Look for the newest recovery key of this account.",
        "M41",
    )


def _seed(key: bytes, name: str, sealed: Mapping[str, str]) -> bytes:
    """Apps keep seeds as base64 text."""
    return raw_key(unseal(key, name, sealed).decode("ascii"))


def _key(key_id: str) -> str:
    return f"m.secret_storage.key.{key_id}"


def _unproven() -> RecoveryRefused:
    return RecoveryRefused(
        "The homeserver does not give back what was written to the account, so there is no new recovery key. If there "
        "was one before, it is as good as it was. Try again; if it stays so, ask the homeserver's administrator.",
        "M47",
    )


async def _encrypted(client: GuardedClient, name: str) -> dict[str, dict[str, str]]:
    """What is sealed under this name, by the id of its key; what is not well-formed is left out."""
    stored = table((await _get(client, name)).get("encrypted"))
    return {key_id: _parts(sealed) for key_id, sealed in stored.items() if KEY_ID.fullmatch(key_id) and _parts(sealed)}


def _parts(sealed: Any) -> dict[str, str]:
    """The three parts of a seal and nothing else, {} when they are not there."""
    try:
        return {part: unpadded(decoded(table(sealed)[part])) for part in PARTS}
    except (KeyError, ValueError):
        return {}


async def _get(client: GuardedClient, kind: str) -> Mapping[str, Any]:
    """The account's data of this type (Matrix spec, "Client Config"), {} when there is none."""
    try:
        return table(await client.call("GET", _path(client, kind)))
    except ServerRefused as refused:
        if refused.status != NOT_FOUND:
            raise
        return {}


async def _put(client: GuardedClient, kind: str, content: Mapping[str, Any]) -> None:
    await client.call("PUT", _path(client, kind), content)


def _path(client: GuardedClient, kind: str) -> str:
    return client_path("user", client.user_id, "account_data", kind)
