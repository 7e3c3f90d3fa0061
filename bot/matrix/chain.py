"""From an answer to /keys/query to what we believe about a person's devices. Pure.

A device is good when its keys carry its own signature and that of its owner's self-signing key, that key carries the
signature of the owner's master key, and the master key is the pinned one (Matrix spec, "Cross-signing"; MSC4153).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from access.rooms import UnverifiedDevice
from bot.matrix.signatures import raw_key, signed_by

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Device:
    """A device whose owner vouches for it. Keys in unpadded base64."""

    user_id: str
    device_id: str
    curve25519: str
    ed25519: str
    display_name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """What we believe about one person's devices now. `known` is False when their server did not tell."""

    good: tuple[Device, ...] = ()
    excluded: tuple[UnverifiedDevice, ...] = ()
    known: bool = True


def master_key(user_id: str, answer: Mapping[str, Any]) -> str | None:
    """The person's master key, None when they have no (well-formed) one."""
    return cross_signing_key(user_id, answer, "master")


def judge(user_id: str, answer: Mapping[str, Any], pinned: str | None) -> Standing:
    """Sort the person's devices into good and excluded. `pinned` is the master key of our first meeting."""
    devices = table(table(answer.get("device_keys")).get(user_id))
    trouble, signing_key = _identity(user_id, answer, pinned)
    good: list[Device] = []
    excluded: list[UnverifiedDevice] = []
    for device_id, keys in devices.items():
        device = well_formed(user_id, device_id, keys)
        if device is None:
            excluded.append(UnverifiedDevice(user_id, device_id, display_name(keys), "malformed"))
        elif signing_key is not None and signed_by(keys, user_id, signing_key, signing_key):
            good.append(device)
        else:
            excluded.append(UnverifiedDevice(user_id, device_id, device.display_name, trouble or "unsigned"))
    return Standing(tuple(good), tuple(excluded), known=bool(devices) or not _failed(user_id, answer))


def well_formed(user_id: str, device_id: str, keys: Any) -> Device | None:
    """The device, if its keys are keys, are its own, and carry its own signature."""
    try:
        if (keys["user_id"], keys["device_id"]) != (user_id, device_id):
            return None
        curve25519, ed25519 = keys["keys"][f"curve25519:{device_id}"], keys["keys"][f"ed25519:{device_id}"]
        raw_key(curve25519)
        if not signed_by(keys, user_id, device_id, ed25519):
            return None
    except (KeyError, TypeError, ValueError):
        return None
    return Device(user_id, device_id, curve25519, ed25519, display_name(keys))


def display_name(keys: Any) -> str:
    """As its owner named it, "" if they did not."""
    name = table(table(keys).get("unsigned")).get("device_display_name")
    return name if isinstance(name, str) else ""


def _identity(user_id: str, answer: Mapping[str, Any], pinned: str | None) -> tuple[str, str | None]:
    """What is wrong with the identity ("" if nothing), and the self-signing key if nothing is."""
    master = master_key(user_id, answer)
    if pinned is not None and master != pinned:
        return "identity changed", None
    signing_key = cross_signing_key(user_id, answer, "self_signing")
    if master is None or signing_key is None:
        return "no identity", None
    if not signed_by(table(answer["self_signing_keys"])[user_id], user_id, master, master):
        return "no identity", None
    return "", signing_key


def cross_signing_key(user_id: str, answer: Mapping[str, Any], usage: str) -> str | None:
    """The person's "master", "self_signing" or (only our own) "user_signing" key, None when it is not well-formed."""
    try:
        stated = answer[f"{usage}_keys"][user_id]
        ((key_id, key),) = stated["keys"].items()
        raw_key(key)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    usages = stated.get("usage")
    serves = isinstance(usages, list) and usage in usages
    return str(key) if serves and stated.get("user_id") == user_id and key_id == f"ed25519:{key}" else None


def _failed(user_id: str, answer: Mapping[str, Any]) -> bool:
    return user_id.partition(":")[2] in table(answer.get("failures"))


def table(value: Any) -> Mapping[str, Any]:
    """A JSON object, empty when the server sent something else in its place."""
    return value if isinstance(value, dict) else {}
