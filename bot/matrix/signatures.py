"""Keys, canonical JSON and Ed25519 signatures (Matrix spec, appendices "Signing JSON"). Pure."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_BYTES = 32


def canonical(value: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: canonical JSON without `signatures` and `unsigned`.

    Raises `ValueError` for what has no canonical form (lone surrogates).
    """
    signed = {key: part for key, part in value.items() if key not in {"signatures", "unsigned"}}
    return json.dumps(signed, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def unpadded(data: bytes) -> str:
    """Unpadded base64, as Matrix writes keys and signatures."""
    return base64.b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The bytes of unpadded (or padded) base64. Raises `ValueError` for anything else."""
    if not isinstance(text, str):
        raise ValueError("not base64")  # noqa: TRY004 - one kind of error for what a stranger sent
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def raw_key(text: str) -> bytes:
    """The 32 bytes of a Curve25519 or Ed25519 key. Raises `ValueError` when it is none."""
    key = decoded(text)
    if len(key) != KEY_BYTES:
        raise ValueError("not a key")
    return key


def signed_by(value: Mapping[str, Any], user_id: str, key_id: str, key: str) -> bool:
    """Whether `value` carries a valid signature of `user_id` under "ed25519:<key_id>" by the public key `key`."""
    try:
        signature = decoded(value["signatures"][user_id][f"ed25519:{key_id}"])
        Ed25519PublicKey.from_public_bytes(raw_key(key)).verify(signature, canonical(value))
    except (InvalidSignature, ValueError, KeyError, TypeError, RecursionError):
        return False
    return True


def sign(value: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """Our signature of the value, unpadded base64."""
    return unpadded(key.sign(canonical(value)))


def public(key: Ed25519PrivateKey) -> str:
    """The public key, unpadded base64."""
    return unpadded(key.public_key().public_bytes_raw())
