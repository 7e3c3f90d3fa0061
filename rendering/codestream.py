"""What a compressed frame says about itself, read from its first bytes only, without a decoder.

The guard compares it with the DICOM header before any decoder sees the bytes: a 3 kB stream that announces 60,000 x
60,000 pixels is refused here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SIZ = b"\xff\x4f\xff\x51"
_JP2_SEARCH = 65_536
#: The second bytes of markers of JPEG 2000: coding style default, start of a tile-part.
_COD, _START_OF_TILE = 0x52, 0x90
_START_OF_IMAGE = b"\xff\xd8"
#: Start of frame of JPEG and JPEG-LS; not DHT (C4), JPG (C8), DAC (CC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_APP0, _APP14 = 0xE0, 0xEE
_APP0_LENGTH, _APP14_LENGTH = 16, 14


@dataclass(frozen=True, slots=True)
class Announced:
    """Size and sample format that a codestream announces."""

    rows: int
    columns: int
    samples: int
    #: Bits of a sample.
    precision: int
    #: JPEG: the stream itself says by JFIF or Adobe markers whether it is YCbCr.
    says_colour: bool = False
    #: JPEG: the second byte of the start-of-frame marker.
    process: int = 0
    #: JPEG 2000: the components are transformed, so that a decoder gives red, green and blue.
    transformed: bool = False


def announced(data: bytes) -> Announced | None:
    """Of a JPEG, JPEG-LS or JPEG 2000 stream; None when it is none of them or its header is cut."""
    try:
        return _jpeg(data) if data[:2] == _START_OF_IMAGE else _jpeg_2000(data)
    except (struct.error, IndexError):
        return None


def _jpeg_2000(data: bytes) -> Announced | None:
    """ISO 15444-1 A.5.1, the SIZ marker segment; the stream may stand inside a JP2 file."""
    at = data.find(_SIZ, 0, _JP2_SEARCH)
    if at < 0:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, at + 8)
    (samples,) = struct.unpack_from(">H", data, at + 40)
    precision = (data[at + 42] & 0x7F) + 1
    return Announced(bottom - top, right - left, samples, precision, transformed=_transformed(data, at + 2))


def _transformed(data: bytes, at: int) -> bool:
    """ISO 15444-1 A.6.1: whether the COD marker segment, sought from `at` on, has a component transformation."""
    while data[at] == 0xFF and data[at + 1] != _START_OF_TILE:  # noqa: PLR2004 every marker starts so
        if data[at + 1] == _COD:
            return data[at + 8] == 1
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _jpeg(data: bytes) -> Announced | None:
    """ISO 10918-1 B.2.2 and ISO 14495-1 C.2.2, the start-of-frame segment."""
    at, says = 2, False
    while data[at] == 0xFF:  # noqa: PLR2004 every marker starts so
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:  # noqa: PLR2004 fill byte
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004
            continue
        if marker in _FRAMES:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", data, at + 4)
            return Announced(rows, columns, samples, precision, says, marker)
        (length,) = struct.unpack_from(">H", data, at + 2)
        says = says or _says_colour(marker, data[at + 4 : at + 9], length)
        at += 2 + length
    return None


def _says_colour(marker: int, name: bytes, length: int) -> bool:
    """Decoders pass over a segment that is too short, and so must we: some writers cut Adobe's."""
    return (marker == _APP0 and name[:4] == b"JFIF" and length >= _APP0_LENGTH) or (
        marker == _APP14 and name == b"Adobe" and length >= _APP14_LENGTH
    )
