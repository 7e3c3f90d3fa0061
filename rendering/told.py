"""What a report or a PDF says, as text: all of it for the viewer, findings and conclusion for the chat.

Both are hostile formats: this runs where pictures are decoded, never in the bot's own process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from rendering import report
from rendering.errors import CannotShow
from rendering.header import whole
from rendering.marks import readable
from rendering.pdf import opened_pdf
from rendering.safely import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from rendering.page import Block

#: In the chat; a line is as many letters.
MOST_LINES, LINE = 40, 80
#: Pages of a PDF whose text is taken.
MOST_PAGES = 30
#: Findings and procedure findings, in DICOM's own code and in LOINC (PS3.16 CID 7001).
_FINDINGS = frozenset({"121070", "121071", "59776-5", "18782-3"})
#: Impression, conclusion, recommendation, addendum, summary.
_CONCLUSIONS = report.CONCLUSIONS | {"121078", "121111", "19005-8", "55110-1", "18783-1"}
_MORE = "(more in the document itself)"


@dataclass(frozen=True, slots=True)
class Told:
    """One document as text; lines end with a newline."""

    #: What it is called, "" if nothing.
    title: str
    #: When it was written, and whether somebody stands for it; "" if it does not say.
    standing: str
    #: Findings, then conclusion, or the beginning of what has neither: at most `MOST_LINES` lines.
    brief: str
    text: str


def told(path: Path) -> Told:
    """Of the document at `path`. Raises `CannotShow`, also where there is no text in it."""
    with guarded():
        document = whole(path)
        made = _pdf(document) if "EncapsulatedDocument" in document else _report(document)
    if not made.text:
        raise CannotShow("there is nothing to read in it", "P32")
    return made


def _report(document: Dataset) -> Told:
    title, standing = report.head(document)
    lines = _lines(report.bounded(report.told(document)))
    findings, conclusions = (_section(document, codes) for codes in (_FINDINGS, _CONCLUSIONS))
    brief = _fitted(findings, conclusions) if findings or conclusions else _cut(lines, MOST_LINES)
    return Told(title, standing, "\n".join(brief).strip("\n"), "\n".join(_trimmed(lines)))


def _pdf(document: Dataset) -> Told:
    text = "\n".join(_pages(document))[: report.MOST_TEXT]
    title = readable(document.get("DocumentTitle"))
    return Told(title, report.dated(document), "\n".join(_cut(text.splitlines(), MOST_LINES)), text)


def _pages(document: Dataset) -> Iterator[str]:
    with opened_pdf(document) as pages:
        for number in range(min(len(pages), MOST_PAGES)):
            yield readable(pages[number].get_textpage().get_text_range(), report.MOST_TEXT)


def _section(document: Dataset, codes: frozenset[str]) -> list[str]:
    """The highest items of these codes with what hangs from them."""
    items = report.named(document, codes)
    return _lines(report.bounded(chain.from_iterable(report.item(one) for one in items)))


def _lines(blocks: Iterable[Block]) -> list[str]:
    return [line for block in blocks for line in _written(block)]


def _written(block: Block) -> list[str]:
    head, *rest = block.text.splitlines() or [""]
    if block.style == "heading":
        return ["", block.text.upper()]
    if block.style == "name":
        return [f"{'  ' * block.indent}{head}:", *rest]
    return [f"{'  ' * block.indent}{line}" for line in (head, *rest)]


def _fitted(findings: Sequence[str], conclusions: Sequence[str]) -> list[str]:
    """Findings are cut rather than a conclusion."""
    concluding = _cut(conclusions, MOST_LINES)
    room = MOST_LINES - sum(map(_height, concluding))
    return [*(_cut(findings, room - 1) if room > 2 else []), *([""] if concluding else []), *concluding]  # noqa: PLR2004 two lines


def _cut(lines: Sequence[str], room: int) -> list[str]:
    kept = _trimmed(lines)
    if sum(map(_height, kept)) <= room:
        return kept
    shown, left = [], room - 1
    for line in kept:
        shown.append(line[: left * LINE])
        left -= _height(line)
        if left <= 0:
            break
    return [*shown, _MORE]


def _trimmed(lines: Sequence[str]) -> list[str]:
    return "\n".join(lines).strip("\n").splitlines()


def _height(line: str) -> int:
    return max(1, math.ceil(len(line) / LINE))
