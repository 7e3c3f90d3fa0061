"""The state directory: what must outlive a restart, readable by the bot's own user only.

Holds the Olm store, the cross-signing seeds, the ledger, the folder index, and the spool of ciphertext. Directories are
0700, files 0600, keys are 32 random bytes. One process per directory, guarded by a lock, because two processes on one
Matrix device corrupt its Olm sessions.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config.errors import Bug, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY_BYTES = 32
NONCE_BYTES = 12


class FieldCipher:
    """AES-256-GCM for single database fields.

    The associated data names the place (table, row, column): a ciphertext copied to another row does not decrypt.
    """

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(_derive(key, b"carrierbag field encryption"))
        self._blind_key = _derive(key, b"carrierbag blind index")

    def seal(self, plaintext: bytes, place: str) -> bytes:
        """Nonce followed by ciphertext and tag. `place` is bound to it and must be given again to `open`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plaintext, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The plaintext. Raises `Bug` when the bytes or the place are not what was sealed."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
            raise Bug(
                f"A stored field does not belong where it was found ({place.split('/', 1)[0]}).", "B01"
            ) from error

    def blind(self, value: str, place: str) -> bytes:
        """A keyed digest (16 bytes) for equality look-ups on an encrypted column."""
        return hmac.new(self._blind_key, f"{place}\0{value}".encode(), hashlib.sha256).digest()[:16]


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)


class StateDirectory:
    """One bot's private directory: `prepare()` makes it and checks its mode, `locked()` takes the lock.

    With a `key_file` outside of the directory all keys are derived from that file's 32 bytes, and the directory alone
    is of no use to a thief.
    """

    def __init__(self, root: Path, key_file: Path | None = None) -> None:
        self.root = root
        self.key_file = key_file

    def prepare(self) -> None:
        """Create the directory 0700. Refuses one that others can read, because it holds keys."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.root.stat().st_mode & 0o077:
            raise NotAllowed(
                f"The state directory {self.root} can be read by others. Run: chmod 700 {self.root}", "S01"
            )

    def directory(self, name: str) -> Path:
        """A sub-directory, 0700."""
        path = self.root / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def file(self, name: str) -> Path:
        """A file's path, made 0600 if it does not exist yet."""
        path = self.root / name
        if not path.exists():
            path.touch(mode=0o600)
        return path

    def key(self, name: str) -> bytes:
        """32 bytes for one purpose: random, kept under `keys/<name>`, or derived from the key file. Never changed."""
        if self.key_file is None:
            return _made_once(self.directory("keys") / name)
        return _derive(self._main_key(self.key_file), f"carrierbag key {name}".encode())

    def _main_key(self, path: Path) -> bytes:
        """The key file's bytes; made only as long as nothing was written with its keys."""
        witness = self.root / "key.check"
        if witness.exists() and not path.exists():
            raise NotAllowed(f"The key file {path} is missing. Restore it: without it nothing here can be read.", "S04")
        key = _made_once(path)
        digest = hmac.new(key, b"carrierbag key check", hashlib.sha256).digest()
        if not witness.exists():
            write_private(witness, digest)
        elif not hmac.compare_digest(witness.read_bytes(), digest):
            raise NotAllowed(
                f"The key file {path} is not the one of this state directory. Restore the right one.", "S04"
            )
        return key

    def cipher(self) -> FieldCipher:
        """The cipher for fields of the ledger and the index."""
        return FieldCipher(self.key("fields"))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the one-process lock. Raises `NotAllowed` when another process has it."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise NotAllowed(
                    f"Another carrierbag runs on {self.root}. Stop it first, or give this one its own directory.",
                    "S03",
                ) from error
            yield
        finally:
            os.close(descriptor)


def _made_once(path: Path) -> bytes:
    if not path.exists():
        write_private(path, secrets.token_bytes(KEY_BYTES))
    if path.stat().st_mode & 0o077:
        raise NotAllowed(f"The key file {path} can be read by others. Run: chmod 600 {path}", "S02")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise NotAllowed(f"The key file {path} is damaged. Restore it from your backup.", "S02")
    return key


def write_private(path: Path, data: bytes) -> None:
    """Write a 0600 file so that a crash leaves either the old content or the new one."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
