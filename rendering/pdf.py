"""A page of an encapsulated PDF (PS3.3 A.45.1), drawn by PDFium without scripts and forms.

A PDF is a hostile format: this runs where pictures are decoded, never in the bot's own process.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from rendering.elements import number
from rendering.errors import NO_PAGE, CannotShow
from rendering.page import HEIGHT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image
    from pydicom.dataset import Dataset

_START, _WITHIN = b"%PDF-", 1024
#: How bright white paper is, of 255: it would dazzle in a dark chat.
_PAPER = 215
#: Drawn so much larger than shown, so that it can be cropped; paper is at least so bright; a border in drawn pixels.
_LARGER, _EMPTY, _BORDER = 2, 248, 60
#: Sizes of a page in points that somebody can have meant: a stamp, and a wall.
_EDGES = (1.0, 20_000.0)


def pdf(document: Dataset, wanted: int) -> Image.Image:
    """Page `wanted`, from 0, of mode L or RGB, within `WIDTH` x `HEIGHT`. Raises `CannotShow`, also beyond the last."""
    with opened_pdf(document) as opened:
        if not 0 <= wanted < len(opened):
            raise CannotShow("it has no such page", NO_PAGE)
        page = opened[wanted]
        width, height = page.get_size()
        if not all(_EDGES[0] <= edge <= _EDGES[1] for edge in (width, height)):
            raise CannotShow("its page has no sensible size", "P34")
        scale = _LARGER * min(WIDTH / width, HEIGHT / height)
        return _dimmed(_cropped(page.render(scale=scale, may_draw_forms=False).to_pil()))


@contextlib.contextmanager
def opened_pdf(document: Dataset) -> Iterator[Any]:
    """The PDF of an encapsulated one, as PDFium has it. Raises `CannotShow` when there is none."""
    import pypdfium2  # noqa: PLC0415 a large library that few studies need

    data = document.get("EncapsulatedDocument") or b""
    data = data[: number(document, "EncapsulatedDocumentLength") or len(data)]
    if _START not in data[:_WITHIN]:
        raise CannotShow("it is damaged", "P33")
    with pypdfium2.PdfDocument(data) as opened:
        yield opened


def _cropped(page: Image.Image) -> Image.Image:
    """Without its empty borders, which would only make the letters smaller, and no larger than a page may be."""
    printed = page.convert("L").point([255 * (level < _EMPTY) for level in range(256)]).getbbox()
    if printed is not None:
        left, top = (max(0, edge - _BORDER) for edge in printed[:2])
        page = page.crop((left, top, min(page.width, printed[2] + _BORDER), min(page.height, printed[3] + _BORDER)))
    page.thumbnail((WIDTH, HEIGHT))
    return page


def _dimmed(image: Image.Image) -> Image.Image:
    """Paper less bright, and grey where it has no colour: half as large."""
    image = image.convert("RGB").point([level * _PAPER // 255 for level in range(256)] * 3)
    red, green, blue = image.split()
    return red if red.tobytes() == green.tobytes() == blue.tobytes() else image
