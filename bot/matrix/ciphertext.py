"""Whether something that says it is ciphertext is ciphertext. Pure.

Megolm proves it: a session's id is its Ed25519 public key, and every message carries that key's signature, so that only
our own session can have made it (Matrix, "Megolm", "Message format"). Olm messages must parse as such.
"""

from __future__ import annotations

from typing import Any

import vodozemac
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot.matrix.signatures import decoded, raw_key, unpadded

SIGNATURE_BYTES = 64
#: The first byte of an Olm or Megolm message.
VERSION = 3
PREKEY, NORMAL = 0, 1

#: How files begin that anybody can read: an upload that looks like one of them is none of ours.
READABLE = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1", b"\xff\xd8\xff\xdb", b"\xff\xd8\xff\xee",
    b"\xff\x4f\xff\x51", b"GIF8", b"RIFF", b"PK\x03\x04", b"PK\x05\x06", b"%PDF", b"\x1a\x45\xdf\xa3",
)  # fmt: skip
DICOM, DICOM_AT = b"DICM", 128
#: Of a file's beginning: as much as is looked at, and as much of it as is never all text by chance.
HEAD, WORDS = 256, 32


def is_megolm(ciphertext: Any, session_id: Any) -> bool:
    """Whether this is a Megolm message of that session, in unpadded base64."""
    try:
        raw, key = decoded(ciphertext), raw_key(session_id)
        vodozemac.MegolmMessage.from_base64(ciphertext)
        Ed25519PublicKey.from_public_bytes(key).verify(raw[-SIGNATURE_BYTES:], raw[:-SIGNATURE_BYTES])
    except (ValueError, InvalidSignature):
        return False
    return raw[0] == VERSION and unpadded(raw) == ciphertext


def is_olm(kind: Any, body: Any) -> bool:
    """Whether this is an Olm message of that type, in unpadded base64."""
    try:
        raw = decoded(body)
        if kind == PREKEY:
            vodozemac.PreKeyMessage.from_base64(body)
        else:
            vodozemac.AnyOlmMessage.normal(raw)
    except ValueError:
        return False
    return kind in {PREKEY, NORMAL} and raw[0] == VERSION and unpadded(raw) == body


def is_readable(head: bytes) -> bool:
    """Whether a file that begins so could be read without a key: a picture, an archive, DICOM, or text."""
    if head.startswith(READABLE) or head[DICOM_AT : DICOM_AT + len(DICOM)] == DICOM:
        return True
    words = head[:WORDS]
    return len(words) == WORDS and all(byte in b"\t\r\n" or 0x20 <= byte < 0x7F for byte in words)  # noqa: PLR2004
