"""The web content of one part (IHE PDI, ITI TF-2 3.47.4.1.2): INDEX.HTM, and everything else in IHE_PDI/.

A browser lets a page from a folder read scripts beside it and nothing else, so frames travel in scripts that call back
with them. How much they may take is the `budget`; the DICOM files themselves are read when their folder is dropped on
the page. Nothing here opens a DICOM file: what a plan asks for is made by `rendering.quicklook`, in a worker.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom._dicom_dict import DicomDictionary

from config.errors import Bug
from delivery.fileset import file_ids
from rendering import captions, documents, presets
from rendering.order import anatomical, planes
from rendering.quicklook import QuickPlan
from studies.identity import name_groups

if TYPE_CHECKING:
    import datetime
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from delivery.manifest import Delivered
    from delivery.parts import Part
    from rendering.quicklook import QuickLook
    from studies.model import Instance, Series, Study

Member = tuple[str, bytes]

INDEX = "INDEX.HTM"
FOLDER = "IHE_PDI/"
#: What the npm build leaves (package.json beside this file).
_BUILT = Path(__file__).parent / "dist"
_PAGE = (f"{FOLDER}VIEWER.JS", f"{FOLDER}VIEWER.CSS", f"{FOLDER}LICENCE.TXT")
#: Decoders by the transfer syntaxes that need them: a parcel has those that its files ask for.
_JPEG = "1.2.840.10008.1.2.4."
_DECODERS = {
    **dict.fromkeys((f"{_JPEG}57", f"{_JPEG}70"), "JPEGLL.JS"),
    **dict.fromkeys((f"{_JPEG}80", f"{_JPEG}81"), "JPEGLS.JS"),
    **dict.fromkeys((f"{_JPEG}90", f"{_JPEG}91"), "JPEG2K.JS"),
    **dict.fromkeys((f"{_JPEG}201", f"{_JPEG}202", f"{_JPEG}203"), "HTJ2K.JS"),
}
#: A script is written when it holds so many bytes: few files, and the first picture waits for one of them only.
_SCRIPT = 1 << 20
#: Whatever the budget, a frame has so much.
_LEAST_ROOM = 2_000


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote about the study, as plain text; lines end with a newline."""

    title: str
    text: str
    author: str = ""
    #: When it was written, as it shall be read.
    when: str = ""
    #: Where it comes from, e.g. "typed in the room", "Report in the study".
    source: str = ""
    #: It says that something is not here: its title stands at the head of the page.
    warns: bool = False


class Site:
    """Plans and takes the frames of one part's instances, in any order, and gives the members of its ZIP.

    `budget` is how many bytes the frames may take in it; each has the share that its pixels are of all. `withdrawn` are
    the SOP Instance UIDs of images that their authors took back, with a few words why: they are named and not shown.
    """

    def __init__(
        self,
        study: Study,
        part: Part,
        notes: tuple[Note, ...] = (),
        *,
        budget: int,
        withdrawn: Mapping[str, str] | None = None,
    ) -> None:
        self._study = study
        self._part = part
        self._notes = notes
        self._withdrawn = withdrawn or {}
        self._scripts = _Scripts(part.number)
        self._looks: dict[str, dict[str, Any]] = {}
        self._thumbnails: dict[str, bytes] = {}
        self._files = {one.key: "/".join(name) for one, name in zip(study.instances, file_ids(study), strict=True)}
        self._documents = {choice.files[0].key: choice.caption for choice in documents.pages(study)}
        self._here = {one.key for one in part.instances}
        self._series = _of_part(study, self._here)
        self._middle = {ordered[len(ordered) // 2].key for _, ordered in self._series}
        cells = sum(one.rows * one.columns * one.number_of_frames for one in part.instances)
        self._room = budget / max(1, cells)

    def plan(self, instance: Instance, path: Path) -> QuickPlan | None:
        """What to make of one file, None where there is nothing to see in it."""
        if instance.sop_instance_uid in self._withdrawn:
            return None
        wanted = instance.key in self._middle
        if instance.key in self._documents:
            return QuickPlan(path, 0, thumbnail=wanted, pages=True)
        if not instance.has_pixels:
            return None
        room = max(_LEAST_ROOM, int(self._room * instance.rows * instance.columns))
        return QuickPlan(path, room, count=instance.number_of_frames, thumbnail=wanted)

    def take(self, instance: Instance, look: QuickLook | str) -> Iterator[Member]:
        """Keep what was made of a file, or why nothing was; scripts that are full are given out, to be written."""
        if isinstance(look, str):
            self._looks[instance.key] = {"frames": [], "problem": look}
            return
        entry: dict[str, Any] = {"frames": []}
        self._looks[instance.key] = entry
        if look.thumbnail:
            self._thumbnails[instance.key] = look.thumbnail
        if look.head:
            entry["head"] = self._scripts.place(look.head)
            entry["headSyntax"] = look.transfer_syntax_uid
            yield from self._scripts.full()
        for frame in look.frames:
            about = json.loads(frame.about)
            if frame.data:
                about["at"] = self._scripts.place(frame.data)
            entry["frames"].append(about)
            yield from self._scripts.full()

    def members(self, delivered: Iterable[Delivered]) -> Iterator[Member]:
        """All the others: the last frames, the study, the page, and the decoders for the files as delivered."""
        syntaxes = {one.file: one.transfer_syntax_uid for one in delivered}
        yield from self._scripts.rest()
        yield f"{FOLDER}STUDY.JS", _script("STUDY", self._told(syntaxes))
        yield f"{FOLDER}DICT.JS", _dictionary()
        decoders = {_DECODERS[one] for one in syntaxes.values() if one in _DECODERS}
        for name in (*_PAGE, *(f"{FOLDER}{one}" for one in sorted(decoders)), INDEX):
            yield name, _built(name.removeprefix(FOLDER))

    def _told(self, syntaxes: Mapping[str, str]) -> dict[str, Any]:
        patient, study = self._study.patient, self._study
        return {
            "part": [self._part.number, self._part.of],
            "patient": {
                "name": _name(patient.patient_name),
                "id": patient.patient_id,
                "nhs": patient.nhs_number,
                "born": _day(patient.patient_birth_date),
                "sex": patient.patient_sex,
            },
            "description": study.study_description,
            "date": _day(study.study_date),
            "accession": study.accession_number,
            "institution": study.institution_name,
            "uid": study.study_instance_uid,
            "notes": [asdict(note) for note in self._notes],
            "series": [self._told_series(one, ordered, syntaxes) for one, ordered in self._series],
        }

    def _told_series(self, series: Series, ordered: list[Instance], syntaxes: Mapping[str, str]) -> dict[str, Any]:
        thumbnail = next((self._thumbnails[one.key] for one in ordered if one.key in self._thumbnails), b"")
        return {
            "uid": series.series_instance_uid,
            "number": series.series_number,
            "modality": series.modality,
            "title": captions.capital(captions.subject(series)),
            "description": series.series_description,
            "presets": _presets(series),
            "thumbnail": base64.b64encode(thumbnail).decode(),
            "instances": [self._told_instance(series, one, syntaxes) for one in ordered],
            # Where each stands when the parts of a study are joined (delivery/viewer/joined.py).
            "places": [place for place, one in enumerate(_scrolled(series.instances)) if one.key in self._here],
        }

    def _told_instance(self, series: Series, instance: Instance, syntaxes: Mapping[str, str]) -> dict[str, Any]:
        file = self._files[instance.key]
        document = self._documents.get(instance.key)
        reason = self._withdrawn.get(instance.sop_instance_uid)
        problem = f"Not shown: {reason}." if reason else "There is no picture in it."
        nothing = {"frames": [], "problem": problem}
        return {
            "withdrawn": bool(reason),
            "file": file,
            "uid": instance.sop_instance_uid,
            "syntax": syntaxes.get(file, ""),
            "number": instance.instance_number,
            "label": document or captions.view_words(series, instance),
            **_filled_up(self._looks.get(instance.key, nothing), instance.number_of_frames),
        }


def _filled_up(look: dict[str, Any], count: int) -> dict[str, Any]:
    """Frames of which there is no quick look are like the first, for when the file itself is dropped on the page."""
    frames = look["frames"]
    if frames and frames[0].get("coding") != "jpeg":
        unmade = {name: value for name, value in frames[0].items() if name not in {"at", "masks"}}
        frames = frames + [unmade] * (count - len(frames))
    return {**look, "frames": frames}


class _Scripts:
    """Frames put one behind the other into scripts of about `_SCRIPT` bytes.

    Their names tell of which part they are, so that the parts of a study can be unpacked into one folder.
    """

    def __init__(self, part: int) -> None:
        self._part = np.base_repr(part, 36).zfill(3)
        self._number = 1
        self._data = bytearray()

    def place(self, data: bytes) -> tuple[str, int, int]:
        """Name of the script, offset and length within what it calls back with."""
        start = len(self._data)
        self._data += data
        return self._name, start, len(data)

    def full(self) -> Iterator[Member]:
        if len(self._data) >= _SCRIPT:
            yield from self.rest()

    def rest(self) -> Iterator[Member]:
        if self._data:
            yield f"{FOLDER}{self._name}.JS", _script(self._name, base64.b64encode(self._data).decode())
            self._data.clear()
            self._number += 1

    @property
    def _name(self) -> str:
        return f"F{self._part}{self._number:04d}"


def _of_part(study: Study, here: Container[str]) -> list[tuple[Series, list[Instance]]]:
    """The series of a part, each with its instances there in the order in which the whole series is scrolled."""
    series = [(one, [each for each in _scrolled(one.instances) if each.key in here]) for one in study.series]
    return [(one, some) for one, some in series if some]


def _name(patient_name: str) -> str:
    """As it is written on wristbands: "BROWN, Ann"; in every script that there is."""
    groups = ([part for part in group if part] for group in name_groups(patient_name))
    return " · ".join(", ".join([group[0].upper(), " ".join(group[1:])]).rstrip(", ") for group in groups)


def _day(day: datetime.date | None) -> str:
    return f"{day:%d %b %Y}" if day else ""


def _scrolled(instances: Sequence[Instance]) -> list[Instance]:
    stacks = planes(instances) if any(one.image_position_patient for one in instances) else [anatomical(instances)]
    return [one for stack in stacks for one in stack]


def _presets(series: Series) -> list[tuple[str, dict[str, Any]]]:
    """Windows by name: of CT absolute, of radiographs as parts of the picture's own."""
    named = ((name, presets.preset(name, series.modality, series.body_part_examined)) for name in presets.NAMES)
    return [(name, asdict(window)) for name, window in named if window is not None]


def _script(name: str, value: object) -> bytes:
    """JSON is JavaScript; ASCII, so that no character set can be mistaken."""
    return f"carrierbag({json.dumps(name)},{json.dumps(value, separators=(',', ':'))})\n".encode("ascii")


@cache
def _dictionary() -> bytes:
    """Names of elements, for the table of a header."""
    names = {f"{tag:08x}": (entry[0], entry[2]) for tag, entry in DicomDictionary.items() if entry[2]}
    return _script("DICT", names)


@cache
def _built(name: str) -> bytes:
    try:
        return (_BUILT / name).read_bytes()
    except FileNotFoundError:
        raise Bug("The viewer of the parcels is not built. Run make setup.", "B31") from None
