"""From a file's header to the model, reading as few bytes as will do.

Nearly every file is understood by `studies.scan` from its first kilobytes; the rest (big endian, deflated, without
preamble, odd VRs) goes to pydicom, and both end in the same builder.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studies.build import DICOMDIR, Header, build
from studies.errors import BrokenFile
from studies.foreign import read_with_pydicom
from studies.scan import Elements, Truncated, Unsure, scan_data_set, scan_meta
from studies.values import code

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Header", "read_header"]

#: How much of a file is looked at, in bytes: the second and third only if the header goes on that long.
_READS = (8 << 10, 128 << 10, 4 << 20)
#: A deflated header may inflate to this much and no more: 522 kB can hold a gigabyte.
_INFLATED = 4 << 20

_IMPLICIT = "1.2.840.10008.1.2"
_DEFLATED = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_BIG_ENDIAN = "1.2.840.10008.1.2.2"

#: As far as the system has them: what colleagues receive they may open on Windows.
_FLAGS = os.O_RDONLY | sum(getattr(os, one, 0) for one in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))

_PREAMBLE = 128
_MAGIC = b"DICM"


@dataclass(frozen=True, slots=True)
class _File:
    """The beginning of a file."""

    path: Path | str
    data: bytes
    size: int

    @property
    def whole(self) -> bool:
        return len(self.data) >= self.size

    @property
    def is_part_10(self) -> bool:
        return self.data[_PREAMBLE : _PREAMBLE + 4] == _MAGIC


def read_header(path: Path | str) -> Header | None:
    """What an index needs of a file, or None when it is no DICOM instance (a DICOMDIR is none either).

    Raises `BrokenFile` for one that is meant to be DICOM and cannot be read, and `OSError` as the system gives it.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        size = os.fstat(descriptor).st_size
        data = os.read(descriptor, _READS[0])
        for amount in (*_READS[1:], 0):
            try:
                return _header(_File(path, data, size))
            except Truncated:
                if len(data) >= size or not amount:
                    break
                data += os.read(descriptor, amount - len(data))
    finally:
        os.close(descriptor)
    return _slowly(_File(path, data, size))


def _header(file: _File) -> Header | None:
    """Raises `Truncated` when more bytes are needed."""
    if not file.is_part_10:
        return _slowly(file) if _looks_bare(file.data) else None
    try:
        meta, start = scan_meta(file.data)
        found = _data_set(file, meta, start)
    except Unsure:
        return _slowly(file)
    return _built(meta, found, file.size)


def _data_set(file: _File, meta: Elements, start: int) -> Elements:
    transfer_syntax = code(meta.values.get("TransferSyntaxUID", b""))
    if transfer_syntax in _DEFLATED:
        return _inflated(file, start)
    if not transfer_syntax.startswith(_IMPLICIT) or transfer_syntax == _BIG_ENDIAN:
        raise Unsure
    return scan_data_set(file.data, start, explicit=transfer_syntax != _IMPLICIT, whole=file.whole)


def _inflated(file: _File, start: int) -> Elements:
    """The header of a deflated data set (PS3.5 section A.5), inflated to a limit."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = engine.decompress(file.data[start:], _INFLATED)
    except zlib.error as error:
        raise BrokenFile("the deflated data set is damaged") from error
    try:
        return scan_data_set(plain, 0, explicit=True, whole=file.whole and not engine.unconsumed_tail)
    except Truncated:
        if file.whole or len(plain) >= _INFLATED:
            raise BrokenFile("the deflated header is damaged or too long") from None
        raise
    except Unsure:
        raise BrokenFile("the deflated data set holds something unknown") from None


def _looks_bare(data: bytes) -> bool:
    """Whether this may be a data set without preamble: it begins with a small element of group 2 or 8."""
    group, element = data[:2], data[2:4]
    little = group in {b"\x02\x00", b"\x08\x00"} and element[1:] == b"\x00"
    big = group in {b"\x00\x02", b"\x00\x08"} and element[:1] == b"\x00"
    return (little or big) and len(data) > 8  # noqa: PLR2004 - one element's head


def _slowly(file: _File) -> Header | None:
    """By pydicom. Raises `BrokenFile`, or gives None for what has no preamble and turns out not to be DICOM."""
    try:
        meta, found, byte_order = read_with_pydicom(file.path)
        return _built(meta, found, file.size, byte_order)
    except BrokenFile:
        if file.is_part_10:
            raise
        return None


def _built(meta: Elements, found: Elements, size: int, byte_order: str = "<") -> Header | None:
    if code(meta.values.get("MediaStorageSOPClassUID", b"")) == DICOMDIR:
        return None
    return build(meta, found, size, byte_order)
