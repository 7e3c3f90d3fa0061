"""Secrets in an account's data that only a recovery key opens (Matrix spec, "Secret storage"). Pure.

The algorithm is `m.secret_storage.v1.aes-hmac-sha2`; a recovery key is written as the spec's appendix "Cryptographic
key representation" says. Any app that speaks secret storage can read what is sealed here, and the other way round.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.matrix.errors import RecoveryKeyWrong
from bot.matrix.signatures import decoded, unpadded

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM = "m.secret_storage.v1.aes-hmac-sha2"
KEY_BYTES = 32
IV_BYTES = 16
PREFIX = b"\x8b\x01"
#: Bitcoin's. There is no maintained library for it that is worth a dependency.
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
#: Characters that base58 leaves out, each as the one that was meant.
LOOKALIKES = str.maketrans({"0": "o", "O": "o", "l": "1", "I": "1"})


def recovery_key(key: bytes) -> str:
    """32 bytes as people write them down: base58 in groups of four, with a parity byte against slips."""
    number = int.from_bytes(PREFIX + key + bytes([reduce(xor, PREFIX + key)]))
    letters = ""
    while number:
        number, digit = divmod(number, len(BASE58))
        letters = BASE58[digit] + letters
    return " ".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def typed_key(text: str) -> bytes:
    """The 32 bytes of a recovery key as somebody typed it. Raises `RecoveryKeyWrong`.

    Spaces, line ends and hyphens do not count, and a character that base58 leaves out is the one that looks like it.
    """
    letters = "".join(text.replace("-", "").split()).translate(LOOKALIKES)
    try:
        number = reduce(lambda sum_, letter: sum_ * len(BASE58) + BASE58.index(letter), letters, 0)
        data = number.to_bytes(len(PREFIX) + KEY_BYTES + 1)
    except (ValueError, OverflowError):
        raise RecoveryKeyWrong from None
    if not data.startswith(PREFIX) or reduce(xor, data):
        raise RecoveryKeyWrong
    return data[len(PREFIX) : -1]


def description(key: bytes) -> dict[str, str]:
    """What `m.secret_storage.key.<id>` says of a key: a MAC over zeros, by which a wrong one is noticed."""
    check = seal(key, "", bytes(KEY_BYTES))
    return {"algorithm": ALGORITHM, "name": "carrierbag", "iv": check["iv"], "mac": check["mac"]}


def is_described(key: bytes, told: Mapping[str, object]) -> bool:
    """Whether `told` describes this key. One without a check describes every key: only the secret's MAC can tell."""
    if told.get("algorithm") != ALGORITHM:
        return False
    if "mac" not in told:
        return True
    try:
        iv, mac = decoded(str(told.get("iv"))), decoded(str(told["mac"]))
        return hmac.compare_digest(decoded(_sealed(key, "", bytes(KEY_BYTES), iv)["mac"]), mac)
    except ValueError:
        return False


def seal(key: bytes, name: str, secret: bytes) -> dict[str, str]:
    """`secret` under `key`, bound to its name: iv, ciphertext and mac in unpadded base64."""
    iv = bytearray(secrets.token_bytes(IV_BYTES))
    iv[8] &= 0x7F  # bit 63: some platforms count it wrong
    return _sealed(key, name, secret, bytes(iv))


def unseal(key: bytes, name: str, sealed: Mapping[str, object]) -> bytes:
    """The secret. Raises `ValueError` when the key or the name is another one, or a byte was changed."""
    iv, ciphertext, mac = (decoded(str(sealed.get(part, ""))) for part in ("iv", "ciphertext", "mac"))
    cipher_key, mac_key = _derived(key, name)
    if len(iv) != IV_BYTES or not hmac.compare_digest(hmac.digest(mac_key, ciphertext, hashlib.sha256), mac):
        raise ValueError("not sealed with this key under this name")
    return _counted(cipher_key, iv, ciphertext)


def _sealed(key: bytes, name: str, secret: bytes, iv: bytes) -> dict[str, str]:
    cipher_key, mac_key = _derived(key, name)
    ciphertext = _counted(cipher_key, iv, secret)
    mac = hmac.digest(mac_key, ciphertext, hashlib.sha256)
    return {"iv": unpadded(iv), "ciphertext": unpadded(ciphertext), "mac": unpadded(mac)}


def _derived(key: bytes, name: str) -> tuple[bytes, bytes]:
    """The AES-256 key and the HMAC key for one secret."""
    both = HKDF(algorithm=SHA256(), length=2 * KEY_BYTES, salt=bytes(KEY_BYTES), info=name.encode()).derive(key)
    return both[:KEY_BYTES], both[KEY_BYTES:]


def _counted(key: bytes, iv: bytes, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES256(key), modes.CTR(iv)).encryptor()
    return cipher.update(data) + cipher.finalize()
