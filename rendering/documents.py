"""Pictures of what has no pixels: a report's pages, a PDF's, an ECG. Which instances have one, and the page itself."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rendering.captions import spoken
from rendering.errors import NO_PAGE, CannotShow
from rendering.header import whole
from rendering.keyimages import Choice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image

    from studies.model import Instance, Study

#: Of one study: the rest is named.
MOST_DOCUMENTS = 20
#: At most so many pages of a document are shown (`rendering.page.MOST_PAGES`).
_PAGES = 3
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
#: 12-lead, general and ambulatory.
_ECGS = frozenset(f"1.2.840.10008.5.1.4.1.1.9.1.{one}" for one in (1, 2, 3))
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
#: Key images, which are shown themselves; doses and injections, which are a machine's tables.
_UNTOLD = frozenset(_REPORTS + one for one in ("59", "67", "68", "73", "74", "75", "76"))


def pages(study: Study) -> Iterator[Choice]:
    """A choice for each page that a document may have: one that turns out not to exist is no problem (`NO_PAGE`)."""
    for one in islice(filter(_words, study.instances), MOST_DOCUMENTS):
        title = titled(study, one)
        yield from (_page(one, title, place) for place in range(1 if _is_ecg(one) else _PAGES))


def tellable(study: Study) -> list[Instance]:
    """What can be told as text: reports and PDFs, in the order of their pages."""
    found = [one for one in study.instances if _words(one) and not _is_ecg(one)]
    return found[:MOST_DOCUMENTS]


def titled(study: Study, instance: Instance) -> str:
    """What it is and where: `Report · series 6`."""
    series = next((one.series_number for one in study.series if instance in one.instances), None)
    return _words(instance) + (f" · series {series}" if series is not None else "")


def page(path: Path, number: int) -> Image.Image:
    """Page `number`, from 0, of the document at `path`: mode L or RGB. Raises `CannotShow`."""
    document = whole(path)
    if "EncapsulatedDocument" in document:
        from rendering.pdf import pdf  # noqa: PLC0415 only what is needed is loaded

        return pdf(document, number)
    if "WaveformSequence" in document:
        from rendering.ecg import ecg  # noqa: PLC0415

        return ecg(document)
    from rendering.report import report  # noqa: PLC0415

    made = report(document)
    if number >= len(made):
        raise CannotShow("it has no such page", NO_PAGE)
    return made[number]


def _page(instance: Instance, title: str, number: int) -> Choice:
    key = f"page/{instance.key}/{number + 1}"
    said = f"page {number + 1}" if number else ""
    caption = " · ".join(filter(None, (title, said)))
    alt = spoken(title.replace(" · ", ", "), said)
    return Choice(key, ((instance, number),), ("",), caption, alt, page=True)


def _words(instance: Instance) -> str:
    uid = instance.sop_class_uid
    if instance.has_pixels or uid in _UNTOLD:
        return ""
    if uid.startswith(_REPORTS):
        return "Report"
    return "Document" if uid == _PDF else "ECG" if _is_ecg(instance) else ""


def _is_ecg(instance: Instance) -> bool:
    return instance.sop_class_uid in _ECGS
