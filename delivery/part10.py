"""From a source's file to a DICOM file (PS3.10 section 7) that holds the same data set, byte for byte.

The preamble becomes 128 zero bytes: what stands there in the source may be a program (CVE-2019-11687). File Meta
Information is kept as it is when it says what a reader needs; what is missing is put in. The data set is never touched.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from delivery.elements import LONG_VRS, VR_NAMES, element

if TYPE_CHECKING:
    from studies.model import Instance

PREAMBLE = bytes(128)
MAGIC = b"DICM"
#: UID of this implementation (PS3.5 annex B.2: from a UUID), for (0002,0012).
IMPLEMENTATION_CLASS_UID = "2.25.291052469655140157111262741783464678252"
IMPLEMENTATION_VERSION_NAME = "CARRIERBAG"

GROUP_LENGTH, VERSION = 0x00020000, 0x00020001
SOP_CLASS_UID, SOP_INSTANCE_UID, TRANSFER_SYNTAX_UID = 0x00020002, 0x00020003, 0x00020010
IMPLEMENTATION_UID, IMPLEMENTATION_VERSION = 0x00020012, 0x00020013
_NEEDED = frozenset({GROUP_LENGTH, SOP_CLASS_UID, SOP_INSTANCE_UID, TRANSFER_SYNTAX_UID})
#: No element of File Meta Information that we keep is longer.
_VALUE_LIMIT = 65536


@dataclass(frozen=True, slots=True)
class Part10:
    """How one source file is delivered: `head`, then the source's bytes from `start` to its end."""

    head: bytes
    start: int
    #: Where the data set begins in the source.
    data_set: int
    #: Of the source, in bytes.
    source_size: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @property
    def size(self) -> int:
        """Of the delivered file, in bytes."""
        return len(self.head) + self.source_size - self.start


@dataclass(frozen=True, slots=True)
class _Meta:
    """File Meta Information as found: each element as (VR, value), and where it ends. `implicit` is against PS3.10."""

    elements: dict[int, tuple[bytes, bytes]]
    end: int
    implicit: bool = False

    def has(self, tag: int) -> bool:
        return bool(self.elements.get(tag, (b"", b""))[1].strip(b"\0 "))

    def uid(self, tag: int) -> str:
        return self.elements.get(tag, (b"", b""))[1].rstrip(b"\0 ").decode("ascii", "replace")


def describe(source: BinaryIO, instance: Instance) -> Part10:
    """Look at the beginning of a source file. `instance` fills in what the file's own meta information leaves out."""
    size = os.fstat(source.fileno()).st_size
    start = _after_preamble(source)
    meta = _read_meta(source, start, size)
    syntax = meta.uid(TRANSFER_SYNTAX_UID) or _detected(source, meta.end, instance.transfer_syntax_uid)
    sop_class = instance.sop_class_uid or meta.uid(SOP_CLASS_UID)
    sop_instance = instance.sop_instance_uid or meta.uid(SOP_INSTANCE_UID)
    head, kept = PREAMBLE + MAGIC, start
    if meta.implicit or not all(map(meta.has, _NEEDED)):
        head, kept = head + _completed(meta, sop_class, sop_instance, syntax), meta.end
    return Part10(head, kept, meta.end, size, sop_class, sop_instance, syntax)


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """File Meta Information of ours (PS3.10 table 7.1-1)."""
    return _completed(_Meta({}, 0), sop_class_uid, sop_instance_uid, transfer_syntax_uid)


def encoding(transfer_syntax_uid: str) -> tuple[bool, bool]:
    """(implicit VR, little endian) of a data set in that transfer syntax (PS3.5 annex A)."""
    return transfer_syntax_uid == ImplicitVRLittleEndian, transfer_syntax_uid != ExplicitVRBigEndian


def _after_preamble(source: BinaryIO) -> int:
    """Where File Meta Information, or else the data set, begins."""
    start = source.read(136)
    if start[128:132] == MAGIC:
        return 132
    if start[:4] == MAGIC:
        return 4
    preamble_without_magic = not any(start[:128]) or (start[128:130] == b"\x02\0" and start[132:134] in VR_NAMES)
    return 128 if preamble_without_magic and len(start) > len(PREAMBLE) else 0


def _read_meta(source: BinaryIO, start: int, size: int) -> _Meta:
    """The elements of group 0002 from `start` on, which are always little endian (PS3.10 section 7.1)."""
    elements: dict[int, tuple[bytes, bytes]] = {}
    end, implicit = start, False
    source.seek(start)
    while (header := source.read(8))[:2] == b"\x02\0" and len(header) == 8:  # noqa: PLR2004 tag, VR, length
        tag, vr = 0x00020000 | struct.unpack_from("<H", header, 2)[0], header[4:6]
        implicit = implicit or vr not in VR_NAMES
        if implicit:
            vr, length = b"", struct.unpack_from("<I", header, 4)[0]
        elif vr in LONG_VRS:
            length = int.from_bytes(source.read(4), "little")
        else:
            length = struct.unpack_from("<H", header, 6)[0]
        if source.tell() + length > size:
            break
        if length <= _VALUE_LIMIT:
            elements[tag] = (vr, source.read(length))
        else:
            source.seek(length, os.SEEK_CUR)
        end = source.tell()
    return _Meta(elements, end, implicit)


def _completed(meta: _Meta, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """What was found in explicit VR, with what was missing put in, and the right group length."""
    found = {} if meta.implicit else meta.elements
    ours = {
        VERSION: (b"OB", b"\0\x01"),
        SOP_CLASS_UID: (b"UI", sop_class_uid.encode("ascii", "replace")),
        SOP_INSTANCE_UID: (b"UI", sop_instance_uid.encode("ascii", "replace")),
        TRANSFER_SYNTAX_UID: (b"UI", transfer_syntax_uid.encode("ascii", "replace")),
        IMPLEMENTATION_UID: (b"UI", IMPLEMENTATION_CLASS_UID.encode()),
        IMPLEMENTATION_VERSION: (b"SH", IMPLEMENTATION_VERSION_NAME.encode()),
    }
    ours |= {tag: found[tag] for tag in found if meta.has(tag)}
    ours.pop(GROUP_LENGTH, None)
    body = b"".join(element(tag, vr, value) for tag, (vr, value) in sorted(ours.items()))
    return element(GROUP_LENGTH, b"UL", struct.pack("<I", len(body))) + body


def _detected(source: BinaryIO, start: int, known: str) -> str:
    """The transfer syntax of a data set without meta information: as the source knows it, unless its bytes differ."""
    source.seek(start)
    first = source.read(6)
    explicit = first[4:6] in VR_NAMES
    if known == DeflatedExplicitVRLittleEndian or (known and encoding(known) == (not explicit, first[:1] != b"\0")):
        return known
    if not explicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRBigEndian if first[:1] == b"\0" else ExplicitVRLittleEndian)
