"""What others of the study say about its pictures: which are the key ones, and how they are to be seen.

Key Object Selection Documents (PS3.3 A.35.4) and presentation states (A.33) are small files that are read before the
pictures are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from rendering.elements import numbers
from rendering.errors import CannotShow
from rendering.header import whole
from rendering.marks import readable
from rendering.safely import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from studies.model import Instance

KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
#: The states that we apply: for grey and for colour images.
STATES = frozenset({"1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2"})
#: More than anybody selects; a manifest that lists a whole study says nothing anyway.
MOST_REFERENCES = 5_000
#: So many guides of one study are read, the smallest first: each costs a fetch before the first picture.
MOST_GUIDES = 64
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Reference:
    """An image that a guide is about."""

    sop_instance_uid: str
    #: Indexes from 0; () for the whole image.
    frames: tuple[int, ...] = ()
    #: What a state shows of it: left, top, right and bottom, from 1; () if it does not say.
    area: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """One key object selection, or one presentation state."""

    sop_instance_uid: str
    #: In the order of the document.
    references: tuple[Reference, ...]
    #: DICOM date and time of its making, to be compared.
    made_at: str = ""
    #: CodeValue of a selection's title (PS3.16 CID 7010), "" for a state.
    title: str = ""
    #: What is typed by hand: a state's ContentLabel, a selection's description. May name anybody: never burnt in.
    words: str = ""
    #: Whether a state draws something over the picture, or has a shutter.
    covers: bool = False

    @property
    def is_state(self) -> bool:
        """Whether it says how to show an image, and not which."""
        return not self.title


def is_guide(instance: Instance) -> bool:
    """Whether the file is to be read by `read_guide` before the pictures are chosen."""
    return instance.sop_class_uid in STATES or instance.sop_class_uid == KEY_OBJECTS


def read_guide(path: Path) -> Guide | None:
    """The guide in the file at `path`, None where it makes no sense. Raises nothing, whatever the file holds."""
    try:
        with guarded():
            data_set = whole(path)
            return _selection(data_set) if "ContentSequence" in data_set else _state(data_set)
    except CannotShow:
        return None


def _state(state: Dataset) -> Guide | None:
    if "MaskSubtractionSequence" in state:
        # A subtraction is a picture of its own: half of a state would be another one than its author meant.
        return None
    series = state.get("ReferencedSeriesSequence") or ()
    images = (image for one in series for image in one.get("ReferencedImageSequence") or ())
    areas = _areas(state)
    references = (
        replace(one, area=areas.get(one.sop_instance_uid, areas.get("", ()))) for one in map(_reference, images)
    )
    made = (state.get("PresentationCreationDate"), state.get("PresentationCreationTime"))
    return _guide(state, references, made, words=readable(state.get("ContentLabel")), covers=_covers(state))


def _areas(state: Dataset) -> dict[str, tuple[float, ...]]:
    """By SOP Instance UID, "" for all that are not named: the displayed area (C.10.4), its corners sorted."""
    areas: dict[str, tuple[float, ...]] = {}
    for item in state.get("DisplayedAreaSelectionSequence") or ():
        first, second = (
            numbers(item, "DisplayedAreaTopLeftHandCorner"),
            numbers(item, "DisplayedAreaBottomRightHandCorner"),
        )
        if len(first) != 2 or len(second) != 2:  # noqa: PLR2004 column and row
            continue
        area = (*map(min, first, second), *map(max, first, second))
        for one in item.get("ReferencedImageSequence") or (Dataset(),):
            areas.setdefault(str(one.get("ReferencedSOPInstanceUID") or ""), area)
    return areas


def _covers(state: Dataset) -> bool:
    overlays = any((group, 0x1001) in state for group in range(0x6000, 0x6020, 2))
    return overlays or bool(state.get("GraphicAnnotationSequence") or state.get("ShutterShape"))


def _selection(document: Dataset) -> Guide | None:
    """The title, and every image in the content tree in its order."""
    names = document.get("ConceptNameCodeSequence")
    title = str(names[0].get("CodeValue") or "") if names else ""
    items = list(islice(_items(document), MOST_REFERENCES))
    images = (
        image for item in items if item.get("ValueType") == "IMAGE" for image in item.get("ReferencedSOPSequence") or ()
    )
    texts = [readable(item.get("TextValue")) for item in items if item.get("ValueType") == "TEXT"]
    made = (document.get("ContentDate"), document.get("ContentTime"))
    return _guide(
        document, map(_reference, images), made, title=title or "113000", words="\n".join(filter(None, texts))
    )


def _items(parent: Dataset, depth: int = 0) -> Iterator[Dataset]:
    for item in parent.get("ContentSequence") or ():
        yield item
        if depth < _DEEPEST:
            yield from _items(item, depth + 1)


def _guide(
    data_set: Dataset,
    references: Iterable[Reference],
    made: tuple[object, object],
    *,
    title: str = "",
    words: str = "",
    covers: bool = False,
) -> Guide | None:
    about = tuple(islice((one for one in references if one.sop_instance_uid), MOST_REFERENCES))
    uid = str(data_set.get("SOPInstanceUID") or "")
    if not about or not uid:
        return None
    return Guide(uid, about, "".join(str(one or "") for one in made), title, words, covers)


def _reference(image: Dataset) -> Reference:
    frames = tuple(int(one) - 1 for one in numbers(image, "ReferencedFrameNumber") if one >= 1)
    return Reference(str(image.get("ReferencedSOPInstanceUID") or ""), frames)
