"""A file in another coding that loses nothing: JPEG-LS, HTJ2K, or uncompressed (PS3.5 annexes A.4 and A.2).

Every frame that was compressed is decoded again, by the decoders that show pictures, and compared bit by bit before it
counts. A file is taken some megabytes at a time: whoever asks puts the pieces together, and nothing is kept here.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from rendering.codecs import NATIVE
from rendering.errors import CannotShow
from rendering.explicit import explicit
from rendering.frame import codestream
from rendering.header import DOCUMENT_LIMIT, UNDEFINED_LENGTH, opened
from rendering.lossless import compressed, uncompressed
from rendering.module import pixel_module
from rendering.safely import guarded

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from rendering.header import Header

#: Bytes of pixels after which a piece is long enough.
AT_ONCE = 8 * 1024 * 1024
#: Of a header, and of what stands behind the pixels.
_HEAD_LIMIT, _TAIL_LIMIT = DOCUMENT_LIMIT, 1024 * 1024
_NO_PICTURE = "P03"
_PHOTOMETRIC, _PLANAR = 0x0028_0004, 0x0028_0006
#: Extended Offset Table and its lengths: of a coding that is no more.
_OFFSETS = (0x7FE0_0001, 0x7FE0_0002)
_SIGNATURES = b"\xfa\xff\xfa\xff"
_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True, slots=True)
class RecodePlan:
    """What is wanted of one file. Picklable: it travels to a worker."""

    path: Path
    #: Where in the file the data set begins, and in which transfer syntax it is.
    start: int
    transfer_syntax_uid: str
    #: Transfer syntaxes, the best first: JPEGLSLossless and HTJ2KLossless, or ExplicitVRLittleEndian alone.
    wanted: tuple[str, ...]
    #: Number of the first frame (of compressed pixels) or piece (of others) that is asked for.
    first: int = 0


@dataclass(frozen=True, slots=True)
class Recoded:
    """Some of a file in another transfer syntax. All but `frames` belongs to the whole, and comes with the first."""

    transfer_syntax_uid: str
    #: Frames one by one when they are compressed, else pieces of the pixels; and how many the file has of them.
    frames: tuple[bytes, ...]
    count: int
    #: The data set up to the pixels, and what stands behind them, in Explicit VR Little Endian.
    head: bytes = b""
    tail: bytes = b""
    #: Of the element with the pixels, 0 where there are none.
    tag: int = 0
    vr: str = "OB"


def recode(plan: RecodePlan) -> Recoded:
    """A piece of it. Raises `CannotShow` where it cannot be done, or the file would not be smaller."""
    with guarded():
        try:
            with opened(plan.path) as header:
                return _Picture(plan, header).recoded()
        except CannotShow as error:
            if error.code != _NO_PICTURE or plan.wanted != (ExplicitVRLittleEndian,):
                raise
        return _document(plan)


class _Picture:
    """One file with pixels, whose header has been read."""

    def __init__(self, plan: RecodePlan, header: Header) -> None:
        if header.transfer_syntax_uid != plan.transfer_syntax_uid:
            raise CannotShow("its transfer syntax is not the one that it says", "P43")
        self._plan = plan
        self._header = header
        self._at = header.stream.tell()
        self._module = pixel_module(header.data_set, header.tag)
        self._native = header.transfer_syntax_uid in NATIVE

    def recoded(self) -> Recoded:
        if self._plan.wanted != (ExplicitVRLittleEndian,):
            return self._smaller()
        return self._pieces() if self._native else self._plain()

    def _smaller(self) -> Recoded:
        """From uncompressed to compressed."""
        size = self._module.rows * self._module.columns * self._module.bits_allocated // 8
        if not self._native or self._header.length - size * self._module.frames not in {0, 1}:
            raise CannotShow("its pixel data is not as long as its header says", "P44")
        frames: list[bytes] = []
        syntax, raw = "", 0
        for number in self._numbers(size):
            data = self._turned(self._read(self._at + number * size, size))
            syntax, frame = compressed(data, self._module, self._plan.wanted if not syntax else (syntax,))
            frames.append(frame)
            raw += size
        if sum(map(len, frames)) >= raw:
            raise CannotShow("it is not smaller when it is compressed", "P45")
        return self._made(syntax, frames, self._module.frames, "OB", {})

    def _plain(self) -> Recoded:
        """From compressed to uncompressed."""
        frames, photometric = [], ""
        for number in self._numbers(self._module.rows * self._module.columns * self._module.bits_allocated // 8):
            self._header.stream.seek(self._at)
            data = codestream(self._header, self._module, number)
            frame, photometric = uncompressed(data, self._header.transfer_syntax_uid, self._module)
            frames.append(frame)
        replaced: dict[int, bytes | None] = dict.fromkeys(_OFFSETS)
        if self._module.samples > 1:
            replaced |= {_PHOTOMETRIC: _even(photometric), _PLANAR: b"\0\0"}
        vr = "OW" if self._module.bits_allocated > 8 else "OB"  # noqa: PLR2004 bits
        return self._made(str(ExplicitVRLittleEndian), frames, self._module.frames, vr, replaced)

    def _pieces(self) -> Recoded:
        """Uncompressed as they are: only how the data set is encoded changes."""
        length, start = self._header.length, self._plan.first * AT_ONCE
        if length == UNDEFINED_LENGTH or start >= length:
            raise CannotShow("its pixel data is not as long as its header says", "P44")
        piece = self._turned(self._read(self._at + start, min(AT_ONCE, length - start)))
        real = {32: "OF", 64: "OD"}.get(self._module.bits_allocated, "OW") if self._module.real else ""
        words = self._header.words or self._module.bits_allocated > 8  # noqa: PLR2004 bits
        vr = real or ("OW" if words else "OB")
        return self._made(str(ExplicitVRLittleEndian), [piece], -(-length // AT_ONCE), vr, {})

    def _made(
        self, syntax: str, frames: list[bytes], count: int, vr: str, replaced: dict[int, bytes | None]
    ) -> Recoded:
        if self._plan.first:
            return Recoded(syntax, tuple(frames), count)
        head = self._encoded(self._read(self._start, self._before - self._start), replaced)
        return Recoded(syntax, tuple(frames), count, head, self._tail(), self._header.tag, vr)

    def _numbers(self, size: int) -> range:
        """As many frames from the first on as make one piece."""
        first = self._plan.first
        return range(first, min(self._module.frames, first + max(1, AT_ONCE // max(1, size))))

    @property
    def _start(self) -> int:
        """An inflated stream has nothing but the data set."""
        return 0 if self._plan.transfer_syntax_uid == DeflatedExplicitVRLittleEndian else self._plan.start

    @property
    def _before(self) -> int:
        """Where the element with the pixels begins."""
        return self._at - (8 if self._plan.transfer_syntax_uid == ImplicitVRLittleEndian else 12)

    def _tail(self) -> bytes:
        self._header.stream.seek(self._at)
        if self._header.length == UNDEFINED_LENGTH:
            _pass_fragments(self._header.stream)
        else:
            self._header.stream.seek(self._header.length, io.SEEK_CUR)
        data = self._header.stream.read(_TAIL_LIMIT + 1)
        if _SIGNATURES in data or len(data) > _TAIL_LIMIT:
            raise CannotShow("what stands behind its pixels must stay as it is", "P46")
        return self._encoded(data, {})

    def _encoded(self, data: bytes, replaced: dict[int, bytes | None]) -> bytes:
        return _explicit(data, self._plan.transfer_syntax_uid, replaced)

    def _read(self, at: int, count: int) -> bytes:
        if count > _HEAD_LIMIT:
            raise CannotShow("its header or its picture is larger than we can take", "P47")
        self._header.stream.seek(at)
        data = self._header.stream.read(count)
        if len(data) < count:
            raise CannotShow("its pixel data is cut short", "P09")
        return data

    def _turned(self, data: bytes) -> bytes:
        """Words of big endian are turned round."""
        allocated = self._module.bits_allocated
        if self._header.little_endian or (allocated == 8 and not self._header.words):  # noqa: PLR2004 bits
            return data
        if self._module.real or allocated not in {8, 16} or self._module.rows * self._module.columns % 2:
            raise CannotShow("its pixels are in an order that we do not turn round", "P48")
        return np.frombuffer(data, "u2").byteswap().tobytes()


def _document(plan: RecodePlan) -> Recoded:
    """A file without a picture."""
    with plan.path.open("rb") as file:
        file.seek(plan.start)
        data = file.read(DOCUMENT_LIMIT + 1)
    if plan.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, DOCUMENT_LIMIT + 1)
    if len(data) > DOCUMENT_LIMIT:
        raise CannotShow("its header or its picture is larger than we can take", "P47")
    return Recoded(str(ExplicitVRLittleEndian), (), 0, _explicit(data, plan.transfer_syntax_uid, {}))


def _explicit(data: bytes, syntax: str, replaced: dict[int, bytes | None]) -> bytes:
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    return explicit(data, implicit=implicit, little=little, replaced=replaced)


def _pass_fragments(stream: BinaryIO) -> None:
    """Behind the sequence of fragments that the stream stands at (PS3.5 A.4)."""
    while (head := stream.read(8))[:4] == _ITEM:
        stream.seek(int.from_bytes(head[4:], "little"), io.SEEK_CUR)
    if head[:4] != _SEQUENCE_END:
        raise CannotShow("its compressed picture is damaged", "P10")


def _even(text: str) -> bytes:
    return (text + " " * (len(text) % 2)).encode("ascii")
