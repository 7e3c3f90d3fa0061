"""The pictures of a study in the order in which its authors want them seen, and as they want them seen. Pure.

Key images come first; an image with a presentation state is shown through its newest one, and also as it is where that
draws over it or hides a part; what its authors withdrew is not shown.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from rendering import titles
from rendering.keyimages import SHEET, choose, picture, sheet_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from rendering.guides import Guide, Reference
    from rendering.keyimages import Choice
    from studies.model import Instance, Series, Study

#: So many key images get a picture each, the others share contact sheets.
MOST_LARGE = 12
#: Who selects more than this has not selected.
MOST_SELECTED = 60
#: So many marked slices and frames get a picture each beside their contact sheet.
MOST_MARKED = 12

Place = tuple[str, int]


def guided(study: Study, guides: Sequence[Guide]) -> list[Choice]:
    """All pictures of `study`; `guides` are what `rendering.guides.read_guide` found in it, in any order."""
    here = {one.sop_instance_uid for one in study.instances}
    ours = [one for one in guides if one.sop_instance_uid in here]
    newest = sorted(ours, key=lambda one: (one.made_at, one.sop_instance_uid), reverse=True)
    return _Guided(study, newest).choices() if newest else choose(study)


def withdrawn(guides: Iterable[Guide]) -> dict[str, str]:
    """SOP Instance UIDs that their authors took back, each with a few words why."""
    return {
        about.sop_instance_uid: titles.WITHDRAWN[guide.title]
        for guide in guides
        if guide.title in titles.WITHDRAWN
        for about in guide.references
    }


class _Guided:
    def __init__(self, study: Study, guides: Sequence[Guide]) -> None:
        gone = withdrawn(guides)
        self._kept = replace(study, series=tuple(_without(one, gone.keys()) for one in study.series))
        self._places = {one.sop_instance_uid: (series, one) for series in self._kept.series for one in series.instances}
        self._files = {one.sop_instance_uid: one for one in study.instances}
        self._selections = [one for one in guides if not one.is_state and titles.key(one.title)]
        self._rejected = {
            about.sop_instance_uid: titles.REJECTED[one.title]
            for one in guides
            if one.title in titles.REJECTED
            for about in one.references
        }
        self._states: dict[str, list[tuple[Guide, Reference]]] = {}
        for one in guides:
            for about in one.references if one.is_state else ():
                self._states.setdefault(about.sop_instance_uid, []).append((one, about))

    def choices(self) -> list[Choice]:
        plain = choose(self._kept)
        alone = {choice.instances[0]: choice for choice in plain if choice.key.startswith("view/")}
        keys = list(self._keys(alone))
        large = {choice.instances[0] for choice in keys if len(choice.instances) == 1}
        rest = (choice for choice in plain if not (choice.key.startswith("view/") and choice.instances[0] in large))
        in_order = [*keys, *chain.from_iterable(self._shown(choice, large | alone.keys()) for choice in rest)]
        last = [choice.said(why) for choice in in_order if (why := self._rejected_for(choice))]
        in_order = [*(choice for choice in in_order if not self._rejected_for(choice)), *last]
        return list({choice.key: choice for choice in in_order}.values())

    def _keys(self, alone: Mapping[tuple[Instance, int], Choice]) -> Iterator[Choice]:
        """The key images: each once, as the newest selection of it says."""
        seen: set[Place] = set()
        for selection in self._selections:
            picked = [one for one in self._picked(selection) if (one[1].sop_instance_uid, one[2]) not in seen]
            seen |= {(instance.sop_instance_uid, frame) for _, instance, frame in picked}
            words, notes = titles.key(selection.title), (selection.words,) if selection.words else ()
            for series, instance, frame in picked[:MOST_LARGE]:
                plain = alone.get((instance, frame)) or picture(
                    series, instance, frame, f"key/{instance.key}/{frame + 1}"
                )
                for choice in self._through_state(plain):
                    yield replace(choice.said(words), notes=(*notes, *choice.notes))
                    notes = ()
            yield from _sheets(selection, picked[MOST_LARGE:], words)

    def _picked(self, selection: Guide) -> list[tuple[Series, Instance, int]]:
        """What a selection names and is here, frame by frame; a moving picture as a whole by its middle frame."""
        picked = [
            (series, instance, frame)
            for series, instance, frames in (
                (*self._places[about.sop_instance_uid], about.frames)
                for about in selection.references
                if about.sop_instance_uid in self._places
            )
            for frame in frames or (instance.number_of_frames // 2,)
        ]
        real = [one for one in picked if one[1].has_pixels and one[2] < one[1].number_of_frames]
        return real if len(real) <= MOST_SELECTED else []

    def _shown(self, choice: Choice, large: Container[tuple[Instance, int]]) -> Iterator[Choice]:
        """A picture as it is to be seen; before a sheet or poster, those of its frames on which somebody drew."""
        alone = choice.key.startswith("view/")
        if not alone or choice.instances[0][0].number_of_frames > 1:
            yield from self._marked(choice, large)
        yield from self._through_state(choice) if alone else [choice]

    def _marked(self, choice: Choice, large: Container[tuple[Instance, int]]) -> Iterator[Choice]:
        marked = (pair for pair in self._all_of(choice) if self._drawn_on(*pair) and pair not in large)
        for instance, frame in islice(marked, MOST_MARKED):
            series = self._places[instance.sop_instance_uid][0]
            yield self._through_state(picture(series, instance, frame, f"view/{instance.key}/{frame + 1}"))[0]

    def _all_of(self, choice: Choice) -> Iterator[tuple[Instance, int]]:
        """Also the slices and frames that the sheet leaves out."""
        series = self._places[choice.instances[0][0].sop_instance_uid][0]
        moving = {instance.sop_instance_uid for instance, _ in choice.instances}
        for one in series.instances:
            if one.sop_instance_uid in self._states and (one.number_of_frames == 1 or one.sop_instance_uid in moving):
                yield from ((one, frame) for frame in range(one.number_of_frames))

    def _drawn_on(self, instance: Instance, frame: int) -> bool:
        found = self._state(instance, frame)
        return found is not None and found[0].covers

    def _through_state(self, choice: Choice) -> list[Choice]:
        """The picture through its newest state, then as it is if that covers or leaves out some of it."""
        instance, frame = choice.instances[0]
        found = self._state(instance, frame)
        if found is None:
            return [choice]
        state, about = found
        words = "with the sender's marks" if state.covers else "as the sender set it"
        through = replace(
            choice,
            key=f"{choice.key}/{state.sop_instance_uid}",
            state=self._files[state.sop_instance_uid],
            notes=(f"Presentation state: {state.words}",) if state.words else (),
        ).said(words)
        return [through, choice] if state.covers or _cut(about, instance) else [through]

    def _state(self, instance: Instance, frame: int) -> tuple[Guide, Reference] | None:
        several = self._states.get(instance.sop_instance_uid, ())
        return next((one for one in several if not one[1].frames or frame in one[1].frames), None)

    def _rejected_for(self, choice: Choice) -> str:
        """Why its author thinks little of the one image, or "": slices stay in their sheet."""
        return self._rejected.get(choice.instances[0][0].sop_instance_uid, "") if len(choice.instances) == 1 else ""


def _without(series: Series, gone: Iterable[str]) -> Series:
    lost = set(gone)
    return replace(series, instances=tuple(one for one in series.instances if one.sop_instance_uid not in lost))


def _cut(about: Reference, instance: Instance) -> bool:
    """Whether the displayed area leaves out a part of the image."""
    if not about.area:
        return False
    left, top, right, bottom = about.area
    return left > 1 or top > 1 or right < instance.columns or bottom < instance.rows


def _sheets(selection: Guide, picked: Sequence[tuple[Series, Instance, int]], words: str) -> Iterator[Choice]:
    for start in range(0, len(picked), SHEET):
        part = picked[start : start + SHEET]
        yield sheet_of(f"keys/{selection.sop_instance_uid}/{start}", part, words)
