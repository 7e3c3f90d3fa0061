"""The arithmetic of the short authentication string (Matrix, "Short Authentication String (SAS) verification"). Pure.

Only today's methods: curve25519-hkdf-sha256, sha256, hkdf-hmac-sha256.v2.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vodozemac import Curve25519PublicKey, Sas

from bot.matrix.chain import table
from bot.matrix.cleartext import Cancel
from bot.matrix.signatures import canonical, unpadded
from bot.matrix.verification.emoji import EMOJI, Emoji

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vodozemac import EstablishedSas

METHOD = "m.sas.v1"
AGREEMENT, HASH, MAC = "curve25519-hkdf-sha256", "sha256", "hkdf-hmac-sha256.v2"
EMOJI_STRING, DECIMAL_STRING = "emoji", "decimal"


class Wrong(Exception):
    """What the other side said ends the verification."""

    def __init__(self, cancel: Cancel) -> None:
        super().__init__(cancel.code)
        self.cancel = cancel


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two devices, with the keys that everybody is told are its own. Unpadded base64."""

    user_id: str
    device_id: str
    ed25519: str
    #: Of its owner's identity.
    master: str

    @property
    def keys(self) -> dict[str, str]:
        """Both keys by their ids."""
        return {f"ed25519:{self.device_id}": self.ed25519, f"ed25519:{self.master}": self.master}


@dataclass(frozen=True, slots=True)
class End:
    """One side of the key agreement: its device and its ephemeral key (unpadded base64)."""

    party: Party
    key: str

    def __str__(self) -> str:
        return f"{self.party.user_id}|{self.party.device_id}|{self.key}"


@dataclass(frozen=True, slots=True)
class ShortString:
    """What two people compare: seven emoji, or three numbers from 1000 to 9191 where the other app has no emoji."""

    emoji: tuple[Emoji, ...] = ()
    decimals: tuple[int, ...] = ()


def commitment(key: str, start: Mapping[str, Any]) -> str:
    """What the accepting side announces: a hash over its ephemeral key and the start message's content."""
    return unpadded(hashlib.sha256(key.encode() + canonical(start)).digest())


class Secret:
    """What both sides know once the ephemeral keys are exchanged."""

    def __init__(self, sas: Sas, their_key: str) -> None:
        """Use up our ephemeral key. Raises `Wrong` for a key that is none."""
        try:
            self._sas: EstablishedSas = sas.diffie_hellman(Curve25519PublicKey.from_base64(their_key))
        except ValueError as error:
            raise Wrong(Cancel.INVALID) from error

    def short_string(self, starter: End, accepter: End, flow_id: str, kind: str) -> ShortString:
        """For both to compare; the same on both sides only if nobody changed a key on the way."""
        drawn = self._sas.bytes(f"MATRIX_KEY_VERIFICATION_SAS|{starter}|{accepter}|{flow_id}")
        if kind == DECIMAL_STRING:
            return ShortString(decimals=tuple(drawn.decimals))
        return ShortString(emoji=tuple(EMOJI[index] for index in drawn.emoji_indices))

    def macs(self, of: Party, to: Party, flow_id: str) -> dict[str, Any]:
        """The content of m.key.verification.mac about the first one's keys, for the other one."""
        info = _mac_info(of, to, flow_id)
        macs = {key_id: self._sas.calculate_mac(key, info + key_id) for key_id, key in of.keys.items()}
        return {"mac": macs, "keys": self._sas.calculate_mac(_listed(macs), f"{info}KEY_IDS")}

    def check(self, content: Mapping[str, Any], of: Party, to: Party, flow_id: str) -> None:
        """Raise `Wrong` unless `of` holds to both of its keys, its device's and its identity's.

        Further keys that we have not heard of are no matter of ours.
        """
        macs, listed = table(content.get("mac")), content.get("keys")
        if not isinstance(listed, str) or not all(isinstance(mac, str) for mac in macs.values()):
            raise Wrong(Cancel.INVALID)
        info = _mac_info(of, to, flow_id)
        try:
            self._sas.verify_mac(_listed(macs), f"{info}KEY_IDS", listed)
            for key_id, key in of.keys.items():
                self._sas.verify_mac(key, info + key_id, macs[key_id])
        except (ValueError, KeyError) as error:
            raise Wrong(Cancel.WRONG_KEY) from error


def _listed(macs: Mapping[str, str]) -> str:
    return ",".join(sorted(macs))


def _mac_info(of: Party, to: Party, flow_id: str) -> str:
    return f"MATRIX_KEY_VERIFICATION_MAC{of.user_id}{of.device_id}{to.user_id}{to.device_id}{flow_id}"
