"""From an answer to /keys/query to how far we believe each of a person's devices. Pure.

A device is vouched for when its keys carry its own signature and that of its owner's self-signing key, and that key
carries the signature of the owner's master key (Matrix spec, "Cross-signing"; MSC4153). How far that goes depends on
whether the master key is the pinned one, and whether a human compared it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from access.rooms import UnverifiedDevice
from bot.matrix.shapes import OPAQUE
from bot.matrix.signatures import raw_key, signed_by
from config.trust import TrustLevel

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Device:
    """A device whose keys are keys and its own. In unpadded base64."""

    user_id: str
    device_id: str
    curve25519: str
    ed25519: str
    display_name: str = field(default="", compare=False)
    level: TrustLevel = field(default=TrustLevel.UNVERIFIED, compare=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """What we believe about one person's devices now. `known` is False when their server did not tell."""

    #: Devices that get our keys, and those that do not, for the level that was asked for.
    good: tuple[Device, ...] = ()
    excluded: tuple[UnverifiedDevice, ...] = ()
    known: bool = True
    #: All well-formed devices.
    devices: tuple[Device, ...] = ()
    #: What is wrong with the identity: "no identity", "identity changed", "" for nothing.
    trouble: str = ""

    def lacks(self, device: Device, least: TrustLevel) -> str:
        """Why this device is below that level, in the words of `UnverifiedDevice.reason`; "" when it is not."""
        if device.level >= least:
            return ""
        if device.level is TrustLevel.CROSS_SIGNED_TOFU:
            return "identity not verified"
        return self.trouble or "unsigned"


def master_key(user_id: str, answer: Mapping[str, Any]) -> str | None:
    """The person's master key, None when they have no (well-formed) one."""
    return cross_signing_key(user_id, answer, "master")


def whole_identity(user_id: str, answer: Mapping[str, Any]) -> str | None:
    """The master key, if it has signed a self-signing key: only such a one is worth pinning."""
    return master_key(user_id, answer) if _signing_key(user_id, answer) else None


def judge(
    user_id: str,
    answer: Mapping[str, Any],
    pinned: str | None,
    *,
    verified: bool = False,
    least: TrustLevel = TrustLevel.CROSS_SIGNED_TOFU,
) -> Standing:
    """Each of the person's devices with its level. `pinned` is their master key as we know it, None for nobody's.

    `verified` says that a human compared the pinned key; `least` is asked of a good device.
    """
    keys = table(table(answer.get("device_keys")).get(user_id))
    signing_key = _signing_key(user_id, answer)
    vouched = _level_of(master_key(user_id, answer), pinned, verified=verified)
    devices, malformed = [], []
    for device_id, stated in keys.items():
        device = well_formed(user_id, device_id, stated)
        if device is None:
            malformed.append(UnverifiedDevice(user_id, device_id, display_name(stated), "malformed"))
        elif signing_key is not None and signed_by(stated, user_id, signing_key, signing_key):
            devices.append(replace(device, level=vouched))
        else:
            devices.append(device)
    known = bool(keys) or not failed(user_id, answer)
    standing = Standing(known=known, devices=tuple(devices), trouble=_trouble(user_id, answer, pinned))
    return _sorted(standing, malformed, least)


def _sorted(standing: Standing, malformed: list[UnverifiedDevice], least: TrustLevel) -> Standing:
    """The same, with its devices sorted into good and excluded ones."""
    low = [
        UnverifiedDevice(device.user_id, device.device_id, device.display_name, standing.lacks(device, least))
        for device in standing.devices
        if device.level < least
    ]
    good = tuple(device for device in standing.devices if device.level >= least)
    return replace(standing, good=good, excluded=(*malformed, *low))


def _level_of(master: str | None, pinned: str | None, *, verified: bool) -> TrustLevel:
    """The level of a device for which this master key vouches."""
    if master is None or master != pinned:
        return TrustLevel.CROSS_SIGNED_UNTRUSTED
    return TrustLevel.CROSS_SIGNED_VERIFIED if verified else TrustLevel.CROSS_SIGNED_TOFU


def _trouble(user_id: str, answer: Mapping[str, Any], pinned: str | None) -> str:
    if pinned is not None and master_key(user_id, answer) != pinned:
        return "identity changed"
    return "" if _signing_key(user_id, answer) else "no identity"


def well_formed(user_id: str, device_id: str, keys: Any) -> Device | None:
    """The device, if its keys are keys, are its own, and carry its own signature.

    What calls itself by something that is no identifier could never be written to: the gate would not let it pass.
    """
    if not OPAQUE(device_id):
        return None
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


def _signing_key(user_id: str, answer: Mapping[str, Any]) -> str | None:
    """The self-signing key, if the master key vouches for it."""
    master, signing_key = master_key(user_id, answer), cross_signing_key(user_id, answer, "self_signing")
    if master is None or signing_key is None:
        return None
    stated = table(answer["self_signing_keys"])[user_id]
    return signing_key if signed_by(stated, user_id, master, master) else None


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


def failed(user_id: str, answer: Mapping[str, Any]) -> bool:
    """Whether the person's server did not answer."""
    return user_id.partition(":")[2] in table(answer.get("failures"))


def table(value: Any) -> Mapping[str, Any]:
    """A JSON object, empty when the server sent something else in its place."""
    return value if isinstance(value, dict) else {}
