"""The fonts that words are drawn with, in any script (rendering/fonts, made by tools/fonts.py).

Pillow with Raqm shapes each line and orders it by direction, so one file must hold all scripts of a line. That is the
large one; what nearly every picture needs is in the small one too. Both look alike, and lie in memory: a sealed worker
opens no files.
"""

from __future__ import annotations

import io
import unicodedata
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

_FOLDER = Path(__file__).parent / "fonts"
_WESTERN, _ALL = "western.ttf", "all.ttf"
#: The small file ends before Armenian; it has further Latin and Greek letters, and punctuation.
_WESTERN_END, _MORE_WESTERN = "\u0530", ("\u1e00", "\u206f")
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


def font(size: int, text: str = "") -> ImageFont.FreeTypeFont:
    """The font at `size` pixels that has the letters of `text`."""
    return _western(size) if all(map(_is_western, text)) else _every(size)


def font_file(text: str) -> Path:
    """The file of the font that has the letters of `text`, to be embedded in a document."""
    return _FOLDER / (_WESTERN if all(map(_is_western, text)) else _ALL)


def right_to_left(text: str) -> bool:
    """Whether a paragraph begins at the right: by its first letter that has a direction (UAX 9, rule P2)."""
    directions = (unicodedata.bidirectional(letter) for letter in text)
    return next((one for one in directions if one in {"L", *_RIGHT_TO_LEFT}), "L") in _RIGHT_TO_LEFT


def preload() -> None:
    """Read both files now: where this is called before a fork, all workers share them."""
    for name in (_WESTERN, _ALL):
        _file(name)
    font(14)


def _is_western(letter: str) -> bool:
    return letter < _WESTERN_END or _MORE_WESTERN[0] <= letter <= _MORE_WESTERN[1]


@lru_cache(maxsize=32)
def _western(size: int) -> ImageFont.FreeTypeFont:
    return _loaded(_WESTERN, size)


@lru_cache(maxsize=4)
def _every(size: int) -> ImageFont.FreeTypeFont:
    """Few at once: FreeType has a copy of the file for each."""
    return _loaded(_ALL, size)


def _loaded(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(_file(name)), size)


@lru_cache
def _file(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
