"""Graphics that the header draws over the picture: overlay planes, groups 6000 to 601E (PS3.3 C.9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rendering.elements import number, numbers, octets, tag_of, word

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _TYPE, _ORIGIN, _FIRST_FRAME, _BIT, _DATA = 0x10, 0x11, 0x15, 0x40, 0x50, 0x51, 0x102, 0x3000
#: Each group with the tags of which it has at least one.
_PLACES = [(group, tag_of((group, _ROWS)), tag_of((group, _DATA))) for group in _GROUPS]


@dataclass(frozen=True, slots=True)
class Spare:
    """A frame's pixel cells, rows x columns with all their bits, and which of those bits are not stored values."""

    cells: NDArray[Any]
    bits: int


def has_graphics(data_set: Dataset) -> bool:
    """Whether there is an overlay of any kind."""
    return any(height in data_set or data in data_set for _, height, data in _PLACES)


def graphics(
    data_set: Dataset, frame: int, rows: int, columns: int, spare: Spare | None = None
) -> NDArray[np.bool_] | None:
    """Where the overlays of type G draw on the frame, rows x columns, or None where they do not.

    Old writers keep a plane in a bit of the pixels that is not stored: `spare`. Regions of interest (type R) are about
    measurements, and would cover the picture.
    """
    groups = [group for group, height, data in _PLACES if height in data_set or data in data_set]
    if not groups:
        return None
    drawn = np.zeros((rows, columns), np.bool_)
    for group in groups:
        _draw(drawn, data_set, group, frame, spare)
    return drawn if drawn.any() else None


def _draw(drawn: NDArray[np.bool_], data_set: Dataset, group: int, frame: int, spare: Spare | None) -> None:
    if word(data_set, (group, _TYPE)) not in {"G", ""}:
        return
    separate = (group, _DATA) in data_set
    plane = _plane(data_set, group, frame) if separate else _embedded(data_set, group, spare)
    if plane is not None:
        origin = numbers(data_set, (group, _ORIGIN))
        top, left = (int(one) - 1 for one in origin) if len(origin) == 2 else (0, 0)  # noqa: PLR2004 row and column
        _place(drawn, plane, top, left)


def _plane(data_set: Dataset, group: int, frame: int) -> NDArray[np.bool_] | None:
    """The frame's bits, one a pixel, least significant first (C.9.2.1.2)."""
    height, width = number(data_set, (group, _ROWS)), number(data_set, (group, _COLUMNS))
    planes, first = number(data_set, (group, _FRAMES), 1), number(data_set, (group, _FIRST_FRAME), 1) - 1
    # One plane lies on every frame, several on as many frames from the first on.
    plane = frame - first if planes > 1 else 0
    data = np.frombuffer(octets(data_set, (group, _DATA)), np.uint8)
    start, count = plane * height * width, height * width
    if not 0 <= plane < planes or count <= 0 or 8 * data.size < start + count:
        return None
    bits = np.unpackbits(data[start // 8 : (start + count + 7) // 8], bitorder="little")[start % 8 :][:count]
    return bits.reshape(height, width).astype(np.bool_)


def _embedded(data_set: Dataset, group: int, spare: Spare | None) -> NDArray[np.bool_] | None:
    """A plane in one unused bit of every pixel cell, retired in 2004 (C.9.2.1.1 of the edition before)."""
    bit = number(data_set, (group, _BIT))
    if spare is None or not spare.bits >> bit & 1 or bit >= 8 * spare.cells.dtype.itemsize:
        return None
    plane: NDArray[np.bool_] = (spare.cells >> bit & 1).astype(np.bool_)
    return plane


def _place(drawn: NDArray[np.bool_], plane: NDArray[np.bool_], top: int, left: int) -> None:
    """Put the plane where its origin says, which may be beyond the picture's edge."""
    cut = plane[max(0, -top) :, max(0, -left) :]
    target = drawn[max(0, top) :, max(0, left) :]
    height, width = (min(a, b) for a, b in zip(cut.shape, target.shape, strict=True))
    target[:height, :width] |= cut[:height, :width]
