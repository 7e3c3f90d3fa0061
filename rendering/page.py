"""Words laid out on pages that read on a phone: bright on dark, about fifty letters to a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw

from rendering.letters import font, right_to_left

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Shown 390 pixels wide, body text is as large as that of a chat.
WIDTH = 1080
#: A page is at most this high, and at least so that its caption does not outweigh it.
HEIGHT, LEAST_HEIGHT = 1440, 480
#: Pages of one document that are shown: what follows is in the file.
MOST_PAGES = 3

_MARGIN, _INDENT, _MOST_INDENT = 44, 32, 4
_LEADING = 1.32
_GROUND = 12

Style = Literal["title", "heading", "body", "name"]
#: Size in pixels, level, and the space above in lines.
_STYLES: dict[Style, tuple[int, int, float]] = {
    "title": (56, 255, 0.0),
    "heading": (44, 255, 0.7),
    "name": (38, 165, 0.25),
    "body": (40, 225, 0.0),
}
#: Ideographs and kana may be parted anywhere; all other writing at spaces.
_PIECES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]|\s+|[^\s\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph. Lines of `text` stay lines."""

    text: str
    style: Style = "body"
    #: Steps to the right.
    indent: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    style: Style
    left: int
    #: Of its top, and the height with what stands above it.
    above: float
    height: int
    #: Of a paragraph that is read from right to left: it begins at the right margin.
    leftwards: bool = False


def laid_out(blocks: Iterable[Block], *, more: str = "") -> list[Image.Image]:
    """The first `MOST_PAGES` pages; `more` is said at the foot of the last if there would be others."""
    pages = list(islice(_paged(_lines(blocks)), MOST_PAGES + 1))
    if len(pages) > MOST_PAGES:
        pages = pages[:MOST_PAGES]
        foot = next(iter(_lines([Block(more, "name")])))
        while sum(line.height for line in pages[-1]) + foot.height > HEIGHT - 2 * _MARGIN:
            pages[-1].pop()
        pages[-1].append(foot)
    return [_drawn(page) for page in pages]


def _lines(blocks: Iterable[Block]) -> Iterator[_Line]:
    for block in blocks:
        size, _, above = _STYLES[block.style]
        left = _MARGIN + _INDENT * min(block.indent, _MOST_INDENT)
        for paragraph in block.text.splitlines():
            leftwards = right_to_left(paragraph)
            for text in wrapped(paragraph, size, WIDTH - _MARGIN - left):
                gap = round(above * size)
                yield _Line(text, block.style, left, gap, gap + round(size * _LEADING), leftwards)
                above = 0.0


def wrapped(paragraph: str, size: int, room: float) -> Iterator[str]:
    """One paragraph in lines of at most `room` pixels."""
    line, used = "", 0.0
    for piece in _pieces(paragraph, size, room):
        width = _width(piece, size)
        if used + width > room and line and not piece.isspace():
            yield line.rstrip()
            line, used = "", 0.0
        if line or not piece.isspace():
            line, used = line + piece, used + width
    if line.strip():
        yield line.rstrip()


def _pieces(paragraph: str, size: int, room: float) -> Iterator[str]:
    """Words and the spaces between them; a word that is wider than the page in parts."""
    for piece in _PIECES.findall(paragraph):
        if _width(piece, size) <= room:
            yield piece
        else:
            yield from _parts(piece, size, room)


def _parts(word: str, size: int, room: float) -> Iterator[str]:
    """Letter by letter: letters of one word differ in width. Joined they are never wider than alone."""
    part, used = "", 0.0
    for letter in word:
        width = _width(letter, size)
        if part and used + width > room:
            yield part
            part, used = "", 0.0
        part, used = part + letter, used + width
    yield part


@lru_cache(maxsize=4096)
def _width(text: str, size: int) -> float:
    return font(size, text).getlength(text)


def _paged(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """A heading or a name goes with what it is about to the next page."""
    page: list[_Line] = []
    for line in lines:
        if sum(one.height for one in page) + line.height > HEIGHT - 2 * _MARGIN:
            kept = len(page)
            while kept > 1 and page[kept - 1].style in {"heading", "name"}:
                kept -= 1
            yield page[:kept]
            page = page[kept:]
        page.append(line)
    if page:
        yield page


def _drawn(lines: Sequence[_Line]) -> Image.Image:
    height = sum(line.height for line in lines) + 2 * _MARGIN
    image = Image.new("L", (WIDTH, max(LEAST_HEIGHT, height)), _GROUND)
    draw, top = ImageDraw.Draw(image), _MARGIN
    for line in lines:
        size, level, _ = _STYLES[line.style]
        letters, way = font(size, line.text), "rtl" if line.leftwards else "ltr"
        # The step of an indent is to the left where one reads to the left.
        place, corner = (WIDTH - line.left, "ra") if line.leftwards else (line.left, "la")
        draw.text((place, top + line.above), line.text, level, letters, corner, direction=way)
        top += line.height
    return image
