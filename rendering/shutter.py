"""What a display shutter covers: borders beyond the collimator that would only dazzle (PS3.3 C.7.6.11, C.7.6.15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rendering.elements import given, number, numbers
from rendering.groups import macro
from rendering.overlay import graphics

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    Mask = NDArray[np.bool_]

#: More corners than any collimator has: each costs a pass over the picture.
_MOST_CORNERS = 256
_P_VALUES = 65_535


@dataclass(frozen=True, slots=True)
class Shutter:
    """`covered` is rows x columns; `level`, 0 to 255, is what is shown there."""

    covered: NDArray[np.bool_]
    level: int = 0


def shutter(data_set: Dataset, frame: int, rows: int, columns: int) -> Shutter | None:
    """The shutter of an image's or a presentation state's header, None where it covers nothing.

    Several shapes leave open what lies within all of them. One that would cover the whole picture is a mistake.
    """
    item = macro(data_set, frame, "FrameDisplayShutterSequence")
    shapes = given(item, "ShutterShape")
    if not shapes:
        return None
    open_ = np.ones((rows, columns), np.bool_)
    for shape in [shapes] if isinstance(shapes, str) else shapes:
        if draw := _SHAPES.get(str(shape).strip().upper()):
            open_ &= draw(item, rows, columns)
    if open_.all() or not open_.any():
        return None
    level = round(min(number(item, "ShutterPresentationValue"), _P_VALUES) * 255 / _P_VALUES)
    return Shutter(~open_, max(0, level))


def _rectangle(item: Dataset, rows: int, columns: int) -> Mask:
    """Edges are rows and columns counted from 1; the standard leaves open whether they are seen, we show them."""
    left, right = number(item, "ShutterLeftVerticalEdge"), number(item, "ShutterRightVerticalEdge", columns)
    upper, lower = number(item, "ShutterUpperHorizontalEdge"), number(item, "ShutterLowerHorizontalEdge", rows)
    down, across = _places(rows, columns)
    inside: Mask = (across >= left) & (across <= right) & (down >= upper) & (down <= lower)
    return inside


def _circle(item: Dataset, rows: int, columns: int) -> Mask:
    centre, radius = numbers(item, "CenterOfCircularShutter"), number(item, "RadiusOfCircularShutter")
    if len(centre) != 2 or radius <= 0:  # noqa: PLR2004 row and column
        return np.ones((rows, columns), np.bool_)
    down, across = _places(rows, columns)
    inside: Mask = (down - centre[0]) ** 2 + (across - centre[1]) ** 2 <= float(radius) ** 2
    return inside


def _polygon(item: Dataset, rows: int, columns: int) -> Mask:
    """Corners are pairs of row and column; inside is where a ray crosses the outline an odd number of times."""
    values = numbers(item, "VerticesOfThePolygonalShutter")
    corners = list(zip(values[0::2], values[1::2], strict=False))
    inside = np.zeros((rows, columns), np.bool_)
    if not 3 <= len(corners) <= _MOST_CORNERS:  # noqa: PLR2004 a triangle
        return ~inside
    down, across = _places(rows, columns)
    for (row, column), (next_row, next_column) in zip(corners, corners[1:] + corners[:1], strict=True):
        if row != next_row:
            crossing = column + (down - row) * (next_column - column) / (next_row - row)
            inside ^= ((down >= row) != (down >= next_row)) & (across < crossing)
    return inside


def _bitmap(item: Dataset, rows: int, columns: int) -> Mask:
    """C.7.6.15: where the overlay plane of the group has a bit."""
    group = number(item, "ShutterOverlayGroup")
    drawn = graphics(only_groups(item, {group}), 0, rows, columns)
    return ~drawn if drawn is not None else np.ones((rows, columns), np.bool_)


def only_groups(data_set: Dataset, groups: set[int]) -> Dataset:
    """A data set of some overlay groups alone."""
    return data_set.__class__({tag: data_set[tag] for tag in data_set.keys() if tag.group in groups})  # noqa: SIM118


def _places(rows: int, columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Row and column of each pixel, counted from 1."""
    down, across = np.ogrid[1 : rows + 1, 1 : columns + 1]
    return down.astype(np.float32), across.astype(np.float32)


_SHAPES: dict[str, Callable[[Dataset, int, int], Mask]] = {
    "RECTANGULAR": _rectangle,
    "CIRCULAR": _circle,
    "POLYGONAL": _polygon,
    "BITMAP": _bitmap,
}
