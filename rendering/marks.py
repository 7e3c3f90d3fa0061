"""Annotations of a presentation state: lines, points and words that somebody drew over an image (PS3.3 C.10.5).

Reads them only; `rendering.drawing` draws. Coordinates are x (to the right) and y (down).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import islice
from math import cos, hypot, isfinite, pi, sin
from typing import TYPE_CHECKING, Any

from rendering.elements import number, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pydicom.dataset import Dataset

#: Of one image. Nobody draws more by hand, and each costs time.
MOST_MARKS = 500
MOST_POINTS = 5_000
MOST_LETTERS = 500
#: A circle, and each span of a curve, are drawn as so many straight lines.
_ROUND, _SPAN = 72, 12
_PIXEL, _DISPLAY = "PIXEL", "DISPLAY"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A path through `points`; a single point is a dot."""

    points: tuple[Point, ...]
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """A text in a box given by two corners, or beside a point."""

    text: str
    box: tuple[Point, ...] = ()
    anchor: Point | None = None
    #: Whether the point itself, and a line to it, are to be seen.
    pointed: bool = False
    #: LEFT, RIGHT or CENTER within the box.
    justified: str = "LEFT"


Mark = Line | Words


@dataclass(frozen=True, slots=True)
class Place:
    """Where annotations go: from the units that they are given in to fractions of the displayed area."""

    #: From pixels of the whole image (the upper left corner of the first is 0, 0) to fractions of the displayed area.
    pixel: Callable[[Point], Point]
    #: Height of a pixel divided by its width, and of the displayed area: a circle is round to the eye.
    pixel_aspect: float = 1.0
    area_aspect: float = 1.0


def marks(items: Iterable[Dataset], place: Place) -> tuple[Mark, ...]:
    """All annotations of the items of a Graphic Annotation Sequence, in their order. What makes no sense is left out.

    Their coordinates are fractions of the displayed area, which they may leave.
    """
    return tuple(islice((mark for item in items for mark in _of(item, place)), MOST_MARKS))


def _of(item: Dataset, place: Place) -> Iterator[Mark]:
    for one in item.get("GraphicObjectSequence") or ():
        if line := _line(one, place):
            yield line
    for one in item.get("TextObjectSequence") or ():
        if words := _words(one, place):
            yield words


def _line(item: Dataset, place: Place) -> Line | None:
    make = _FORMS.get(str(item.get("GraphicType") or "").strip().upper())
    given, unit = _points(item, "GraphicData"), _unit(item, "GraphicAnnotationUnits")
    if make is None or unit is None or number(item, "GraphicDimensions", 2) != 2:  # noqa: PLR2004 x and y
        return None
    drawn = _placed(make(given, place.pixel_aspect if unit == _PIXEL else place.area_aspect), unit, place)
    closed = (len(drawn) > 2 and given[0] == given[-1]) or make in {_circle, _ellipse}  # noqa: PLR2004 an area
    return Line(drawn, closed and str(item.get("GraphicFilled") or "").strip().upper() == "Y") if drawn else None


def _words(item: Dataset, place: Place) -> Words | None:
    text = readable(item.get("UnformattedTextValue"))
    unit = _unit(item, "BoundingBoxAnnotationUnits")
    corners = ("BoundingBoxTopLeftHandCorner", "BoundingBoxBottomRightHandCorner")
    box = _placed([point for corner in corners for point in _points(item, corner)[:1]], unit, place)
    anchor = _placed(_points(item, "AnchorPoint")[:1], _unit(item, "AnchorPointAnnotationUnits"), place)
    box = box if len(box) == 2 else ()  # noqa: PLR2004 two corners
    if not text or not (box or anchor):
        return None
    seen = str(item.get("AnchorPointVisibility") or "").strip().upper() == "Y"
    justified = str(item.get("BoundingBoxTextHorizontalJustification") or "LEFT").strip().upper()
    return Words(text, box, anchor[0] if anchor else None, bool(anchor) and seen, justified)


def readable(text: Any, most: int = MOST_LETTERS) -> str:
    """Text of a header without control and formatting characters, bounded, its lines kept."""
    lines = str(text or "")[: 2 * most].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = ("".join(one for one in line if unicodedata.category(one)[0] != "C").strip() for line in lines)
    return "\n".join(kept)[:most].strip()


def _unit(item: Dataset, keyword: str) -> str | None:
    """C.10.5.1.2; None for units that we do not know (MATRIX is for whole slides)."""
    given = str(item.get(keyword) or "").strip().upper()
    return given if given in {_PIXEL, _DISPLAY} else None


def _points(item: Dataset, keyword: str) -> list[Point]:
    values = numbers(item, keyword)[: 2 * MOST_POINTS]
    if not all(isfinite(one) for one in values):
        return []
    return list(zip(values[0::2], values[1::2], strict=False))


def _placed(points: Sequence[Point], unit: str | None, place: Place) -> tuple[Point, ...]:
    if unit == _DISPLAY:
        return tuple(points)
    return tuple(map(place.pixel, points)) if unit == _PIXEL else ()


def _straight(points: Sequence[Point], _: float) -> Sequence[Point]:
    return points if len(points) > 1 else ()


def _dot(points: Sequence[Point], _: float) -> Sequence[Point]:
    return points[:1]


def _circle(points: Sequence[Point], aspect: float) -> Sequence[Point]:
    """The middle, and a point on the circle."""
    if len(points) != 2:  # noqa: PLR2004 see above
        return ()
    (x, y), (to_x, to_y) = points
    radius = hypot(to_x - x, (to_y - y) * aspect)
    return _around((x, y), (radius, 0), (0, radius / aspect))


def _ellipse(points: Sequence[Point], _: float) -> Sequence[Point]:
    """The ends of the major axis, then those of the minor one."""
    if len(points) != 4:  # noqa: PLR2004 two axes
        return ()
    (a, b), (c, d) = points[:2], points[2:]
    centre = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    return _around(centre, ((b[0] - a[0]) / 2, (b[1] - a[1]) / 2), ((d[0] - c[0]) / 2, (d[1] - c[1]) / 2))


def _around(centre: Point, major: Point, minor: Point) -> Sequence[Point]:
    turns = [2 * pi * step / _ROUND for step in range(_ROUND)]
    outline = [
        (centre[0] + major[0] * cos(t) + minor[0] * sin(t), centre[1] + major[1] * cos(t) + minor[1] * sin(t))
        for t in turns
    ]
    return [*outline, outline[0]]


def _curve(points: Sequence[Point], aspect: float) -> Sequence[Point]:
    """INTERPOLATED leaves the curve open: a cubic through all points (Catmull and Rom), closed if its ends meet."""
    if len(points) < 3:  # noqa: PLR2004 a bend
        return _straight(points, aspect)
    before, after = (points[-2], points[1]) if points[0] == points[-1] else (points[0], points[-1])
    knots = [before, *points, after]
    spans = [_span(*knots[place : place + 4]) for place in range(len(points) - 1)]
    return [*(point for span in spans for point in span), points[-1]]


def _span(a: Point, b: Point, c: Point, d: Point) -> list[Point]:
    """From b towards c, without c."""
    steps = [step / _SPAN for step in range(_SPAN)]
    return [(_cubic(a[0], b[0], c[0], d[0], t), _cubic(a[1], b[1], c[1], d[1], t)) for t in steps]


def _cubic(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


_FORMS: dict[str, Callable[[Sequence[Point], float], Sequence[Point]]] = {
    "POINT": _dot,
    "POLYLINE": _straight,
    "INTERPOLATED": _curve,
    "CIRCLE": _circle,
    "ELLIPSE": _ellipse,
}
