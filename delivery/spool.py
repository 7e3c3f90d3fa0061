"""The spool: ciphertext on its way to the server. Plaintext never reaches the disk.

Each file is encrypted as Matrix wants its attachments (client-server API, "Sending encrypted attachments"): AES-256 in
CTR mode under a key of its own, the IV being 8 random bytes and a counter of 8 zero bytes, and the SHA-256 of the
ciphertext. Written once, then only read: a retry of an upload sends the same bytes, never the same key over others.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import threading
from typing import TYPE_CHECKING

from delivery.errors import Damaged, SpoolAway, SpoolFull
from delivery.sealed import SealedFile, Sealing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

#: What is encrypted, hashed and written at once; the memory that one open file needs, twice.
CHUNK = 1024 * 1024
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Spool:
    """One directory (0700) of ciphertext files (0600, random names) of at most `quota` bytes in all.

    One process, any number of threads. Raises `SpoolFull` and `SpoolAway` and nothing else.
    """

    def __init__(self, directory: Path, quota: int) -> None:
        self._directory = directory
        self._quota = quota
        self._lock = threading.Lock()
        with _disk():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._used = sum(entry.stat().st_size for entry in os.scandir(directory))

    @property
    def room(self) -> int:
        """Bytes that still fit: of the quota and of the disk."""
        with _disk():
            disk = os.statvfs(self._directory)
        return max(0, min(self._quota - self._used, disk.f_bavail * disk.f_frsize))

    def path(self, name: str) -> Path:
        """Where the file of that name lies, or would."""
        return self._directory / name

    @contextlib.contextmanager
    def seal(self) -> Iterator[Sink]:
        """A sink for plaintext. Left without `close()`, or by an exception, it takes its partial file with it."""
        with _disk():
            sink = Sink(self)
        try:
            yield sink
        finally:
            sink.abandon()

    def seal_bytes(self, data: bytes) -> SealedFile:
        """One small file at once."""
        with self.seal() as sink:
            sink.write(data)
            return sink.close()

    def discard(self, name: str) -> None:
        """Remove a file. One that is not there is none."""
        path = self.path(name)
        with _disk(), contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            self.reserve(-size)

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Remove what a crash left: everything but `keep`. Before the first `seal()` of a run. Returns what went."""
        with _disk():
            orphans = sorted({path.name for path in self._directory.iterdir()} - set(keep))
        for name in orphans:
            self.discard(name)
        return orphans

    def intact(self, sealed: SealedFile) -> bool:
        """Whether the file is there with exactly the bytes that were sealed. Reads all of it."""
        try:
            return _digest(self.path(sealed.name)) == sealed.sha256
        except SpoolAway:
            return False

    def open_sealed(self, sealed: SealedFile) -> Iterator[bytes]:
        """The plaintext in chunks, after the whole ciphertext was verified. Raises `Damaged`."""
        return open_sealed(self.path(sealed.name), sealed)

    def reserve(self, count: int) -> None:
        """Take (or, negative, give back) `count` bytes of the quota."""
        with self._lock:
            if count > 0 and self._used + count > self._quota:
                raise SpoolFull(
                    "No space left for outgoing images. I keep your place; try again when others are sent.", "D01"
                )
            self._used += count


class Sink:
    """Takes plaintext and writes ciphertext: `write` as often as needed, then `close` once."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._sealing = Sealing()
        self._name = secrets.token_hex(16)
        self._size = 0
        self._plain = bytearray(CHUNK)
        self._filled = 0
        self._cipher = bytearray(CHUNK + 15)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(spool.path(self._name), flags, 0o600)
        self._open = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and spool `data`; it may be reused at once. Raises `SpoolFull`, `SpoolAway`."""
        view = memoryview(data)
        while view:
            count = min(len(view), CHUNK - self._filled)
            self._plain[self._filled : self._filled + count] = view[:count]
            self._filled += count
            view = view[count:]
            if self._filled == CHUNK:
                self._flush()

    def close(self) -> SealedFile:
        """Sync the file and its name to the disk, and give what is needed to open it."""
        self._flush()
        with _disk():
            os.fdatasync(self._file)
            _sync_directory(self._spool.path("."))
            self._release()
        return self._sealing.sealed(self._name, self._size)

    def abandon(self) -> None:
        """Remove the partial file. After `close()` this does nothing."""
        if not self._open:
            return
        with _disk():
            self._release()
            self._spool.path(self._name).unlink(missing_ok=True)
        self._spool.reserve(-self._size)

    def _release(self) -> None:
        self._open = False
        os.close(self._file)

    def _flush(self) -> None:
        if not self._open:
            raise ValueError("this sink is closed")
        cipher = self._sealing.update(memoryview(self._plain)[: self._filled], self._cipher)
        self._spool.reserve(len(cipher))
        self._size += len(cipher)
        self._filled = 0
        with _disk():
            while cipher:
                cipher = cipher[os.write(self._file, cipher) :]


def open_sealed(path: Path, sealed: SealedFile) -> Iterator[bytes]:
    """The plaintext of a ciphertext file, wherever it lies, in chunks. Raises `Damaged` before the first of them."""
    if _digest(path) != sealed.sha256:
        raise Damaged(
            "A file that was ready to be sent is damaged. It is not sent; the share must be made again.", "D04"
        )
    with _disk(), path.open("rb") as file:
        decryptor = sealed.decryptor()
        while chunk := file.read(CHUNK):
            yield decryptor.update(chunk)


def _digest(path: Path) -> bytes:
    with _disk(), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """The operating system's refusals as ours. Its own words may hold a path, and are left out."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise SpoolFull(
                "The disk for outgoing images is full. I keep your place; tell the operator.", "D02"
            ) from error
        raise SpoolAway(
            "The store for outgoing images does not answer. I keep your place; tell the operator.", "D03"
        ) from error
