"""Which pictures to make of a study, in the order in which they are read. Pure: nothing here opens a file.

Projections become a picture each; stacks of slices one contact sheet and their middle slice; what moves its middle
frame as a poster (a clip is made when somebody asks for it). Every instance that has pixels is in some picture, except
that a long stack is sampled.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from rendering import captions, words
from rendering.captions import PROJECTIONS, capital, spoken
from rendering.kinds import kind
from rendering.order import evenly, planes, visits
from rendering.preview import PreviewPlan, Tile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from studies.model import Instance, Series, Study

#: Tiles on a contact sheet: four across and five down fill a phone held upright.
SHEET = 20
#: Up to so many slices of a stack get a picture each.
FEW_SLICES = 3
#: Up to so many projections of one series get a picture each, and so many stills and clips of anything else.
FEW_PROJECTIONS = 12
FEW_STILLS = 6

_STACKS = frozenset({"CT", "MR", "PT", "NM", "SEG", "RTDOSE", "OPT", "OCT"})
#: Frames of these follow each other in time, of everything else in space or as pages.
_MOVING = frozenset({"US", "IVUS", "XA", "RF", "ES", "XC"})
#: Reconstructed slices all the same: X-ray 3D angiography and craniofacial (PS3.4 B.5).
_VOLUMES = ("1.2.840.10008.5.1.4.1.1.13.1.", "1.2.840.10008.5.1.4.1.1.6.3")
#: Digital X-ray, mammography and intra-oral images as the detector gave them, which are not for the eye (PS3.3 C.8.11).
_UNPROCESSED = frozenset(f"1.2.840.10008.5.1.4.1.1.1.{one}.1" for one in (1, 2, 3))
#: Series of localisers by their descriptions: scanners of MR do not say so in ImageType.
_SCOUTS = re.compile(
    r"(?<![a-z])(locali[sz]ers?|loc|scout|topogram|surview|survey|(3|three|tri)[ -]?plane|plan ?scan)(?![a-z])"
)
#: Projections, anything else that stands alone, stacks, localisers and what is not for the eye.
_VIEWS, _STILLS, _SHEETS, _LAST = range(4)
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
        return replace(self, caption=f"{self.caption} · {more}", alt_text=f"{capital(more)}: {self.alt_text}")

    def plan(self, paths: Mapping[str, Path]) -> PreviewPlan:
        """The plan, now that the files are there. `paths` by `Instance.key`; those without a file are left out."""
        state = paths.get(self.state.key) if self.state is not None else None
        tiles = tuple(
            Tile(paths[instance.key], frame, label, state, self.page)
            for (instance, frame), label in zip(self.instances, self.labels, strict=True)
            if instance.key in paths
        )
        return PreviewPlan(self.key, tiles, self.caption, self.alt_text)


#: Category, body part in the order of the study, view, side: the order of reading.
Rank = tuple[int, int, int, int]
Ranked = tuple[Rank, Choice]
Place = tuple["Instance", int]


def choose(study: Study) -> list[Choice]:
    """All pictures of `study` in reading order.

    Projections by body part, view (frontal, mortise or oblique, lateral, others) and side (right, left); then other
    pictures; then stacks, each with its middle slice; last localisers and unprocessed images.
    """
    parts = list(dict.fromkeys(words.body_part(one.body_part_examined) for one in study.series))
    ranked = [pair for series in study.series for pair in _Chosen(series, parts).ranked()]
    ranked.sort(key=lambda pair: pair[0])
    return _told_apart(_unique([choice for _, choice in ranked]))


def unshown(study: Study) -> list[tuple[Instance, str]]:
    """Every instance without pixels, with a few words on what it is. They are delivered all the same."""
    return [(one, kind(one.sop_class_uid)) for one in study.instances if not one.has_pixels]


def picture(series: Series, instance: Instance, frame: int, key: str) -> Choice:
    """One frame, from 0, alone and large."""
    said = f"frame {frame + 1} of {instance.number_of_frames}" if instance.number_of_frames > 1 else ""
    caption = " · ".join(filter(None, (captions.caption(series, instance), said)))
    return Choice(key, ((instance, frame),), ("",), caption, spoken(captions.title(series, instance), said))


def sheet_of(key: str, picked: Sequence[tuple[Series, Instance, int]], words: str) -> Choice:
    """A contact sheet of frames, from 0, of any series."""
    frames = tuple((instance, frame) for _, instance, frame in picked)
    subject = ", ".join(dict.fromkeys(captions.subject(series) for series, _, _ in picked))
    text = f"{len(picked)} times {words}" if len(picked) > 1 else words
    spoken_text = spoken(subject, f"contact sheet, {text}")
    return Choice(key, frames, captions.labels(frames), f"{capital(subject)} · {text}", spoken_text)


def place_key(instance: Instance, frame: int) -> str:
    """The key of one frame, from 0, alone and large."""
    return f"view/{instance.key}/{frame + 1}" if instance.number_of_frames > 1 else f"view/{instance.key}"


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


class _Chosen:
    """The pictures of one series, each with its rank."""

    def __init__(self, series: Series, parts: Sequence[str]) -> None:
        self._series = series
        self._part = parts.index(words.body_part(series.body_part_examined))
        self._is_stack = series.modality in _STACKS

    def ranked(self) -> Iterator[Ranked]:
        flat, volumes = _parted((one for one in self._series.instances if one.has_pixels), self._is_volume)
        yield from chain.from_iterable(map(self._volume, volumes))
        yield from self._stacks(flat) if self._is_stack else self._views(flat)

    def _views(self, stills: Sequence[Instance]) -> Iterator[Ranked]:
        """Stills, and the middle frame of what moves."""
        places = [(one, one.number_of_frames // 2) for one in stills]
        if len(places) <= (FEW_PROJECTIONS if self._series.modality in PROJECTIONS else FEW_STILLS):
            yield from (self._alone(*place) for place in places)
            return
        for start in range(0, len(places), SHEET):
            part = places[start : start + SHEET]
            text = f"images {start + 1} to {start + len(part)} of {len(places)}"
            if len(part) == len(places):
                text = f"{len(places)} images"
            yield _rank(_SHEETS), self._sheet(f"{self._series.series_instance_uid}/{start}", part, text)

    def _volume(self, one: Instance) -> Iterator[Ranked]:
        """Slices or pages that are frames of one object."""
        frames = [(one, frame) for frame in range(one.number_of_frames)]
        if len(frames) <= (FEW_SLICES if self._is_stack else FEW_STILLS):
            yield from (self._alone(*place) for place in frames)
            return
        rank, middle = self._alone(*frames[len(frames) // 2])
        shown = evenly(frames, SHEET)
        view = "" if self._is_stack else captions.view_words(self._series, one)
        yield rank, self._sheet(one.key, shown, ", ".join(filter(None, (view, _counted(shown, frames, "frames")))))
        yield rank, middle.said("middle frame")

    def _stacks(self, slices: Sequence[Instance]) -> Iterator[Ranked]:
        """A sheet for each plane, and for each visit of it: mixed in one sheet they would be in no order at all."""
        flat, localisers = _parted(slices, self._is_localiser)
        stacks = planes(flat)
        if len(stacks) > FEW_SLICES:  # radial or rotating: every slice has a plane of its own
            stacks = [tuple(flat)]
        sheets = 0
        for every in map(visits, stacks):
            for number in _first_middle_last(len(every)):
                said = f", pass {number + 1} of {len(every)}" if len(every) > 1 else ""
                yield from self._stack(every[number], sheets, said)
                sheets += 1
        yield from self._localisers(localisers)

    def _stack(self, slices: Sequence[Instance], sheets: int, said: str) -> Iterator[Ranked]:
        places = [(one, 0) for one in slices]
        if len(places) <= FEW_SLICES:
            yield from (self._alone(*place) for place in places)
            return
        shown = evenly(places, SHEET)
        uid = self._series.series_instance_uid
        text = _counted(shown, places, "slices") + said
        yield _rank(_SHEETS), self._sheet(f"{uid}/{sheets}" if sheets else uid, shown, text)
        rank, middle = self._alone(*places[len(places) // 2])
        yield rank, middle.said("middle slice" + said)

    def _localisers(self, instances: Sequence[Instance]) -> Iterator[Ranked]:
        """All of a series' together, plane by plane."""
        places = [(one, 0) for plane in planes(instances) for one in plane]
        if len(places) <= FEW_SLICES:
            yield from ((_rank(_LAST), self._alone(*place)[1].said("localiser")) for place in places)
            return
        shown = evenly(places, SHEET)
        text = "localiser, " + _counted(shown, places, "slices")
        yield _rank(_LAST), self._sheet(f"{self._series.series_instance_uid}/localiser", shown, text)

    def _alone(self, instance: Instance, frame: int) -> Ranked:
        choice = picture(self._series, instance, frame, place_key(instance, frame))
        if instance.sop_class_uid in _UNPROCESSED:
            return _rank(_LAST), choice.said("unprocessed")
        if self._is_stack:
            return _rank(_SHEETS), choice
        projected = self._series.modality in PROJECTIONS
        view = captions.view_of(self._series, instance)
        side = "RLB".find(instance.laterality) if instance.laterality in {"R", "L", "B"} else _NO_SIDE
        return (_VIEWS if projected else _STILLS, self._part, view.rank if view else _NO_VIEW, side), choice

    def _sheet(self, key: str, shown: Sequence[Place], text: str) -> Choice:
        title = captions.numbered(self._series)
        return Choice(
            f"sheet/{key}",
            tuple(shown),
            captions.labels(shown),
            f"{capital(title)} · {text}",
            spoken(title.replace(" · ", ", "), f"contact sheet, {text}"),
        )

    def _is_volume(self, one: Instance) -> bool:
        moves = self._series.modality in _MOVING and not one.sop_class_uid.startswith(_VOLUMES)
        return one.number_of_frames > 1 and not moves

    def _is_localiser(self, one: Instance) -> bool:
        """ImageType value 3 (PS3.3 C.8.2.1.1.1), also where a writer put it elsewhere; else the series says it."""
        said = any(value.upper() in {"LOCALIZER", "SCOUT", "TOPOGRAM"} for value in one.image_type)
        named = self._series.modality in {"CT", "MR"} and _SCOUTS.search(self._series.series_description.lower())
        return said or bool(named)


def _rank(category: int) -> Rank:
    """Within its category as the study has it."""
    return (category, 0, 0, 0)


def _parted(instances: Iterable[Instance], second: Callable[[Instance], bool]) -> tuple[list[Instance], list[Instance]]:
    """Those that are not, and those that are."""
    parted: tuple[list[Instance], list[Instance]] = ([], [])
    for one in instances:
        parted[second(one)].append(one)
    return parted


def _counted(shown: Sequence[Place], places: Sequence[Place], noun: str) -> str:
    return f"{len(places)} {noun}" if len(shown) == len(places) else f"{len(shown)} of {len(places)} {noun}"


def _first_middle_last(count: int) -> list[int]:
    return sorted({0, count // 2, count - 1}) if count > FEW_SLICES else list(range(count))
