"""Less than the whole study: some series, thin slices or all but these, the images that somebody marked. Pure.

Documents (reports, selections, presentation states) go along whatever is chosen: they are small, and what was missing
on the discs were the notes.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from delivery.errors import NothingLeft
from delivery.records import kind_of
from rendering import titles
from rendering.guided import withdrawn
from rendering.order import planes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from delivery.options import Options
    from rendering.guides import Guide
    from studies.model import Instance, Series, Study

#: Millimetres from slice to slice up to which a stack is one of thin slices (Fleischner Society, 2017).
THIN = 1.5
#: Rounding of positions.
_TOLERANCE = 0.05
#: Slices at fewer places are no stack.
_LEAST = 8
_DOCUMENTS = frozenset({"SR DOCUMENT", "KEY OBJECT DOC", "PRESENTATION", "ENCAP DOC"})


def narrowed(study: Study, options: Options) -> Study:
    """What the headers decide: series and slices. Key images are a matter of `key_images`. Raises `NothingLeft`."""
    numbers = {one.series_number for one in study.series if one.series_number is not None}
    if unknown := [one for one in options.series if one not in numbers]:
        there = ", ".join(map(str, sorted(numbers))) or "none with a number"
        raise NothingLeft(f"This study has no series {unknown[0]}. Its series are: {there}.", "D30")
    if not (options.series or options.thin or options.thick):
        return study
    return _needed(_only(study, lambda series, _: _wanted(series, options)), _why_nothing(options))


def key_images(study: Study, guides: Iterable[Guide]) -> Study:
    """The images that somebody selected or drew upon. Raises `NothingLeft` where nobody did."""
    chosen = marked(guides)
    return _needed(
        _only(study, lambda _, one: one.sop_instance_uid in chosen),
        "Nobody has marked key images in it. Choose series instead, like: series 3",
    )


def marked(guides: Iterable[Guide]) -> frozenset[str]:
    """SOP Instance UIDs of the key images: selected as such, or drawn upon; not those that were withdrawn."""
    guides = list(guides)
    chosen = (one for one in guides if (one.covers if one.is_state else titles.key(one.title)))
    return frozenset(about.sop_instance_uid for one in chosen for about in one.references) - withdrawn(guides).keys()


def spacing(series: Series) -> float | None:
    """Millimetres from slice to slice of its largest stack; None where it has none."""
    stacks = planes([one for one in series.instances if one.image_position_patient])
    places = [one.image_position_patient for one in max(stacks, key=len)] if stacks else []
    gaps = [gap for a, b in pairwise(places) if len(a) == len(b) and (gap := math.dist(a, b)) > _TOLERANCE]
    return statistics.median(gaps) if len(gaps) + 1 >= _LEAST else None


def is_thin(series: Series) -> bool:
    """Whether it is a stack of thin slices."""
    found = spacing(series)
    return found is not None and found <= THIN + _TOLERANCE


def _wanted(series: Series, options: Options) -> bool:
    if options.series and series.series_number not in options.series:
        return False
    return is_thin(series) is options.thin if options.thin or options.thick else True


def _only(study: Study, wanted: Callable[[Series, Instance], bool]) -> Study:
    kept = (
        replace(series, instances=tuple(one for one in series.instances if is_document(one) or wanted(series, one)))
        for series in study.series
    )
    return replace(study, series=tuple(series for series in kept if series.instances))


def is_document(instance: Instance) -> bool:
    """Whether it is something to be read, or says how a picture is to be seen."""
    return not instance.has_pixels and kind_of(instance.sop_class_uid, has_pixels=False) in _DOCUMENTS


def _needed(study: Study, otherwise: str) -> Study:
    if all(map(is_document, study.instances)):
        raise NothingLeft(f"Nothing of this study would be sent. {otherwise}", "D31")
    return study


def _why_nothing(options: Options) -> str:
    if options.thin:
        return f"It has no stack with slices of {THIN:g} mm or less there."
    return "It has nothing but thin slices there." if options.thick else "Choose other series."
