"""One encrypted file: what opens it, and the two primitives, both by OpenSSL, in one pass."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

KEY_BYTES = 32
#: The upper half of the IV is random, the lower half counts blocks from 0 and never overflows into the upper.
IV_RANDOM_BYTES = 8


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A ciphertext file in the spool and its secrets, as Matrix's `EncryptedFile` needs them."""

    #: Its file name in the spool: random, says nothing.
    name: str
    #: 32 bytes. Whoever keeps it encrypts it.
    key: bytes = field(repr=False)
    #: 16 bytes: 8 random, 8 zero.
    iv: bytes = field(repr=False)
    #: Of the ciphertext.
    sha256: bytes
    #: Of ciphertext and plaintext alike, in bytes.
    size: int

    def decryptor(self) -> CipherContext:
        """Turns the ciphertext, from its beginning, into plaintext."""
        return Cipher(algorithms.AES(self.key), modes.CTR(self.iv)).decryptor()


class Sealing:
    """A fresh key at work: plaintext in, ciphertext out, and its digest growing along."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(KEY_BYTES)
        self._iv = secrets.token_bytes(IV_RANDOM_BYTES) + bytes(16 - IV_RANDOM_BYTES)
        self._encryptor = Cipher(algorithms.AES(self._key), modes.CTR(self._iv)).encryptor()
        self._digest = hashlib.sha256()

    def update(self, plain: memoryview, cipher: bytearray) -> memoryview:
        """Encrypt `plain` into `cipher`, which is 15 bytes longer at least, and return what was written."""
        written = memoryview(cipher)[: self._encryptor.update_into(plain, cipher)]
        self._digest.update(written)
        return written

    def sealed(self, name: str, size: int) -> SealedFile:
        """What opens the file that was written."""
        return SealedFile(name, self._key, self._iv, self._digest.digest(), size)
