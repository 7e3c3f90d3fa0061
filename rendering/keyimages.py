"""Which pictures to make of a study, in the order in which they are read. Pure: nothing here opens a file.

Projections become a picture each; stacks of slices one contact sheet; moving pictures a sheet of evenly spaced frames.
Every instance that has pixels is in some picture, except that a long stack is sampled.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from rendering import words
from rendering.kinds import kind
from rendering.order import anatomical, evenly, orientation
from rendering.preview import PreviewPlan, Tile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from studies.model import Instance, Series, Study

#: Tiles on a contact sheet: four across and five down fill a phone held upright.
SHEET = 20
#: Up to so many slices of a stack get a picture each.
FEW_SLICES = 3
#: Up to so many projections of one series get a picture each, and so many stills of anything else.
FEW_PROJECTIONS = 12
FEW_STILLS = 6

_PROJECTIONS = frozenset({"CR", "DX", "DR", "RG", "MG", "XA", "RF", "IO", "PX", "RTIMAGE"})
_STACKS = frozenset({"CT", "MR", "PT", "NM", "SEG", "RTDOSE", "OPT", "OCT"})
#: Projections, then anything else that stands alone, then stacks, then localisers.
_SINGLES, _SHEETS, _LOCALISERS = range(3)
_NO_VIEW, _NO_SIDE = 9, 9


@dataclass(frozen=True, slots=True)
class Choice:
    """One picture to be made. Everything but `instances` may be shown to anyone who may see the picture."""

    #: Stable within a share: "view/<SOPInstanceUID>" or "sheet/<UID>".
    key: str
    #: What it needs, in the order of its tiles, each with the index of a frame from 0.
    instances: tuple[tuple[Instance, int], ...]
    #: One for each tile, e.g. its slice number.
    labels: tuple[str, ...]
    caption: str
    alt_text: str
    #: The presentation state that its one image is shown through.
    state: Instance | None = None
    #: It is a page of a document, whose number from 0 stands for the frame.
    page: bool = False
    #: What its author typed about it: for the encrypted words beside the picture, never burnt in.
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Instance, ...]:
        """The instances whose files must be fetched, each once."""
        needed = [instance for instance, _ in self.instances]
        if self.state is not None:
            needed.append(self.state)
        return tuple({instance.key: instance for instance in needed}.values())

    def said(self, more: str) -> Choice:
        """The same with a few more words of ours about it."""
        return replace(self, caption=f"{self.caption} · {more}", alt_text=f"{_capital(more)}: {self.alt_text}")

    def plan(self, paths: Mapping[str, Path]) -> PreviewPlan:
        """The plan, now that the files are there. `paths` by `Instance.key`; those without a file are left out."""
        state = paths.get(self.state.key) if self.state is not None else None
        tiles = tuple(
            Tile(paths[instance.key], frame, label, state, self.page)
            for (instance, frame), label in zip(self.instances, self.labels, strict=True)
            if instance.key in paths
        )
        return PreviewPlan(self.key, tiles, self.caption, self.alt_text)


def choose(study: Study) -> list[Choice]:
    """All pictures of `study` in reading order: projections by view and side, other pictures, stacks, localisers."""
    ranked = [pair for series in study.series for pair in _of_series(series)]
    ranked.sort(key=lambda pair: pair[0])
    return _told_apart(_unique([choice for _, choice in ranked]))


def unshown(study: Study) -> list[tuple[Instance, str]]:
    """Every instance without pixels, with a few words on what it is. They are delivered all the same."""
    return [(one, kind(one.sop_class_uid)) for one in study.instances if not one.has_pixels]


def _unique(choices: Sequence[Choice]) -> list[Choice]:
    """Keys name steps of the corridor; a source that lists an instance twice must not make two of one step."""
    return list({choice.key: choice for choice in reversed(choices)}.values())[::-1]


def _told_apart(choices: Sequence[Choice]) -> list[Choice]:
    """Two pictures of the same view and side are numbered, so that people can talk about them."""
    total, seen = Counter(choice.caption for choice in choices), Counter[str]()
    numbered = []
    for choice in choices:
        seen[choice.caption] += 1
        place = f"{seen[choice.caption]} of {total[choice.caption]}"
        alike = total[choice.caption] > 1
        numbered.append(replace(choice, caption=f"{choice.caption} · {place}") if alike else choice)
    return numbered


Rank = tuple[int, int, int]


def _of_series(series: Series) -> Iterator[tuple[Rank, Choice]]:
    pictures = [one for one in series.instances if one.has_pixels]
    for instance in pictures:
        if instance.number_of_frames > 1:
            yield _rank(series, instance), _moving(series, instance)
    stills = [one for one in pictures if one.number_of_frames <= 1]
    if series.modality in _STACKS:
        yield from _stacks(series, stills)
    else:
        yield from _views(series, stills)


def _views(series: Series, stills: Sequence[Instance]) -> Iterator[tuple[Rank, Choice]]:
    few = FEW_PROJECTIONS if series.modality in _PROJECTIONS else FEW_STILLS
    if len(stills) <= few:
        yield from ((_rank(series, one), _single(series, one)) for one in stills)
        return
    for start in range(0, len(stills), SHEET):
        part = stills[start : start + SHEET]
        text = f"images {start + 1} to {start + len(part)} of {len(stills)}"
        if len(part) == len(stills):
            text = f"{len(stills)} images"
        yield (_SHEETS, 0, 0), _sheet(series, f"{series.series_instance_uid}/{start}", part, text)


def _stacks(series: Series, stills: Sequence[Instance]) -> Iterator[tuple[Rank, Choice]]:
    """One sheet for each plane: mixed planes in one sheet would be in no order at all."""
    groups: dict[tuple[bool, tuple[int, ...]], list[Instance]] = {}
    for one in stills:
        groups.setdefault((_localiser(one), orientation(one)), []).append(one)
    if len(groups) > FEW_SLICES:  # radial or rotating stacks: every slice has a plane of its own
        groups = {(key, ()): list(some) for key, some in groupby(sorted(stills, key=_localiser), _localiser)}
    for place, ((localiser, _), group) in enumerate(groups.items()):
        rank = (_LOCALISERS if localiser else _SHEETS, 0, 0)
        if len(group) <= FEW_SLICES:
            yield from ((rank, _single(series, one)) for one in group)
            continue
        slices = anatomical(group)
        shown = evenly(slices, SHEET)
        text = f"{len(slices)} slices" if len(shown) == len(slices) else f"{len(shown)} of {len(slices)} slices"
        yield rank, _sheet(series, _key(series, place), shown, "localiser, " + text if localiser else text)


def _key(series: Series, place: int) -> str:
    return f"{series.series_instance_uid}/{place}" if place else series.series_instance_uid


def _single(series: Series, instance: Instance) -> Choice:
    return picture(series, instance, 0, f"view/{instance.key}")


def picture(series: Series, instance: Instance, frame: int, key: str) -> Choice:
    """One frame, from 0, alone and large."""
    said = f"frame {frame + 1}" if instance.number_of_frames > 1 else ""
    caption = " · ".join(filter(None, (_caption(series, instance), said)))
    return Choice(key, ((instance, frame),), ("",), caption, spoken(_title(series, instance), said))


def _sheet(series: Series, key: str, shown: Sequence[Instance], text: str) -> Choice:
    title = f"{_subject(series)}{_series_number(series)}"
    labels = tuple(_label(one, place) for place, one in enumerate(shown, 1))
    return Choice(
        f"sheet/{key}",
        tuple((one, 0) for one in shown),
        labels,
        f"{_capital(title)} · {text}",
        spoken(title.replace(" · ", ", "), f"contact sheet, {text}"),
    )


def sheet_of(key: str, picked: Sequence[tuple[Series, Instance, int]], words: str) -> Choice:
    """A contact sheet of frames, from 0, of any series."""
    frames = tuple((instance, frame) for _, instance, frame in picked)
    labels = tuple(str(frame + 1) if one.number_of_frames > 1 else _label(one, frame + 1) for one, frame in frames)
    subject = ", ".join(dict.fromkeys(_subject(series) for series, _, _ in picked))
    text = f"{len(picked)} times {words}" if len(picked) > 1 else words
    return Choice(key, frames, labels, f"{_capital(subject)} · {text}", spoken(subject, f"contact sheet, {text}"))


def _moving(series: Series, instance: Instance) -> Choice:
    frames = evenly(range(instance.number_of_frames), SHEET if instance.number_of_frames > SHEET else 12)
    text = f"{len(frames)} of {instance.number_of_frames} frames"
    if len(frames) == instance.number_of_frames:
        text = f"{len(frames)} frames"
    caption = _caption(series, instance)
    return Choice(
        f"sheet/{instance.key}",
        tuple((instance, frame) for frame in frames),
        tuple(str(frame + 1) for frame in frames),
        f"{caption} · {text}",
        spoken(_title(series, instance), f"contact sheet, {text}"),
    )


def _label(instance: Instance, place: int) -> str:
    return str(instance.instance_number if instance.instance_number is not None else place)


def _rank(series: Series, instance: Instance) -> Rank:
    if series.modality in _STACKS:
        return (_SHEETS, 0, 0)
    view = _view(series, instance)
    side = "RLB".find(instance.laterality) if instance.laterality in {"R", "L", "B"} else _NO_SIDE
    return (_SINGLES, view.rank if view else _NO_VIEW, side)


def _view(series: Series, instance: Instance) -> words.View | None:
    """The projection; a series of one image may name it better than its codes do (a mortise is coded as oblique)."""
    coded = words.view(instance.view_position, instance.view_description)
    named = words.view("", series.series_description) if len(series.instances) == 1 else None
    return named if named and words.narrows(named, coded) else coded


def _localiser(instance: Instance) -> bool:
    """ImageType value 3 (PS3.3 C.8.2.1.1.1), also where a writer put it elsewhere."""
    return any(value.upper() in {"LOCALIZER", "SCOUT", "TOPOGRAM"} for value in instance.image_type)


def _subject(series: Series) -> str:
    """E.g. "CT chest", or "ankle" for a projection, whose kind everybody sees."""
    part = words.body_part(series.body_part_examined)
    what = words.modality(series.modality)
    return f"{what} {part}" if part else what


def _title(series: Series, instance: Instance) -> str:
    """E.g. "X-ray of right ankle, AP view"."""
    side = words.side(instance.laterality)
    part = words.body_part(series.body_part_examined)
    place = f"{part}, {side}" if side == words.SIDES["B"] and part else " ".join(filter(None, (side, part)))
    view = _view(series, instance)
    what = words.modality(series.modality)
    return (f"{what} of {place}" if place else what) + (f", {view.name} view" if view else "")


def _caption(series: Series, instance: Instance) -> str:
    """E.g. "Right ankle · AP": what the picture shows, else where it stands in the study."""
    side, part = words.side(instance.laterality), words.body_part(series.body_part_examined)
    view = _view(series, instance)
    subject = " ".join(filter(None, (side, part))) or _subject(series)
    if series.modality not in _PROJECTIONS and part:
        subject = f"{words.modality(series.modality)} {subject}"
    parts = [_capital(subject)]
    if view:
        parts.append(view.name)
    elif series.modality not in _PROJECTIONS or not side:
        parts += filter(None, (_series_number(series)[3:], _image_number(instance)))
    return " · ".join(parts)


def _series_number(series: Series) -> str:
    return f" · series {series.series_number}" if series.series_number is not None else ""


def _image_number(instance: Instance) -> str:
    return f"image {instance.instance_number}" if instance.instance_number is not None else ""


def spoken(title: str, more: str) -> str:
    """What a screen reader says."""
    text = ", ".join(filter(None, (title, more)))
    return f"{_capital(text)}. Preview, not for primary interpretation."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
