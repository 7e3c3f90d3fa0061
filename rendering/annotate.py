"""Words and the scale bar, beside the picture and never over it. All of it is grey, so that grey pictures stay grey.

The font is Pillow's own scalable one (Aileron, CC0), which has all the letters that we use: see `rendering.words`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from rendering.spacing import Spacing

WARNING = "Preview, not for primary interpretation"
#: The strip under the picture never takes more than this of the long edge, in pixels.
STRIP = 150

_LARGEST_TEXT, _SMALLEST_TEXT = 46, 14
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
    """Font size in pixels that stays readable where a picture of that size is shown 390 pixels wide."""
    return max(_SMALLEST_TEXT, min(_LARGEST_TEXT, round(max(width / 29, height / 42))))


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font at `size` pixels."""
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType")
    return loaded


def bar(known: Spacing | None, width: int) -> Bar | None:
    """The longest round bar that suits a picture of `width` pixels; None without spacing."""
    if known is None:
        return None
    fitting = [mm for mm in _LENGTHS if _BAR_LEAST <= mm / known.column <= width * _BAR_PART]
    if not fitting:
        return None
    length = fitting[-1]
    said = f"{length / 10:g} cm" if length >= 10 else f"{length:g} mm"  # noqa: PLR2004 a centimetre
    return Bar(round(length / known.column), f"{said} at detector" if known.at_detector else said)


def captioned(picture: Image.Image, caption: str, scale: Bar | None) -> Image.Image:
    """`picture` with the strip under it: caption and warning on the left, bar on the right."""
    size = text_size(*picture.size)
    small = round(size * 0.8)
    gap = size // 2
    lines = _wrapped(caption, size, picture.width, scale, gap)
    below = scale is not None and len(lines) > 1
    wide = max(picture.width, _width(WARNING, small) + 2 * gap, *(_width(line, size) + 2 * gap for line in lines))
    rows = len(lines) * round(size * 1.25) + round(small * 1.35) + (round(size * 1.6) if below else 0)
    canvas = Image.new(picture.mode, (wide, picture.height + rows + gap), _grey(picture.mode, _BACKGROUND))
    canvas.paste(picture, ((wide - picture.width) // 2, 0))
    draw = ImageDraw.Draw(canvas)
    top = picture.height + gap // 2
    for line in lines:
        draw.text((gap, top), line, _grey(canvas.mode, _BRIGHT), font(size))
        top += round(size * 1.25)
    draw.text((gap, top), WARNING, _grey(canvas.mode, _SOFT), font(small))
    if scale is not None:
        _draw_bar(draw, scale, (wide - gap, top + round(small * 1.6) if below else picture.height + gap // 2), size)
    return canvas


def labelled(tile: Image.Image, text: str, size: int) -> Image.Image:
    """The tile with its number in the upper left corner, outlined so that it reads on any ground."""
    if text:
        draw = ImageDraw.Draw(tile)
        place = (size // 3, size // 6)
        fill, edge = _grey(tile.mode, _BRIGHT), _grey(tile.mode, _BACKGROUND)
        draw.text(place, text, fill, font(size), stroke_width=max(1, size // 10), stroke_fill=edge)
    return tile


def placeholder(width: int, height: int, size: int) -> Image.Image:
    """A tile that says that this one cannot be shown."""
    tile = Image.new("L", (width, height), _FAINT)
    fitting = min(size, max(8, width // 9))
    ImageDraw.Draw(tile).multiline_text(
        (width / 2, height / 2), "cannot\nbe shown", _SOFT, font(fitting), anchor="mm", align="center"
    )
    return tile


def _wrapped(caption: str, size: int, width: int, scale: Bar | None, gap: int) -> list[str]:
    """The caption in lines, broken between its parts, so that the bar has its place beside it."""
    room = width - 2 * gap - (max(scale.pixels, _width(scale.text, round(size * 0.7))) + gap if scale else 0)
    if _width(caption, size) <= room:
        return [caption]
    lines: list[str] = []
    for part in caption.split(" · "):
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and _width(joined, size) <= width - 2 * gap:
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
    draw.text((right, middle + tick), scale.text, fill, font(round(size * 0.7)), anchor="rt")


def _width(text: str, size: int) -> int:
    return round(font(size).getlength(text))


def _grey(mode: str, level: int) -> int | tuple[int, int, int]:
    return level if mode == "L" else (level, level, level)
