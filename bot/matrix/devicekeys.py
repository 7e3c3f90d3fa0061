"""Our own device's keys on the server: identity keys once, one-time keys as they are used, a fallback key always."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.matrix.chain import table
from bot.matrix.errors import ForeignDevice, NoSense
from bot.matrix.guard import client_path
from bot.matrix.olm import MEGOLM, OLM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.matrix.guard import GuardedClient

SIGNED = "signed_curve25519"
#: Fewer one-time keys than this on the server, and the pool is filled up.
LOW = 40


def device_keys(client: GuardedClient) -> dict[str, Any]:
    """Our DeviceKeys object, signed by the device (Matrix spec, "Key algorithms")."""
    olm = client.olm
    keys = {
        "user_id": olm.user_id,
        "device_id": olm.device_id,
        "algorithms": [OLM, MEGOLM],
        "keys": {f"curve25519:{olm.device_id}": olm.curve25519, f"ed25519:{olm.device_id}": olm.ed25519},
    }
    return _signed(client, keys)


async def publish(
    client: GuardedClient, answer: Mapping[str, Any], vouch: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> Mapping[str, Any]:
    """Upload our device's keys if the server has none, and return what it then says of us (/keys/query).

    `answer` is what it says now. `vouch` adds our identity's signature before anybody sees the device, so that there
    is no moment in which it is a new, unsigned one. Raises `ForeignDevice` when the server holds other keys for it:
    then no message to us could be read, and none of ours trusted.
    """
    stored = stated(client, answer)
    if stored is None:
        # One-time keys first: whoever learns of this device must be able to send it a room key in the same moment.
        await replenish(client, 0, fallback=True)
        keys = device_keys(client)
        await _upload(client, {"device_keys": vouch(keys) if vouch else keys})
        answer = await own_keys(client)
        stored = stated(client, answer)
    if table(stored).get("keys") != device_keys(client)["keys"]:
        raise ForeignDevice(client.device_id)
    return answer


def stated(client: GuardedClient, answer: Mapping[str, Any]) -> Any:
    """Our device's keys in an answer to /keys/query, None when it has none yet: nobody can know of it."""
    return table(table(answer.get("device_keys")).get(client.user_id)).get(client.device_id)


async def own_keys(client: GuardedClient) -> Mapping[str, Any]:
    """What everybody is told about our user's keys."""
    answer: dict[str, Any] = await client.call(
        "POST", client_path("keys", "query"), {"device_keys": {client.user_id: []}}
    )
    if not isinstance(answer.get("device_keys"), dict):
        raise NoSense
    return answer


async def replenish(client: GuardedClient, left: int, *, fallback: bool) -> None:
    """Fill the pool of one-time keys up when few are left; with `fallback`, put a new fallback key there too.

    Private halves are stored before the public ones leave: a crash in between costs keys, never a message.
    """
    account = client.olm.account
    body: dict[str, Any] = {}
    if left < LOW:
        unpublished = len(account.one_time_keys["curve25519"])
        account.generate_one_time_keys(max(account.max_one_time_keys - left - unpublished, 0))
        body["one_time_keys"] = _offers(client, account.one_time_keys["curve25519"])
    if fallback:
        account._account.generate_fallback_key()  # noqa: SLF001 - nio has no fallback keys
        public = {name: key.to_base64() for name, key in account._account.fallback_key.items()}  # noqa: SLF001
        body["fallback_keys"] = _offers(client, public, fallback=True)
    if body:
        client.olm.save_account()
        await _upload(client, body)


def _offers(client: GuardedClient, keys: Mapping[str, str], **marks: bool) -> dict[str, Any]:
    return {f"{SIGNED}:{name}": _signed(client, {"key": key, **marks}) for name, key in keys.items()}


async def _upload(client: GuardedClient, body: Mapping[str, Any]) -> None:
    await client.call("POST", client_path("keys", "upload"), body)
    client.olm.account.shared = True
    client.olm.mark_keys_as_published()
    client.olm.save_account()


def _signed(client: GuardedClient, value: dict[str, Any]) -> dict[str, Any]:
    signature = client.olm.sign_json(value)
    return value | {"signatures": {client.user_id: {f"ed25519:{client.device_id}": signature}}}
