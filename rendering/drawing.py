"""Draws annotations over a picture that has its final size: bright with a dark edge, so that they read on any ground.

All of it is grey, whatever colour the author's workstation had: a grey picture stays grey, and nothing hides in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import ImageDraw

from rendering.annotate import text_size
from rendering.letters import font
from rendering.marks import Line
from rendering.page import wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from rendering.marks import Mark, Point, Words

_BRIGHT, _DARK = 255, 0
#: Of the caption's size: an annotation stands beside what it is about, and must leave it free.
_SMALLER = 0.8
#: A line's width, in parts of the text's size.
_THIN = 10
#: Coordinates further out than this, in pictures, are drawn no further: Pillow counts in 32 bits.
_FAR = 4.0


def drawn(image: Image.Image, marks: Sequence[Mark]) -> Image.Image:
    """`image`, of mode L or RGB, with the annotations on it, whose coordinates are fractions of its edges."""
    if marks:
        pen = _Pen(image)
        for mark in marks:
            pen.line(mark) if isinstance(mark, Line) else pen.words(mark)
    return image


class _Pen:
    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._width, self._height = image.size
        self._size = max(12, round(text_size(*image.size) * _SMALLER))
        self._thin = max(1, self._size // _THIN)
        self._bright, self._dark = ((level,) * 3 if image.mode == "RGB" else level for level in (_BRIGHT, _DARK))

    def line(self, mark: Line) -> None:
        points = [self._place(point) for point in mark.points]
        if len(points) == 1:
            self._dot(points[0])
            return
        if mark.filled:
            self._draw.polygon(points, self._bright)
        self._stroke(points)

    def words(self, mark: Words) -> None:
        """Within the picture, even if the box is not: what somebody wrote must not be cut off."""
        letters = font(self._size, mark.text)
        edge = max(1, self._thin)
        room = self._width - 2 * self._size
        text = "\n".join(line for part in mark.text.split("\n") for line in wrapped(part, self._size, room))
        left, top, right, bottom = self._draw.multiline_textbbox((0, 0), text, letters, stroke_width=edge)
        x, y = self._corner(mark, right - left, bottom - top)
        if mark.pointed and mark.anchor:
            self._pointer(self._place(mark.anchor), (x, y, x + right - left, y + bottom - top))
        self._draw.multiline_text(
            (x - left, y - top), text, self._bright, letters, stroke_width=edge, stroke_fill=self._dark
        )

    def _corner(self, mark: Words, wide: float, tall: float) -> Point:
        """The text's upper left one."""
        if mark.box:
            (a, b), (c, d) = map(self._place, mark.box)
            room = abs(c - a) - wide
            x = min(a, c) + {"RIGHT": room, "CENTER": room / 2}.get(mark.justified, 0)
            y = min(b, d)
        else:
            x, y = self._place(mark.anchor or (0, 0))
            x, y = x + self._size * mark.pointed, y - tall - self._size * mark.pointed
        return max(0, min(x, self._width - wide)), max(0, min(y, self._height - tall))

    def _pointer(self, point: Point, box: tuple[float, float, float, float]) -> None:
        """A line from the text to what it is about, and a dot there."""
        left, top, right, bottom = box
        near = (min(max(point[0], left), right), min(max(point[1], top), bottom))
        if near != point:
            self._stroke([near, point])
        self._dot(point)

    def _stroke(self, points: Sequence[Point]) -> None:
        for fill, width in ((self._dark, 3 * self._thin), (self._bright, self._thin)):
            self._draw.line(points, fill, width, joint="curve")

    def _dot(self, point: Point) -> None:
        x, y = point
        for fill, radius in ((self._dark, 2.5 * self._thin), (self._bright, 1.5 * self._thin)):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill)

    def _place(self, point: Point) -> Point:
        x, y = (max(-_FAR, min(_FAR, one)) for one in point)
        return x * self._width, y * self._height
