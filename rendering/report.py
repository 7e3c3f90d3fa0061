"""A structured report as pages (PS3.3 A.35, C.17): its content tree walked within bounds.

Who it is about stands beside the picture, encrypted, and is not repeated: the observation context is left out.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from rendering.elements import first
from rendering.errors import CannotShow
from rendering.marks import readable
from rendering.page import MOST_PAGES, Block, laid_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL import Image

#: Of one report: items looked at, and letters. More is a machine's measurements, which nobody reads on a phone.
MOST_ITEMS, MOST_TEXT = 5_000, 20_000
_DEEPEST = 16
#: Conclusion, impression, recommendation: sections and their items (PS3.16 annex D).
CONCLUSIONS = frozenset({"121072", "121073", "121074", "121075", "121076", "121077"})
#: Subject's name, ID, birth date, sex, age: the patient, wherever a writer put it. And the report's own language.
_UNSAID = frozenset({"121029", "121030", "121031", "121032", "121033", "121049"})
_CONTEXT = frozenset({"HAS OBS CONTEXT", "HAS ACQ CONTEXT"})
#: But for what a lesion is called.
_TRACKING_IDENTIFIER = "112039"


def report(document: Dataset) -> list[Image.Image]:
    """Its first pages. A report that is longer than one begins with its conclusions once more, for they are asked for.

    Raises `CannotShow` when there is nothing to read in it.
    """
    title, standing = head(document)
    top, body = [Block(title, "title"), Block(standing, "name")], bounded(told(document))
    if not body:
        raise CannotShow("there is nothing to read in it", "P32")
    pages = laid_out([*top, *body], more="Continued in the DICOM file")
    conclusions = bounded(chain.from_iterable(item(one) for one in named(document, CONCLUSIONS)))
    if len(pages) > 1 and conclusions:
        repeated = [*top, *conclusions, Block("The whole report", "heading"), *body]
        pages = laid_out(repeated, more="Continued in the DICOM file")
    return pages[:MOST_PAGES]


def head(document: Dataset) -> tuple[str, str]:
    """Title; when, and whether somebody stands for it (C.17.2)."""
    partial = str(document.get("CompletionFlag") or "") == "PARTIAL"
    preliminary = str(document.get("PreliminaryFlag") or "") == "PRELIMINARY"
    verified = str(document.get("VerificationFlag") or "") == "VERIFIED"
    stand = ("partial, " if partial else "") + ("preliminary, " if preliminary else "")
    state = f"{stand}{'verified' if verified else 'not verified'}"
    return _name(document) or "Report", " · ".join(filter(None, (dated(document), state)))


def dated(document: Dataset) -> str:
    """ContentDate as `2026-03-02`, "" without a right one."""
    date = str(document.get("ContentDate") or "")
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdigit() else ""  # noqa: PLR2004 a DA


def told(document: Dataset) -> Iterator[Block]:
    """All that it says."""
    return chain.from_iterable(item(one) for one in _children(document))


def named(document: Dataset, codes: frozenset[str]) -> Iterator[Dataset]:
    """The highest of its items that have one of these codes."""
    return _named(document, codes, iter(range(MOST_ITEMS)))


def bounded(blocks: Iterator[Block]) -> list[Block]:
    """As much as somebody reads."""
    kept, letters = [], 0
    for block in islice(blocks, MOST_ITEMS):
        kept.append(block)
        letters += len(block.text)
        if letters > MOST_TEXT:
            break
    return kept


def _children(parent: Dataset) -> Iterator[Dataset]:
    return (item for item in parent.get("ContentSequence") or () if _is_said(item))


def _is_said(item: Dataset) -> bool:
    named = _code(item)
    if str(item.get("RelationshipType") or "") in _CONTEXT:
        return named == _TRACKING_IDENTIFIER
    return named not in _UNSAID


def item(said: Dataset, depth: int = 0, heading: str = "") -> Iterator[Block]:
    """What an item says, then what hangs from it, one step to the right. "Findings" need no "Finding" under them."""
    kind, name, value = str(said.get("ValueType") or ""), _name(said), _value(said)
    deeper = _children(said) if depth < _DEEPEST else ()
    below = chain.from_iterable(item(one, depth + 1, name) for one in deeper)
    if heading.rstrip("s").casefold() == name.rstrip("s").casefold():
        name = ""
    if kind == "CONTAINER":
        following = next(below, None)
        if following is None:
            return
        if name:
            yield Block(name, "heading")
        yield following
    elif value:
        if name and (kind == "TEXT" or len(value) > 40):  # noqa: PLR2004 longer than the name's line has room for
            yield Block(name, "name", max(0, depth - 1))
            yield Block(value, "body", max(0, depth - 1))
        else:
            yield Block(f"{name}: {value}" if name else value, "body", max(0, depth - 1))
    yield from below


def _named(parent: Dataset, codes: frozenset[str], budget: Iterator[int], depth: int = 0) -> Iterator[Dataset]:
    """Among as many items as `budget` has numbers."""
    for one in _children(parent):
        if next(budget, None) is None:
            return
        if _code(one) in codes:
            yield one
        elif depth < _DEEPEST:
            yield from _named(one, codes, budget, depth + 1)


def _value(item: Dataset) -> str:
    say = _VALUES.get(str(item.get("ValueType") or ""))
    return readable(say(item), MOST_TEXT) if say else ""


def _number(item: Dataset) -> str:
    measured = item.get("MeasuredValueSequence")
    if not measured:
        return ""
    unit = _concept(measured[0], "MeasurementUnitsCodeSequence")
    said = str(unit.get("CodeValue") or "")
    return f"{first(measured[0].get('NumericValue'))} {'' if said == '1' or '{' in said else said}".strip()


def _meaning(item: Dataset) -> str:
    return str(_concept(item, "ConceptCodeSequence").get("CodeMeaning") or "")


def _date(item: Dataset) -> str:
    return str(item.get("DateTime") or item.get("Date") or item.get("Time") or "")


def _person(item: Dataset) -> str:
    return str(item.get("PersonName") or "").replace("^", " ").strip()


_VALUES: dict[str, Callable[[Dataset], str]] = {
    "TEXT": lambda item: str(item.get("TextValue") or ""),
    "CODE": _meaning,
    "NUM": _number,
    "DATE": _date,
    "TIME": _date,
    "DATETIME": _date,
    "PNAME": _person,
}


def _name(item: Dataset) -> str:
    return readable(_concept(item, "ConceptNameCodeSequence").get("CodeMeaning"))


def _code(item: Dataset) -> str:
    return str(_concept(item, "ConceptNameCodeSequence").get("CodeValue") or "")


def _concept(item: Dataset, sequence: str) -> Dataset:
    found = item.get(sequence)
    return found[0] if found else Dataset()
