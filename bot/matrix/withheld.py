"""What devices that get no key are told (Matrix, "Reporting that decryption keys are withheld"). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.matrix.olm import MEGOLM

if TYPE_CHECKING:
    from access.rooms import UnverifiedDevice

EVENT = "m.room_key.withheld"
NO_OLM = "This device offers no keys to begin with. Open your app, and stay online."
#: For each reason why a device is excluded: what its owner can do.
UNVERIFIED = {
    "unsigned": "This device is not verified. Verify it in your app's security settings.",
    "no identity": "You have not set up verification. Do so in your app's security settings.",
    "identity changed": "Your identity has changed. Verify with the bot again, or ask its administrator to accept it.",
    "identity not verified": "You and the bot have not verified each other. Start a verification in your app.",
    "malformed": "The keys of this device are not properly signed. Sign out and in again.",
}


def unverified(device: UnverifiedDevice, room_id: str, session_id: str, sender_key: str) -> dict[str, Any]:
    """To a device that is not believed, once for each session."""
    about = {"room_id": room_id, "session_id": session_id}
    return _withheld(sender_key, "m.unverified", UNVERIFIED[device.reason]) | about


def no_olm(sender_key: str) -> dict[str, Any]:
    """To a device with which no Olm session could be had: about all sessions, once until there was one."""
    return _withheld(sender_key, "m.no_olm", NO_OLM)


def _withheld(sender_key: str, code: str, reason: str) -> dict[str, Any]:
    return {"algorithm": MEGOLM, "sender_key": sender_key, "code": code, "reason": reason}
