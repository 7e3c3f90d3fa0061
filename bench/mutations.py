"""Ways to damage a DICOM file: what disks and wires do, what buggy writers do, and what an attacker would.

Each takes the file's bytes and a seeded random generator and gives other bytes; the same seed, the same bytes.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING

from pydicom.uid import (
    HTJ2K,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

PIXELS = b"\xe0\x7f\x10\x00"
#: Elements of the Image Pixel module and its like that are numbers of two bytes.
_NUMBERS = (0x0002, 0x0006, 0x0008, 0x0010, 0x0011, 0x0100, 0x0101, 0x0102, 0x0103, 0x1101, 0x1102, 0x1103)
_EXTREMES = (0, 1, 2, 3, 4, 7, 8, 12, 16, 17, 255, 256, 512, 4095, 10_000, 11_000, 32_767, 32_768, 65_535)
_SYNTAXES = (
    ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGBaseline8Bit,
    JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2K,
)  # fmt: skip
_LONG_VRS = (b"OB\0\0", b"OW\0\0", b"SQ\0\0", b"UN\0\0", b"UT\0\0", b"\xfe\xff\x00\xe0")
#: JPEG's and JPEG-LS's frames, scans, tables and restarts; JPEG 2000's size, coding style, quantisation, tile, data.
_MARKERS = (*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD, 0xE0, 0xEE, 0xF7, 0xF8, 0x51, 0x50, 0x52, 0x53, 0x5C, 0x90, 0x93)
_DEEP = 3_000


def bits(data: bytearray, random: Random) -> bytes:
    """A few bits flipped anywhere."""
    return _flipped(data, random, 0, random.randint(1, 20))


def bits_of_pixels(data: bytearray, random: Random) -> bytes:
    """Bits flipped in the compressed stream, many or few."""
    return _flipped(data, random, max(0, data.rfind(PIXELS)), random.choice((1, 3, 10, 100)))


def bits_of_head(data: bytearray, random: Random) -> bytes:
    """Bits flipped in the first bytes of the stream, which every decoder believes first."""
    start = max(0, data.rfind(PIXELS))
    return _flipped(data, random, start, random.randint(1, 8), start + 600)


def overwritten(data: bytearray, random: Random) -> bytes:
    """A stretch of one byte, or of noise."""
    start = random.randrange(len(data))
    length = min(random.choice((1, 2, 4, 16, 256, 4096)), len(data) - start)
    noise = random.randbytes(length)
    data[start : start + length] = random.choice((bytes(length), b"\xff" * length, b"\x7f" * length, noise))
    return bytes(data)


def truncated(data: bytearray, random: Random) -> bytes:
    """The end is missing."""
    return bytes(data[: random.randrange(len(data))])


def moved(data: bytearray, random: Random) -> bytes:
    """A stretch is missing, or there twice."""
    start = random.randrange(len(data))
    length = random.choice((1, 2, 8, 100, 5_000))
    part = bytes(data[start : start + length])
    return bytes(data[:start]) + (part * 2 if random.random() < 0.5 else b"") + bytes(data[start + length :])  # noqa: PLR2004


def numbers(data: bytearray, random: Random) -> bytes:
    """The header says other sizes and formats than the pixels have."""
    for number in random.sample(_NUMBERS, random.randint(1, 3)):
        at = data.find(struct.pack("<HH", 0x28, number))
        if at >= 0:
            data[at + 8 : at + 10] = struct.pack("<H", random.choice(_EXTREMES))
    return bytes(data)


def lengths(data: bytearray, random: Random) -> bytes:
    """An element or an item says another length than it has."""
    at = _somewhere(data, random, random.choice(_LONG_VRS))
    data[at + 4 : at + 8] = struct.pack("<I", random.choice((0, 1, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 1 << 20)))
    return bytes(data)


def syntax(data: bytearray, random: Random) -> bytes:
    """Another transfer syntax than the pixels have."""
    at = data.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        return bits(data, random)
    end = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    said = random.choice(_SYNTAXES).encode()
    said += b"\0" * (len(said) % 2)
    return bytes(data[: at + 6]) + struct.pack("<H", len(said)) + said + bytes(data[end:])


def markers(data: bytearray, random: Random) -> bytes:
    """The segments of a codestream say something else: sizes, tables, components, tiles."""
    for _ in range(random.randint(1, 3)):
        at = _somewhere(data, random, bytes((0xFF, random.choice(_MARKERS))), max(0, data.rfind(PIXELS)))
        width = random.choice((1, 2, 4))
        place = at + 2 + random.randrange(24)
        data[place : place + width] = random.choice((bytes(width), b"\xff" * width, random.randbytes(width)))
    return bytes(data)


def enormous(data: bytearray, random: Random) -> bytes:
    """Header and codestream agree on a size that the bytes cannot fill."""
    rows, columns = random.choice(((11_000, 11_000), (2_000, 60_000), (65_535, 1_900), (8_000, 8_000)))
    was = [data.find(struct.pack("<HH", 0x28, number)) for number in (0x10, 0x11)]
    for at, value in zip(was, (rows, columns), strict=True):
        if at >= 0:
            data[at + 8 : at + 10] = struct.pack("<H", value)
    start = max(0, data.rfind(PIXELS))
    frames = [at for code in range(0xC0, 0xF8) if (at := data.find(bytes((0xFF, code, 0)), start)) >= 0]
    if frames:
        data[frames[0] + 5 : frames[0] + 9] = struct.pack(">HH", rows, columns)
    if (size := data.find(b"\xff\x4f\xff\x51", start)) >= 0:
        data[size + 8 : size + 16] = struct.pack(">II", columns, rows)
    return bytes(data)


def many_frames(data: bytearray, random: Random) -> bytes:
    """A frame far behind the end, or a great many of them."""
    at = data.find(b"\x28\x00\x08\x00IS")
    if at < 0:
        return numbers(data, random)
    end = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    said = random.choice((b"2147483647", b"99999999999999999999", b"-1", b"1e9 ", b"0 "))
    return bytes(data[: at + 6]) + struct.pack("<H", len(said)) + said + bytes(data[end:])


def deflated_bomb(data: bytearray, random: Random) -> bytes:
    """Half a megabyte that inflates to hundreds, as a header without end (PS3.5 A.5)."""
    return _part_10(DeflatedExplicitVRLittleEndian) + _deflated_zeros(random.choice((10, 300))) + bytes(data[:8])


def nested(data: bytearray, random: Random) -> bytes:
    """Sequences in sequences in sequences."""
    depth = random.choice((50, _DEEP, 10 * _DEEP))
    inner = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth
    return _part_10(ExplicitVRLittleEndian) + inner + bytes(data[-2000:])


def spliced(data: bytearray, random: Random) -> bytes:
    """The head of the file, the tail of itself turned round or moved: items and fragments out of order."""
    middle, other = sorted(random.randrange(len(data)) for _ in range(2))
    return bytes(data[:middle]) + bytes(data[other:]) + bytes(data[middle:other])


MUTATIONS: tuple[Callable[[bytearray, Random], bytes], ...] = (
    bits, bits_of_pixels, bits_of_head, overwritten, truncated, moved, numbers, lengths, syntax, markers,
    many_frames, spliced,
)  # fmt: skip
#: Made in so many of a thousand cases only: each costs a second, and they are much alike.
BOMBS, OF_THOUSAND = (enormous, deflated_bomb, nested), 20


def mutate(data: bytes, random: Random) -> tuple[str, bytes]:
    """The name of what was done, and the outcome: one mutation, sometimes two of them."""
    chosen: list[Callable[[bytearray, Random], bytes]]
    if random.randrange(1000) < OF_THOUSAND:
        chosen = [random.choice(BOMBS)]
    else:
        chosen = random.sample(MUTATIONS, random.choice((1, 1, 1, 2)))
    for one in chosen:
        data = one(bytearray(data or b"\0"), random)
    return " + ".join(one.__name__ for one in chosen), data


@cache
def _deflated_zeros(megabytes: int) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(1 << 20)
    return b"".join(engine.compress(zeros) for _ in range(megabytes)) + engine.flush()


def _flipped(data: bytearray, random: Random, start: int, count: int, end: int | None = None) -> bytes:
    for _ in range(count):
        data[random.randrange(start, min(end or len(data), len(data)))] ^= 1 << random.randrange(8)
    return bytes(data)


def _somewhere(data: bytearray, random: Random, what: bytes, start: int = 0) -> int:
    """One of the places from `start` on where `what` stands, else any."""
    places: list[int] = []
    while (start := data.find(what, start)) >= 0 and len(places) < 100:  # noqa: PLR2004 enough to choose from
        places.append(start)
        start += 1
    return random.choice(places) if places else random.randrange(len(data))


def _part_10(transfer_syntax_uid: str) -> bytes:
    said = transfer_syntax_uid.encode()
    said += b"\0" * (len(said) % 2)
    meta = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(said)) + said
    return bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta)) + meta
