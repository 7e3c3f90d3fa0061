"""What is said about a picture: burnt in under it, and read out by a screen reader. All words are ours. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rendering import projection, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.model import Instance, Series

#: One picture shows one projection.
PROJECTIONS = frozenset({"CR", "DX", "DR", "RG", "MG", "XA", "RF", "IO", "PX", "RTIMAGE"})
#: Of these everybody sees what they are.
_PLAIN = PROJECTIONS - {"XA", "RF", "RTIMAGE"}


def view_of(series: Series, instance: Instance) -> projection.View | None:
    """The projection; a series of one image may name it better than its codes do (a mortise is coded as oblique).

    None of slices: "sagittal" and "axial" mean something else there.
    """
    if series.modality not in PROJECTIONS:
        return None
    coded = projection.view(instance.view_position, instance.view_description)
    named = projection.view("", series.series_description) if len(series.instances) == 1 else None
    return named if named and projection.narrows(named, coded) else coded


def subject(series: Series) -> str:
    """E.g. "CT chest"."""
    part = words.body_part(series.body_part_examined)
    what = words.modality(series.modality)
    return f"{what} {part}" if part else what


def title(series: Series, instance: Instance) -> str:
    """E.g. "X-ray of right ankle, AP view, series 1, image 2"."""
    side = words.side(instance.laterality)
    part = words.body_part(series.body_part_examined)
    place = f"{part}, {side}" if side == words.SIDES["B"] and part else " ".join(filter(None, (side, part)))
    view = view_of(series, instance)
    what = words.modality(series.modality)
    about = f"{what} of {place}" if place else what
    return ", ".join((about, *((f"{view.name} view",) if view else ()), *_numbers(series, instance)))


def caption(series: Series, instance: Instance) -> str:
    """E.g. "Right ankle · AP · series 1 · image 2": what the picture shows, and how to ask for it again."""
    side, part = words.side(instance.laterality), words.body_part(series.body_part_examined)
    view = view_of(series, instance)
    about = " ".join(filter(None, (side, part))) or subject(series)
    if series.modality not in _PLAIN and part:
        about = f"{words.modality(series.modality)} {about}"
    parts = [capital(about)]
    if view:
        parts.append(view.name)
    return " · ".join((*parts, *_numbers(series, instance)))


def view_words(series: Series, instance: Instance) -> str:
    """E.g. "right MLO", or ""."""
    view = view_of(series, instance)
    return " ".join(filter(None, (words.side(instance.laterality), view.name if view else "")))


def numbered(series: Series) -> str:
    """E.g. "CT chest · series 3"."""
    return " · ".join(filter(None, (subject(series), series_number(series))))


def series_number(series: Series) -> str:
    """E.g. "series 3", or ""."""
    return f"series {series.series_number}" if series.series_number is not None else ""


def _numbers(series: Series, instance: Instance) -> tuple[str, ...]:
    """Those that there are of "series 1" and "image 2"."""
    image = f"image {instance.instance_number}" if instance.instance_number is not None else ""
    return tuple(filter(None, (series_number(series), image)))


def labels(places: Sequence[tuple[Instance, int]]) -> tuple[str, ...]:
    """Of the tiles of a contact sheet: the numbers under which images, or frames of one object, are asked for."""
    if len({instance.key for instance, _ in places}) == 1 and places[0][0].number_of_frames > 1:
        return tuple(str(frame + 1) for _, frame in places)
    numbers = (instance.instance_number for instance, _ in places)
    return tuple(str(place if number is None else number) for place, number in enumerate(numbers, 1))


def spoken(title: str, more: str) -> str:
    """What a screen reader says."""
    text = ", ".join(filter(None, (title, more)))
    return f"{capital(text)}. Preview, not for primary interpretation."


def capital(text: str) -> str:
    """With a capital at its beginning, and otherwise as it is."""
    return text[:1].upper() + text[1:]
