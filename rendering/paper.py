"""Words as a PDF on A4, in any script. Pure: the same words make the same bytes.

Not for a worker: nothing hostile is decoded here, and what makes PDFs takes two seconds to load, once.
"""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rendering.letters import font_file, right_to_left

if TYPE_CHECKING:
    import datetime
    from collections.abc import Container, Sequence

    from fpdf import FPDF

_FAMILY = "words"
#: Millimetres.
_MARGIN, _FOOT = 20, 15
#: Points, and the height of a line of such letters in millimetres for each point.
_TITLE, _BODY, _SMALL, _LEADING = 16, 11, 9, 0.48
_BLACK, _GREY = 0, 90
#: Categories of Unicode.
_UNNAMED = frozenset({"Mn", "Me", "Sk", "Cc", "Cf", "Cs", "Co", "Cn"})
#: Its warnings quote the letters that a font lacks: they are somebody's words, and belong into no log.
_SILENT = ("fpdf", "fontTools")


@dataclass(frozen=True, slots=True)
class Passage:
    """What one person wrote, under a line that says who, when and where."""

    byline: str
    text: str


def paper(
    title: str, about: Sequence[str], passages: Sequence[Passage], *, foot: str, made_at: datetime.datetime
) -> bytes:
    """A PDF: title, lines on what it is about, then each passage; `foot` on every page. `made_at` is aware of its zone.

    A letter that the font lacks, like an arrow or a face, is written as its name in brackets: nothing is left out.
    """
    words = [title, foot, *about, *(f"{one.byline}\n{one.text}" for one in passages)]
    pdf = _begun(font_file("".join(words)), foot, made_at)
    pdf.set_title(title)
    _put(pdf, title, _TITLE)
    for line in about:
        _put(pdf, line, _SMALL, _GREY)
    for one in passages:
        pdf.ln(5)
        _put(pdf, one.byline, _SMALL, _GREY)
        for line in one.text.splitlines():
            _put(pdf, line, _BODY, leftwards=right_to_left(line))
    return bytes(pdf.output())


def _begun(font: object, foot: str, made_at: datetime.datetime) -> FPDF:
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    from fpdf import FPDF  # noqa: PLC0415 a large library that few studies need

    class Paper(FPDF):
        def footer(self) -> None:
            self.set_y(-_FOOT)
            _put(self, f"{foot} · page {self.page_no()} of {{nb}}", _SMALL, _GREY)

    pdf = Paper(format="A4")
    pdf.set_creation_date(made_at)
    pdf.set_producer("carrierbag")
    pdf.set_margin(_MARGIN)
    pdf.set_auto_page_break(auto=True, margin=_MARGIN)
    pdf.add_font(_FAMILY, fname=str(font))
    pdf.set_font(_FAMILY)
    pdf.add_page()
    return pdf


def _put(pdf: FPDF, line: str, size: int, level: int = _BLACK, *, leftwards: bool = False) -> None:
    """One paragraph, from the side from which it is read."""
    pdf.set_font(_FAMILY, size=size)
    pdf.set_text_color(level)
    pdf.set_text_shaping(use_shaping_engine=True, direction="rtl" if leftwards else "ltr")
    written = _writable(line, getattr(pdf.fonts[_FAMILY], "cmap", ()))
    pdf.multi_cell(0, size * _LEADING, written, align="R" if leftwards else "L", new_x="LMARGIN", new_y="NEXT")


def _writable(text: str, known: Container[int]) -> str:
    return "".join(one if ord(one) in known else _named(one) for one in text)


def _named(letter: str) -> str:
    """What only changes how its neighbour looks, and controls, have nothing of their own to be told."""
    if unicodedata.category(letter) in _UNNAMED:
        return " " if letter == "\t" else ""
    return f"[{unicodedata.name(letter, 'unknown letter').lower()}]"
