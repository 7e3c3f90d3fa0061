"""Words, orientation letters and the scale bar, beside the picture and never over it.

All of it is grey, so that grey pictures stay grey, and on black: chats are read at night.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from rendering.letters import font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rendering.orientation import Orientation
    from rendering.spacing import Spacing

WARNING = "Preview, not for primary interpretation"

#: Sizes of text: parts of a picture's width and of its height, in pixels at least.
_TEXT_OF_WIDTH, _TEXT_OF_HEIGHT, _LEAST_TEXT = 25, 40, 14
#: The warning's size, a line's height, and the height of a bar with its words, in sizes of the caption's text.
_SMALL, _LEADING, _BAR_ROW = 0.84, 1.25, 1.8
#: Height and width of the margins for orientation letters, in the same; usual height of the strip, in long edges.
_HEAD, _SIDE, _STRIP = 1.2, 1.3, 0.105
_BACKGROUND, _BRIGHT, _SOFT, _FAINT = 0, 240, 185, 40
#: Lengths a bar may have, in mm.
_LENGTHS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
#: A bar takes at most this part of the width.
_BAR_PART = 0.3
_BAR_LEAST = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A scale bar: its length on the picture, and what it says."""

    pixels: int
    text: str


def text_size(width: int, height: int) -> int:
    """Font size in pixels that is readable on a phone, which shows a picture of that size some 360 by 600 points large.

    14 points are a chat's own text; what is smaller here, the warning and the numbers of tiles, has 11 at least.
    """
    return max(_LEAST_TEXT, ceil(max(width / _TEXT_OF_WIDTH, height / _TEXT_OF_HEIGHT)))


def room(edge: int, *, oriented: bool) -> tuple[int, int]:
    """Width and height that are left for a picture, so that it has a long edge of `edge` with what stands beside it."""
    size = text_size(edge, edge)
    head, side = (round(size * _HEAD), round(size * _SIDE)) if oriented else (0, 0)
    return edge - side, edge - head - round(edge * _STRIP)


def bar(known: Spacing | None, width: int) -> Bar | None:
    """The longest round bar that suits a picture of `width` pixels; None without spacing."""
    if known is None:
        return None
    fitting = [mm for mm in _LENGTHS if _BAR_LEAST <= mm / known.column <= width * _BAR_PART]
    if not fitting:
        return None
    length = fitting[-1]
    said = f"{length / 10:g} cm" if length >= 10 else f"{length:g} mm"  # noqa: PLR2004 a centimetre
    return Bar(round(length / known.column), f"{said} {known.plane}".rstrip())


def captioned(
    picture: Image.Image, caption: str, scale: Bar | None, orientation: Orientation | None = None
) -> Image.Image:
    """`picture` with the strip under it: caption and warning on the left, the bar on the right or else below.

    Orientation letters stand in margins at the left and above, as at a workstation.
    """
    size = text_size(*picture.size)
    gap, small = size // 2, round(size * _SMALL)
    framed = _lettered(picture, orientation, size)
    wide = max(framed.width, _width(WARNING, small) + 2 * gap)
    lines = _wrapped(caption, size, wide - 2 * gap)
    text_height = len(lines) * round(size * _LEADING) + round(small * _LEADING)
    aside, beside = _bar_place(scale, lines, wide, size)
    strip = text_height + gap + (0 if beside else round(size * _BAR_ROW))
    canvas = Image.new(picture.mode, (wide, framed.height + strip), _grey(picture.mode, _BACKGROUND))
    canvas.paste(framed, ((wide - framed.width) // 2, 0))
    draw = ImageDraw.Draw(canvas)
    _draw_lines(draw, lines, (gap, framed.height + gap // 2), size)
    if scale is not None:
        _draw_bar(draw, scale, (aside, framed.height + gap // 2 + (0 if beside else text_height)), size)
    return canvas


def _lettered(picture: Image.Image, orientation: Orientation | None, size: int) -> Image.Image:
    if orientation is None:
        return picture
    head, side = round(size * _HEAD), max(round(size * _SIDE), _width(orientation.left, size) + size // 2)
    canvas = Image.new(picture.mode, (side + picture.width, head + picture.height), _grey(picture.mode, _BACKGROUND))
    canvas.paste(picture, (side, head))
    draw, fill = ImageDraw.Draw(canvas), _grey(picture.mode, _BRIGHT)
    draw.text((side / 2, head + picture.height / 2), orientation.left, fill, font(size), anchor="mm")
    draw.text((side + picture.width / 2, head / 2), orientation.top, fill, font(size), anchor="mm")
    return canvas


def _bar_place(scale: Bar | None, lines: Sequence[str], wide: int, size: int) -> tuple[int, bool]:
    """(right end of the bar, whether it has room beside the text)."""
    if scale is None:
        return 0, True
    gap, small = size // 2, round(size * _SMALL)
    text = max(_width(WARNING, small), *(_width(line, size) for line in lines))
    bar_width = max(scale.pixels, _width(scale.text, small))
    beside = text + bar_width + 4 * gap <= wide
    return (wide - gap if beside else gap + bar_width), beside


def _draw_lines(draw: ImageDraw.ImageDraw, lines: Sequence[str], corner: tuple[int, int], size: int) -> None:
    left, top = corner
    for line in lines:
        draw.text((left, top), line, _grey(draw.mode, _BRIGHT), font(size))
        top += round(size * _LEADING)
    draw.text((left, top), WARNING, _grey(draw.mode, _SOFT), font(round(size * _SMALL)))


def labelled(tile: Image.Image, text: str, size: int) -> Image.Image:
    """The tile with its number in the upper left corner, outlined so that it reads on any ground."""
    left, top = size // 3, size // 6
    stroke = max(1, size // 10)
    for level, width in ((_BACKGROUND, stroke), (_BRIGHT, 0)):
        place: float = left
        for letter in text:
            stamp, advance = _stamp(letter, size, width)
            tile.paste(_grey(tile.mode, level), (round(place) - width, top - width), stamp)
            place += advance
    return tile


@lru_cache(maxsize=256)
def _stamp(letter: str, size: int, stroke: int) -> tuple[Image.Image, float]:
    """A mask of one digit, grown by `stroke`, and how far the next one is.

    Kept: drawn anew each time, a sheet's numbers take longer than its pictures.
    """
    advance = font(size, letter).getlength(letter)
    mask = Image.new("L", (ceil(advance) + 2 * stroke, round(size * _LEADING) + 2 * stroke))
    ImageDraw.Draw(mask).text((stroke, stroke), letter, 255, font(size, letter), stroke_width=stroke)
    return mask, advance


def placeholder(width: int, height: int, size: int) -> Image.Image:
    """A tile that says that this one cannot be shown."""
    tile = Image.new("L", (width, height), _FAINT)
    fitting = min(size, max(8, width // 9))
    ImageDraw.Draw(tile).multiline_text(
        (width / 2, height / 2), "cannot\nbe shown", _SOFT, font(fitting), anchor="mm", align="center"
    )
    return tile


def _wrapped(caption: str, size: int, room: int) -> list[str]:
    """The caption in lines, broken between its parts."""
    lines: list[str] = []
    for part in caption.split(" · "):
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and _width(joined, size) <= room:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def _draw_bar(draw: ImageDraw.ImageDraw, scale: Bar, corner: tuple[int, int], size: int) -> None:
    """Upper right corner at `corner`; ticks at both ends, the words under it."""
    right, top = corner
    fill = _grey(draw.mode, _BRIGHT)
    thick = max(2, size // 14)
    tick = size // 2
    left, middle = right - scale.pixels, top + size // 4 + thick
    draw.rectangle((left, middle - thick // 2, right, middle + thick // 2), fill)
    for end in (left, right - thick + 1):
        draw.rectangle((end, middle - tick // 2, end + thick - 1, middle + tick // 2), fill)
    draw.text((right, middle + tick), scale.text, fill, font(round(size * _SMALL)), anchor="rt")


def _width(text: str, size: int) -> int:
    return round(font(size).getlength(text))


def _grey(mode: str, level: int) -> int | tuple[int, int, int]:
    return level if mode == "L" else (level, level, level)
