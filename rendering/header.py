"""Open a DICOM file up to its pixels: the header as a data set, and the stream standing at the pixel data element.

Never reads the pixels, never inflates without a limit, and takes files without preamble or File Meta Information.
"""

from __future__ import annotations

import contextlib
import io
import os
import zlib
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import VR

from rendering.errors import CannotShow
from rendering.scan import PIXEL_TAGS, Elements, Unsure, scanned

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag


#: A deflated data set of half a megabyte can inflate to a gigabyte (PS3.5 A.5 sets no limit): this one is ours.
INFLATED_LIMIT = 256 * 1024 * 1024
UNDEFINED_LENGTH = 0xFFFFFFFF
#: The largest file without a picture that is read as a whole: a long recording, or a scanned document.
DOCUMENT_LIMIT = 64 * 1024 * 1024
#: More elements than any header has, not counting those in sequences: nonsense is read as such without end.
_MOST_ELEMENTS = 65_536

#: The header of a usual file ends within so many bytes.
_SCANNED = 16 * 1024
_TRANSFER_SYNTAX = 0x00020010
_META_LENGTH = b"\x02\0\0\0UL\x04\0"
#: What the scanner leaves to pydicom: unknown, big endian, deflated.
_UNUSUAL = frozenset({"", ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian})
_PREAMBLE = 128
_META_GROUP = b"\x02\x00"
_VRS = frozenset(vr.value.encode() for vr in VR if len(vr.value) == 2)  # noqa: PLR2004 a VR has two letters
_LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"})


@dataclass(frozen=True, slots=True)
class Header:
    """One file's header and where its pixels are.

    `stream` is positioned at the first byte of the pixel data's value, which is `length` bytes long
    (UNDEFINED_LENGTH when it is encapsulated). `tag` is one of PIXEL_TAGS; `words` when its VR is OW.
    """

    #: As the quick scanner has found it, or as pydicom has read it.
    content: Elements | Dataset
    transfer_syntax_uid: str
    little_endian: bool
    stream: BinaryIO
    tag: int
    length: int
    words: bool

    @property
    def data_set(self) -> Dataset:
        """The header's elements."""
        return self.content.data_set if isinstance(self.content, Elements) else self.content


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Header]:
    """The header of the file at `path` (PS3.10 section 7, or a bare data set). Raises `CannotShow`."""
    with path.open("rb") as file:
        yield _read(file)


def whole(path: Path) -> Dataset:
    """All of a file that has no picture: a report, a presentation state, a recording. Raises `CannotShow`."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > DOCUMENT_LIMIT:
            raise CannotShow("its file is larger than we can show", "P30")
        _, stream, implicit, little = _begun(file)
        return read_dataset(stream, implicit, little, stop_when=_until(()))


def _begun(file: BinaryIO) -> tuple[str, BinaryIO, bool, bool]:
    """Transfer syntax, a stream at the beginning of the data set, implicit VR, little endian."""
    syntax = _transfer_syntax(file)
    stream = _inflated(file) if syntax == DeflatedExplicitVRLittleEndian else file
    return syntax, stream, *_encoding(syntax, stream)


def _read(file: BinaryIO) -> Header:
    try:
        return _scanned(file)
    except Unsure:
        file.seek(0)
        return _parsed(file)


def _scanned(file: BinaryIO) -> Header:
    """By the quick scanner: a header of usual form and size. Raises `Unsure`."""
    data = file.read(_SCANNED)
    if data[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        raise Unsure
    meta, position = scanned(data, _PREAMBLE + 4, _meta_end(data), implicit=False)
    _, named = meta.raw(_TRANSFER_SYNTAX) or ("", b"")
    syntax = named.rstrip(b"\0 ").decode("ascii", "replace")
    implicit = syntax == ImplicitVRLittleEndian
    if syntax in _UNUSUAL or (implicit and data[position + 4 : position + 6] in _VRS):
        raise Unsure
    elements, position = scanned(data, position, len(data), implicit=implicit)
    if position >= len(data):
        raise Unsure
    file.seek(position)
    tag, vr, length = _element(file, "little", implicit=implicit)
    return Header(elements, syntax, True, file, tag, length, vr == b"OW")  # noqa: FBT003


def _meta_end(data: bytes) -> int:
    """By the group's length, which comes first (PS3.10 section 7.1). Raises `Unsure`."""
    if data[_PREAMBLE + 4 : _PREAMBLE + 12] != _META_LENGTH:
        raise Unsure
    return _PREAMBLE + 16 + int.from_bytes(data[_PREAMBLE + 12 : _PREAMBLE + 16], "little")


def _parsed(file: BinaryIO) -> Header:
    """By pydicom: whatever it can make sense of."""
    syntax, stream, implicit, little = _begun(file)
    # dcmread would inflate and guess on its own, and lose the stream's position; this is the layer below it.
    data_set = read_dataset(stream, implicit, little, stop_when=_until(PIXEL_TAGS))
    # pydicom notices a data set that is implicit although its File Meta says explicit.
    implicit, _ = cast("tuple[bool, bool]", data_set.original_encoding)
    tag, vr, length = _element(stream, "little" if little else "big", implicit=implicit)
    if not syntax:
        syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    return Header(data_set, str(syntax), little, stream, tag, length, vr == b"OW")


def _transfer_syntax(file: BinaryIO) -> str:
    """TransferSyntaxUID (0002,0010) or "", leaving `file` at the start of the data set."""
    if file.read(_PREAMBLE + 4)[_PREAMBLE:] != b"DICM":
        file.seek(0)
    if _peek(file, 2) != _META_GROUP:
        return ""
    meta = read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=_after_meta)
    return str(meta.get("TransferSyntaxUID", ""))


def _encoding(syntax: str, stream: BinaryIO) -> tuple[bool, bool]:
    """(implicit VR, little endian); looked at when the file does not say."""
    if syntax:
        return syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    start = _peek(stream, 6)
    implicit = start[4:6] not in _VRS
    return implicit, implicit or start[:1] != b"\0"


def _inflated(file: BinaryIO) -> BinaryIO:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    data = engine.decompress(file.read(INFLATED_LIMIT), INFLATED_LIMIT)
    if engine.unconsumed_tail:
        raise CannotShow("it inflates beyond every sensible size", "P02")
    return io.BytesIO(data)


def _element(stream: BinaryIO, order: Literal["little", "big"], *, implicit: bool) -> tuple[int, bytes, int]:
    """Tag, VR and length of the element that `stream` stands at, which is the pixel data (PS3.5 section 7.1)."""
    start = stream.read(8)
    tag = int.from_bytes(start[0:2], order) << 16 | int.from_bytes(start[2:4], order)
    if tag not in PIXEL_TAGS:
        raise CannotShow("it holds no picture", "P03")
    if implicit:
        return tag, b"OW", int.from_bytes(start[4:8], order)
    long = start[4:6] in _LONG_VRS
    return tag, start[4:6], int.from_bytes(stream.read(4) if long else start[6:8], order)


def _peek(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    stream.seek(-len(data), io.SEEK_CUR)
    return data


def _until(tags: Container[int]) -> Callable[[BaseTag, str | None, int], bool]:
    seen = count()

    def stop(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        if next(seen) >= _MOST_ELEMENTS:
            raise CannotShow("its header has no end", "P22")
        return tag in tags

    return stop


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag >> 16 != 2  # noqa: PLR2004 group 0002
