"""Who really wrote a message. The server's `sender` is a claim; the keys are the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.people import Clinician
from bot.matrix.errors import NotAuthentic

if TYPE_CHECKING:
    from bot.matrix.chain import Standing
    from bot.matrix.megolm import Claim, Decrypted
    from bot.matrix.trust import Trust

REASONS = {
    "unsigned": "your device is not verified",
    "no identity": "you have not set up verification in your app",
    "identity changed": "your identity has changed since we met",
}


async def authenticate(trust: Trust, sender: str, message: Decrypted, display_name: str = "") -> Clinician:
    """The person whose cross-signed device wrote this message. Raises `NotAuthentic` when it was nobody like that.

    The session came through Olm from the Curve25519 key of a device; that device must be one of `sender`'s, its
    Ed25519 key must be the one that the session states, and its owner's pinned identity must vouch for it.
    """
    claims = [claim for claim in message.claims if not claim.forwarded]
    if not claims:
        raise NotAuthentic("its key came at second hand")
    standing = await trust.standing(sender)
    if not _owner(standing, claims):
        trust.doubt([sender])  # a device that is newer than what we know
        standing = await trust.standing(sender)
    device_id = _owner(standing, claims)
    if device_id is None:
        raise NotAuthentic(_why(standing))
    return Clinician(sender, device_id, display_name)


def _owner(standing: Standing, claims: list[Claim]) -> str | None:
    held = {(claim.sender_key, claim.ed25519) for claim in claims}
    return next((device.device_id for device in standing.good if (device.curve25519, device.ed25519) in held), None)


def _why(standing: Standing) -> str:
    """The best guess at what an honest person has to do: their device is among those that we exclude."""
    if not standing.known:
        return "your server does not say which devices you use"
    kinds = {one.reason for one in standing.excluded}
    return next((text for kind, text in REASONS.items() if kind in kinds), "none of your devices wrote it")
