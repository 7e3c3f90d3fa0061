"""A ZIP file as a stream: members stored as they are or deflated, nothing read back, ZIP64 where a number needs it.

Sizes and CRCs stand in front of each member (no data descriptors), so that every unpacker copes, streaming ones too.
The times are constant: the same members make the same bytes. (APPNOTE.TXT 6.3, sections 4.3 and 4.5.)
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIMIT_16, _LIMIT_32 = 0xFFFF, 0xFFFFFFFF
_PLAIN, _ZIP64 = 20, 45
_STORED, _DEFLATED = 0, 8
_UNIX = 3 << 8
#: 1 January 1980, midnight: the first that the format knows.
_TIME, _DATE = 0, 1 << 5 | 1
_MODE = 0o100644 << 16
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
#: What one member costs beside its bytes, with ZIP64, for a name of that length.
MEMBER_OVERHEAD = _LOCAL.size + 20 + _CENTRAL.size + 28
END_OVERHEAD = 22 + 56 + 20


class Writer(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes | bytearray | memoryview, /) -> object:
        """Take all of `data`."""


class _Entry(NamedTuple):
    name: bytes
    crc: int
    size: int
    offset: int
    #: In the ZIP, in bytes, and how it came to be so many.
    packed: int
    method: int = _STORED


class Archive:
    """One ZIP on its way into a writer: `add` each member, then `finish`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._entries: list[_Entry] = []
        self._offset = 0

    def add(
        self, name: str, size: int, crc: int, chunks: Iterable[bytes | memoryview], *, packed: int | None = None
    ) -> None:
        """One member of exactly `size` bytes with that CRC-32; the caller answers for both.

        With `packed`, `chunks` are its raw deflate stream (RFC 1951) of so many bytes.
        """
        method, length = (_STORED, size) if packed is None else (_DEFLATED, packed)
        self._add(_Entry(name.encode("ascii"), crc, size, self._offset, length, method), chunks)

    def add_text(self, name: str, data: bytes) -> None:
        """One member that is worth deflating, at the fastest level, and small enough to be held whole."""
        packed = isal_zlib.compress(data, 1, -15)
        crc = isal_zlib.crc32(data)
        self._add(_Entry(name.encode("ascii"), crc, len(data), self._offset, len(packed), _DEFLATED), [packed])

    def _add(self, entry: _Entry, chunks: Iterable[bytes | memoryview]) -> None:
        self._entries.append(entry)
        self._write(_local(entry))
        for chunk in chunks:
            self._write(chunk)

    def finish(self) -> int:
        """Write the central directory. The length of the whole file in bytes."""
        start = self._offset
        for entry in self._entries:
            self._write(_central(entry))
        self._write(_end(len(self._entries), start, self._offset - start))
        return self._offset

    def _write(self, data: bytes | memoryview) -> None:
        self._writer.write(data)
        self._offset += len(data)


def _local(entry: _Entry) -> bytes:
    large = entry.size >= _LIMIT_32
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.packed) if large else b""
    size, packed = (_LIMIT_32, _LIMIT_32) if large else (entry.size, entry.packed)
    head = _LOCAL.pack(
        b"PK\3\4", _ZIP64 if large else _PLAIN, 0, entry.method, _TIME, _DATE, entry.crc, packed, size,
        len(entry.name), len(extra),
    )  # fmt: skip
    return head + entry.name + extra


def _central(entry: _Entry) -> bytes:
    size, offset = min(entry.size, _LIMIT_32), min(entry.offset, _LIMIT_32)
    packed = _LIMIT_32 if size == _LIMIT_32 else entry.packed
    large = [entry.size, entry.packed] * (size == _LIMIT_32) + [entry.offset] * (offset == _LIMIT_32)
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    version = _ZIP64 if large else _PLAIN
    head = _CENTRAL.pack(
        b"PK\1\2", _UNIX | version, version, 0, entry.method, _TIME, _DATE, entry.crc, packed, size,
        len(entry.name), len(extra), 0, 0, 0, _MODE, offset,
    )  # fmt: skip
    return head + entry.name + extra


def _end(count: int, start: int, length: int) -> bytes:
    small = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, min(count, _LIMIT_16), min(count, _LIMIT_16),
        min(length, _LIMIT_32), min(start, _LIMIT_32), 0,
    )  # fmt: skip
    if count < _LIMIT_16 and start < _LIMIT_32 and length < _LIMIT_32:
        return small
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, length, start)
    return record + struct.pack("<4sIQI", b"PK\6\7", 0, start + length, 1) + small
