"""Which picture of a study somebody means by "series 3 image 40", or by nothing at all. Pure: opens no file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from config.errors import Mistake
from rendering import captions
from rendering.guided import guided, withdrawn
from rendering.keyimages import Choice, picture, place_key, sheet_of
from rendering.order import evenly, planes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rendering.guides import Guide
    from studies.model import Instance, Series, Study

#: Frames of a clip: more of a phone's screen time nobody has, and more bytes neither.
MOST_FRAMES = 60
#: Numbers that are named in a sentence.
_NAMED = 12

Place = tuple["Series", "Instance", int]


class NotThere(Mistake):
    """The study has no such series or image, or several."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: SeriesNumber and InstanceNumber, or the number of a frame of the only moving picture."""

    series: int | None = None
    image: int | None = None
    #: One image, and not a contact sheet.
    alone: bool = False
    #: A clip: the frames of a moving picture, or the slices of a stack.
    moving: bool = False
    #: Only of these modalities, if there are such; for what means something there only.
    modalities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Picked:
    """The picture, and the series that it is of."""

    choice: Choice
    series: Series


def pick(study: Study, guides: Sequence[Guide], wanted: Wanted) -> Picked:
    """What `wanted` means in `study`, whose guides are as for `rendering.guided.guided`. Raises `NotThere`."""
    kept = _without(study, withdrawn(guides))
    series = _series(kept, wanted)
    if wanted.moving:
        return _moving(series, wanted)
    choices = [choice for choice in guided(study, guides) if not choice.page]
    if wanted.image is not None:
        place = _image(series, wanted.image)
        return Picked(_alone(choices, place), place[0])
    return _first(choices, series, wanted)


def _without(study: Study, gone: Iterable[str]) -> Study:
    lost = set(gone)
    kept = (
        replace(one, instances=tuple(i for i in one.instances if i.has_pixels and i.sop_instance_uid not in lost))
        for one in study.series
    )
    return replace(study, series=tuple(one for one in kept if one.instances))


def _series(study: Study, wanted: Wanted) -> list[Series]:
    if not study.series:
        raise NotThere("This study has no picture.", "N01")
    if wanted.series is None:
        return [one for one in study.series if one.modality in wanted.modalities] or list(study.series)
    found = [one for one in study.series if one.series_number == wanted.series]
    if not found:
        numbers = [one.series_number for one in study.series if one.series_number is not None]
        raise NotThere(f"There is no series {wanted.series} with pictures. There is: {_listed(numbers)}.", "N02")
    return found


def _image(series: Sequence[Series], number: int) -> Place:
    """The image of that number; in a series of one moving picture, the frame of that number."""
    found = [(one, i, 0) for one in series for i in one.instances if i.instance_number == number]
    stills = [place for place in found if place[1].number_of_frames == 1]
    frames = [
        (one, one.instances[0], number - 1)
        for one in series
        if len(one.instances) == 1 and 1 <= number <= one.instances[0].number_of_frames > 1
    ]
    several = stills or frames or found
    if not several:
        raise NotThere(f"There is no image {number} here. {_range_of(series)}", "N03")
    holding = [
        one.series_number for one in dict.fromkeys(place[0] for place in several) if one.series_number is not None
    ]
    if len(set(holding)) > 1:
        raise NotThere(
            f"Image {number} is in several series: {_listed(holding)}. Say which, like: series {holding[0]} "
            f"image {number}",
            "N04",
        )
    return several[0]


def _first(choices: Sequence[Choice], series: Sequence[Series], wanted: Wanted) -> Picked:
    """What is read first of these series; all single pictures of a series that was named, as one sheet."""
    places = {i.sop_instance_uid: one for one in series for i in one.instances}
    here = [choice for choice in choices if choice.instances[0][0].sop_instance_uid in places]
    if not here:
        raise NotThere("This study has no picture.", "N01")
    owner = places[here[0].instances[0][0].sop_instance_uid]
    if wanted.alone:
        instances = next((choice for choice in here if len(choice.instances) == 1), here[0]).instances
        instance, frame = instances[len(instances) // 2]
        owner = places[instance.sop_instance_uid]
        return Picked(_alone(choices, (owner, instance, frame)), owner)
    singles = list(dict.fromkeys(choice.instances[0] for choice in here if len(choice.instances) == 1))
    if wanted.series is not None and len(singles) == len(owner.instances) > 1:
        every = [(owner, instance, frame) for instance, frame in singles]
        return Picked(sheet_of(f"sheet/{owner.series_instance_uid}", every, f"series {owner.series_number}"), owner)
    return Picked(_plain(here, here[0]), owner)


def _alone(choices: Sequence[Choice], place: Place) -> Choice:
    """The one image, through a presentation state if that covers nothing of it."""
    series, instance, frame = place
    shown = next((choice for choice in choices if choice.instances == ((instance, frame),)), None)
    return _plain(choices, shown) if shown else picture(series, instance, frame, place_key(instance, frame))


def _plain(choices: Sequence[Choice], shown: Choice) -> Choice:
    """The last of those that show the same: marks come first, and cover what is to be looked at."""
    return [choice for choice in choices if choice.instances == shown.instances][-1]


def _moving(series: Sequence[Series], wanted: Wanted) -> Picked:
    """A clip of a moving picture, else of the largest stack."""
    for one in series:
        for instance in one.instances:
            if instance.number_of_frames > 1 and wanted.image in {None, instance.instance_number}:
                return _clip(one, [(instance, frame) for frame in range(instance.number_of_frames)])
    stack = max(series, key=lambda one: len(one.instances))
    slices = _plane(stack.instances)
    if len(slices) < 2:  # noqa: PLR2004 nothing moves
        raise NotThere("There is nothing that moves: no moving picture, and no stack of slices.", "N05")
    return _clip(stack, [(instance, 0) for instance in slices])


def _plane(instances: Sequence[Instance]) -> Sequence[Instance]:
    """The slices of the commonest plane, in anatomical order: a localiser among them would only flicker."""
    return max(planes(instances), key=len)


def _clip(series: Series, frames: Sequence[tuple[Instance, int]]) -> Picked:
    shown = evenly(frames, MOST_FRAMES)
    noun = "frames" if shown[0][0].number_of_frames > 1 else "slices"
    text = f"{len(frames)} {noun}" if len(shown) == len(frames) else f"{len(shown)} of {len(frames)} {noun}"
    view, title = captions.view_words(series, shown[0][0]), captions.numbered(series)
    caption = " · ".join(filter(None, (captions.capital(title), view, f"clip of {text}")))
    alt_text = captions.spoken(caption.replace(" · ", ", "), "")
    return Picked(Choice(f"clip/{shown[0][0].key}", shown, captions.labels(shown), caption, alt_text), series)


def _range_of(series: Sequence[Series]) -> str:
    numbers = sorted({i.instance_number for one in series for i in one.instances if i.instance_number is not None})
    return f"Images go from {numbers[0]} to {numbers[-1]}." if numbers else "Its images have no numbers."


def _listed(numbers: Sequence[int]) -> str:
    distinct = sorted(set(numbers))
    more = f" and {len(distinct) - _NAMED} more" if len(distinct) > _NAMED else ""
    return ", ".join(map(str, distinct[:_NAMED])) + more if distinct else "none with a number"
