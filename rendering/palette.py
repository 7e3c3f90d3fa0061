"""PALETTE COLOR, and the palette that colours only the upper values of a grey picture (PS3.3 C.7.6.3.1.5 to 1.7). Pure.

A palette becomes one table of every possible index, so that a pixel costs one look-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rendering.autowindow import windowed
from rendering.elements import numbers, octets, stored, word
from rendering.errors import CannotShow
from rendering.groups import macro
from rendering.window import levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from rendering.module import PixelModule
    from rendering.window import Greyscale

_BYTE, _MOST = 8, 1 << 16
_COLOURS = ("Red", "Green", "Blue")
_DISCRETE, _LINEAR, _INDIRECT = range(3)
#: The frame type macros of enhanced objects, where a frame may say that it is meant to be seen in colour.
_FRAME_TYPES = ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence")


def palette(indexes: NDArray[Any], data_set: Dataset, module: PixelModule) -> NDArray[np.uint8]:
    """Rows x columns of indexes to rows x columns x 3. Raises `CannotShow` where there is no palette."""
    bits = min(module.bits_stored, 16)
    low = -(1 << (bits - 1)) if module.signed else 0
    table = np.stack([_channel(data_set, colour, low, 1 << bits, module) for colour in _COLOURS], axis=-1)
    return np.take(table, indexes.astype(np.int64) - low, axis=0, mode="clip")


def supplemental(data_set: Dataset, frame: int) -> int | None:
    """The first value that a Supplemental Palette colours (C.7.6.19), e.g. in a perfusion map, or None.

    Values below it go through the greyscale pipeline.
    """
    if "RedPaletteColorLookupTableDescriptor" not in data_set:
        return None
    places = [data_set, *(macro(data_set, frame, name) for name in _FRAME_TYPES)]
    if not any(word(place, "PixelPresentation") in {"COLOR", "MIXED"} for place in places):
        return None
    descriptor = numbers(data_set, "RedPaletteColorLookupTableDescriptor")
    return int(descriptor[1]) if len(descriptor) == 3 else None  # noqa: PLR2004 see `_channel`


def tinted(
    values: NDArray[Any], grey: Greyscale, data_set: Dataset, module: PixelModule, first: int
) -> NDArray[np.uint8]:
    """Values from `first` on in their colours, the others grey: rows x columns x 3."""
    seen = levels(values, windowed(values, grey))
    coloured = values >= first
    picture = np.repeat(seen[..., None], 3, axis=2)
    picture[coloured] = palette(values[coloured], data_set, module)
    return picture


def _channel(data_set: Dataset, colour: str, low: int, size: int, module: PixelModule) -> NDArray[np.uint8]:
    """One colour of every index from `low` on: below the first entry the first, beyond the last the last."""
    descriptor = numbers(data_set, f"{colour}PaletteColorLookupTableDescriptor")
    if len(descriptor) != 3:  # noqa: PLR2004 entries (0 means 65,536), first index, bits of an entry
        raise CannotShow("its palette is missing or damaged", "P19")
    count, first, bits = (int(value) for value in descriptor)
    entries = _entries(data_set, colour, count & 0xFFFF or _MOST, bits)
    if entries.size == 0:
        raise CannotShow("its palette is missing or damaged", "P19")
    places = np.arange(low, low + size) - stored(first, signed=module.signed)
    return entries[np.clip(places, 0, entries.size - 1)]


def _entries(data_set: Dataset, colour: str, count: int, bits: int) -> NDArray[np.uint8]:
    plain = octets(data_set, f"{colour}PaletteColorLookupTableData")
    if plain:
        return _bytes(_cells(plain, bits if len(plain) < 2 * count else 16)[:count])
    segments = octets(data_set, f"Segmented{colour}PaletteColorLookupTableData")
    return _bytes(expanded(_cells(segments, bits).tolist(), count, bits))


def _cells(data: bytes, bits: int) -> NDArray[Any]:
    return np.frombuffer(data, np.uint8) if bits <= _BYTE else np.frombuffer(data[: len(data) // 2 * 2], "<u2")


def _bytes(entries: NDArray[Any]) -> NDArray[np.uint8]:
    """Some writers put 8 bits into 16-bit entries without shifting them."""
    wide = entries.dtype.itemsize > 1 and entries.size > 0 and entries.max() > 0xFF  # noqa: PLR2004 a byte
    return (entries >> _BYTE if wide else entries).astype(np.uint8)


def expanded(segments: Sequence[int], count: int, bits: int) -> NDArray[np.uint16]:
    """Segmented palette data (C.7.9.2) in full, never more than `count` entries. Damaged segments end it."""
    values: list[int] = []
    at = 0
    while at + 2 < len(segments) and len(values) < count:
        if segments[at] == _INDIRECT:
            _repeat(values, segments, at, bits, count)
            at += 4 if bits > _BYTE else 6
        else:
            at = _segment(values, segments, at, count)
    return np.array(values[:count], np.uint16)


def _segment(values: list[int], segments: Sequence[int], at: int, count: int) -> int:
    """Append one discrete or linear segment; where the next one starts."""
    kind, length = segments[at], segments[at + 1]
    if kind == _DISCRETE:
        values += segments[at + 2 : at + 2 + length]
        return at + 2 + length
    if kind != _LINEAR or not values:
        raise CannotShow("its palette is missing or damaged", "P19")
    steps = np.linspace(values[-1], segments[at + 2], min(length, count) + 1)[1:]
    values += np.rint(steps).astype(int).tolist()
    return at + 3


def _repeat(values: list[int], segments: Sequence[int], at: int, bits: int, count: int) -> None:
    """An indirect segment: so many earlier segments again, from a byte offset that is given in halves."""
    width = 2 if bits > _BYTE else 1
    parts = segments[at + 2 : at + 2 + 4 // width]
    place = sum(part << (8 * width * index) for index, part in enumerate(parts)) // width
    for _ in range(segments[at + 1]):
        if place + 2 >= len(segments) or len(values) >= count:
            return
        place = _segment(values, segments, place, count)
