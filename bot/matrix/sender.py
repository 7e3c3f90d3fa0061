"""Who really wrote a message. The server's `sender` is a claim; the keys are the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.people import Clinician
from bot.matrix.errors import NotAuthentic

if TYPE_CHECKING:
    from bot.matrix.chain import Device, Standing
    from bot.matrix.megolm import Claim, Decrypted
    from bot.matrix.trust import Trust

REASONS = {
    "unsigned": "your device is not verified",
    "no identity": "you have not set up verification in your app",
    "identity changed": "your identity has changed since we met",
    "identity not verified": "you and I have not compared emoji yet",
}
#: What an honest person does about it, where it is not this device that they have to verify.
ADVICE = {
    REASONS["no identity"]: "Set it up in your app's security settings",
    REASONS["identity changed"]: "Verify with me in your app, or ask your administrator to accept your new identity",
    REASONS["identity not verified"]: "Start a verification with me in your app",
}


async def authenticate(trust: Trust, sender: str, message: Decrypted, display_name: str = "") -> Clinician:
    """The person whose device wrote this message. Raises `NotAuthentic` when it was nobody whom we believe.

    The session came through Olm from the Curve25519 key of a device; that device must be one of `sender`'s, its
    Ed25519 key must be the one that the session states, and its level must be at least `trust.settings.receive`.
    """
    claims = [claim for claim in message.claims if not claim.forwarded]
    if not claims:
        raise NotAuthentic("its key came at second hand")
    least = trust.settings.receive
    standing = await trust.standing(sender)
    device = _author(standing, claims)
    if device is None or device.level < least:
        trust.doubt([sender])  # the device, or what its owner has said of it, may be newer than what we know
        standing = await trust.standing(sender)
        device = _author(standing, claims)
    if device is None:
        raise NotAuthentic(_nobody(standing))
    if why := standing.lacks(device, least):
        raise NotAuthentic(REASONS[why])
    return Clinician(sender, device.device_id, display_name)


def _author(standing: Standing, claims: list[Claim]) -> Device | None:
    held = {(claim.sender_key, claim.ed25519) for claim in claims}
    return next((device for device in standing.devices if (device.curve25519, device.ed25519) in held), None)


def _nobody(standing: Standing) -> str:
    if not standing.known:
        return "your server does not say which devices you use"
    return "none of your devices wrote it"
