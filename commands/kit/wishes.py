"""What is typed after `!view`, in any order: which share, series and image, which window, how large. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from commands.kit.registry import TypingMistake
from delivery.viewing import Wish
from rendering.look import CLOSEST
from rendering.presets import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOW = "Type for example: !view 12 series 3 image 40 bone, !view 12 400/40, !view 12 zoom 2x at 30,60"
#: What people say as well.
_ALSO = {
    "bones": "bone", "lungs": "lung", "abdominal": "abdomen", "inverted": "invert", "frame": "image", "slice": "image",
    "img": "image", "movie": "cine", "clip": "cine", "play": "cine", "window": "", "tissue": "", "please": "",
    "with": "", "in": "",
}  # fmt: skip
#: Dashes that phones make of a minus.
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-", "\u00d7": "x"})
_WINDOW = re.compile(r"\bw\s?(\d+(?:\.\d+)?)\s?/?\s?[cl]\s?(-?\d+(?:\.\d+)?)\b")
_LEVELS = re.compile(r"(\d+(?:\.\d+)?)/(-?\d+(?:\.\d+)?)")
_TIMES = re.compile(r"x?(\d{1,2}(?:\.\d{1,2})?)x?")
_POINT = re.compile(r"(\d{1,3}(?:\.\d+)?)%?,(\d{1,3}(?:\.\d+)?)%?")
#: Beyond this no modality has values.
_MOST = 1e6


def wished(text: str) -> tuple[int, Wish]:
    """(number of the share, 0 if none was given; the wish). Raises `TypingMistake`."""
    words = iter(_words(text))
    share, wish = 0, Wish()
    for place, word in enumerate(words):
        if place == 0 and _is_number(word):
            share = int(word)
        else:
            wish = _read(word, words, wish)
    if wish.cine and wish.full:
        raise TypingMistake("A clip is never full. Ask for one of both: cine, or full.", "T24")
    return share, wish


def _words(text: str) -> list[str]:
    plain = text.lower().translate(_MINUS)
    plain = _WINDOW.sub(r"\1/\2", plain)
    plain = re.sub(r"\s*([,/])\s*", r"\1", plain)
    return [said for word in plain.split() if (said := _ALSO.get(word, word))]


def _read(word: str, following: Iterator[str], wish: Wish) -> Wish:
    if word in NAMES:
        return replace(wish, window=word, levels=None)
    if levels := _LEVELS.fullmatch(word):
        return replace(wish, levels=_levels(float(levels[1]), float(levels[2])), window="")
    if word not in _AFTER:
        raise TypingMistake(f'I do not know what "{word[:20]}" means here. {_nearest(word)}{HOW}', "T20")
    return _AFTER[word](following, wish)


def _number_of(following: Iterator[str], what: str) -> int:
    word = next(following, "")
    if not _is_number(word):
        raise TypingMistake(f"Tell me the number of the {what}, like: {what} 3", "T21")
    return int(word)


def _zoom(following: Iterator[str], wish: Wish) -> Wish:
    found = _TIMES.fullmatch(next(following, "2"))
    times = float(found[1]) if found else 0.0
    if not 1 <= times <= CLOSEST:
        raise TypingMistake(f"Tell me how close, from 1 to {CLOSEST:g}, like: zoom 2x", "T22")
    return replace(wish, zoom=times)


def _at(following: Iterator[str], wish: Wish) -> Wish:
    found = _POINT.fullmatch(next(following, ""))
    x, y = (float(found[1]), float(found[2])) if found else (-1.0, -1.0)
    if not (0 <= x <= 100 and 0 <= y <= 100):  # noqa: PLR2004 percent
        raise TypingMistake(
            "Tell me where, in percent from the left and from the top: at 50,50 is the middle, at 100,0 the upper "
            "right corner.",
            "T23",
        )
    return replace(wish, at=(x / 100, y / 100), zoom=max(wish.zoom, 1.0) if wish.zoom > 1 else 2.0)


def _levels(width: float, centre: float) -> tuple[float, float]:
    if not 0 < width <= _MOST or abs(centre) > _MOST:
        raise TypingMistake("A window is its width and its centre, like: 400/40", "T25")
    return width, centre


_AFTER: dict[str, Callable[[Iterator[str], Wish], Wish]] = {
    "series": lambda following, wish: replace(wish, series=_number_of(following, "series")),
    "image": lambda following, wish: replace(wish, image=_number_of(following, "image")),
    "invert": lambda _, wish: replace(wish, inverted=True),
    "full": lambda _, wish: replace(wish, full=True),
    "cine": lambda _, wish: replace(wish, cine=True),
    "zoom": _zoom,
    "at": _at,
}


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 9  # noqa: PLR2004 no image has ten digits


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word, [*NAMES, *_AFTER], n=1)
    return f'Did you mean "{near[0]}"? ' if near else ""
