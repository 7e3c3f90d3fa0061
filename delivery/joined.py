"""The parts of a study, as somebody received them, become one folder with one DICOMDIR and one viewer.

Nothing is written outside of the folder, which appears when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from delivery.bag import copied, opened, promised, verify
from delivery.errors import DamagedParcel
from delivery.fileset import DICOMDIR, Member, dicomdir
from delivery.manifest import MANIFEST, README, WebFile, conformance
from delivery.part10 import describe
from delivery.records import keys_of, kind_of
from delivery.viewer.merged import STUDY, merged
from delivery.viewer.site import INDEX
from studies.errors import BrokenFile
from studies.model import Series, Study
from studies.read import read_header

#: What README.TXT of a part says of it alone.
_PART, _COUNT = re.compile(r"This is part \d+ of \d+\.[^\r\n]*"), re.compile(r" \d+ files? here\.")

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from delivery.manifest import Delivered
    from delivery.received import Received
    from studies.read import Header


@dataclass(frozen=True, slots=True)
class Joined:
    """A folder with what was received of one study."""

    folder: Path
    instances: int
    #: Numbers of parts that were not among what was received, and how many there are in all.
    missing: tuple[int, ...]
    of: int

    @property
    def page(self) -> Path | None:
        """The viewer's page, if a viewer travelled."""
        return page if (page := self.folder / INDEX).is_file() else None


def joined(group: Sequence[Received], folder: Path) -> Joined:
    """Put a group into the new folder, or leave it as it is where it lies in this folder already.

    Raises `DamagedParcel`, `OSError`.
    """
    if holds(folder, group):
        return _about(group, folder)
    making = folder.with_name(f"{folder.name}.partial")
    making.mkdir(mode=0o700, parents=True)
    try:
        for one in group:
            _unpack(one, making, first=one is group[0])
        if len(group) > 1:
            _tell_anew(group, making)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return _about(group, folder)


def holds(folder: Path, group: Sequence[Received]) -> bool:
    """Whether the folder is the unpacked parcel, or was joined of these before and nothing has changed."""
    if not folder.is_dir():
        return False
    if [one.path for one in group] == [folder]:
        return True
    if verify(folder).problems:
        return False
    with opened(folder) as bag:
        return set(promised(bag).instances) == {one for each in group for one in each.said.instances}


def _about(group: Sequence[Received], folder: Path) -> Joined:
    return Joined(folder, sum(len(one.said.instances) for one in group), _missing(group), group[0].said.of)


def _missing(group: Sequence[Received]) -> tuple[int, ...]:
    there = set(_parts(group))
    return tuple(number for number in range(1, group[0].said.of + 1) if number not in there)


def _parts(group: Sequence[Received]) -> list[int]:
    """Their numbers; what was sent later is none of the parts."""
    counted = (one for one in group if one is group[0] or not one.is_addition)
    return sorted(number for one in counted for number in one.said.parts)


def _unpack(one: Received, folder: Path, *, first: bool) -> None:
    """The files whose digests are known. Of web content that several parts have, the first part's stays."""
    with opened(one.path) as bag:
        for file in one.said.files:
            to = folder / file.file
            if file in one.said.web and to.exists():
                continue
            for directory in (to.parent.parent, to.parent):
                directory.mkdir(mode=0o700, exist_ok=True)
            if copied(bag, file.file, to) != file.sha256:
                raise DamagedParcel(f"{one.path.name} changed while it was read, and nothing was opened.", "O03")
        for name in (README, DICOMDIR, MANIFEST) if first else ():
            copied(bag, name, folder / name)


def _tell_anew(group: Sequence[Received], folder: Path) -> None:
    try:
        _Whole(group, folder).write()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise DamagedParcel(
            "These parts are intact, and tell of themselves what I do not understand. Open them one by one.", "O07"
        ) from None


class _Whole:
    """What is told about a folder, told anew for several parts together."""

    def __init__(self, group: Sequence[Received], folder: Path) -> None:
        self._group = group
        self._folder = folder
        self._delivered = [one for each in group for one in each.said.instances]
        self._parts = _parts(group)
        self._later = [one for one in group[1:] if one.is_addition]
        self._of = group[0].said.of
        self._missing = _missing(group)

    def write(self) -> None:
        """DICOMDIR, the study as the viewer tells it, README.TXT and manifest."""
        self._write_viewer()
        study, members = _file_set(self._folder, self._delivered)
        if members:
            (self._folder / DICOMDIR).write_bytes(dicomdir(study, members))
        self._write_readme()
        self._write_manifest()

    @property
    def _words(self) -> str:
        numbers = ", ".join(map(str, self._parts))
        lacking = f" NOT HERE: {', '.join(map(str, self._missing))}." if self._missing else ""
        whole = f"Joined from the parts {numbers} of {self._of}: " if self._of > 1 else ""
        return f"{whole}{len(self._delivered)} files.{lacking}"

    def _write_readme(self) -> None:
        """The first part's, but for its number and how much it holds; below it what came with later notes."""
        texts = [_member(one.path, README).decode("utf-8-sig") for one in (self._group[0], *self._later)]
        texts[0] = _PART.sub(self._words, _COUNT.sub("" if self._of > 1 else f" {self._words}", texts[0]))
        text = "\r\n---\r\n\r\n".join(texts)
        (self._folder / README).write_bytes(text.encode("ascii" if text.isascii() else "utf-8-sig"))

    def _write_viewer(self) -> None:
        told = [(one, data) for one in self._group if (data := _member(one.path, STUDY))]
        if told:
            seen = {number for one, _ in told if one not in self._later for number in one.said.parts}
            unseen = [number for number in self._parts if number not in seen]
            lacking = [
                *(f"Part {one} of {self._of} is not in this folder." for one in self._missing),
                *(
                    f"Part {one} of {self._of} came without pictures for this page: see the folder DICOM."
                    for one in unseen
                ),
            ]
            (self._folder / STUDY).write_bytes(merged([data for _, data in told], lacking))

    def _write_manifest(self) -> None:
        path = self._folder / MANIFEST
        told: dict[str, Any] = json.loads(path.read_bytes())
        more = {
            **({"joined": self._parts} if self._missing else {"part": 1, "of": 1}),
            "conformance": conformance(self._delivered),
            "instances": [asdict(one) for one in self._delivered],
            "web": [_web_file(self._folder, name) for name in self._web],
        }
        path.write_text(json.dumps(told | more), "utf-8")

    @property
    def _web(self) -> list[str]:
        return list(dict.fromkeys(one.file for each in self._group for one in each.said.web))


def _member(path: Path, name: str) -> bytes:
    """One that was checked; nothing where there is none."""
    with opened(path) as bag:
        try:
            with bag.open(name) as file:
                return file.read()
        except KeyError:
            return b""


def _web_file(folder: Path, name: str) -> dict[str, Any]:
    data = (folder / name).read_bytes()
    return asdict(WebFile(name, len(data), hashlib.sha256(data).hexdigest()))


def _file_set(folder: Path, delivered: Iterable[Delivered]) -> tuple[Study, list[Member]]:
    """The study as its files tell it, under the names that they have; what cannot be read is in no directory."""
    headers = [(one.file.split("/"), header) for one in delivered if (header := _header(folder / one.file))]
    by_number: dict[int, list[Header]] = {}
    for (_, series, _), header in headers:
        by_number.setdefault(int(series[1:]), []).append(header)
    most = max(by_number, default=0)
    study = headers[0][1].study if headers else Study("")
    places = [by_number[one][0].series if one in by_number else Series("") for one in range(1, most + 1)]
    members = [_listed(folder, tuple(name), header) for name, header in sorted(headers, key=lambda one: one[0])]
    return replace(study, series=tuple(places)), members


def _header(path: Path) -> Header | None:
    try:
        return read_header(path)
    except BrokenFile:
        return None


def _listed(folder: Path, name: tuple[str, ...], header: Header) -> Member:
    instance = header.instance
    with folder.joinpath(*name).open("rb") as source:
        described = describe(source, instance)
        kind = kind_of(described.sop_class_uid, has_pixels=instance.has_pixels)
        return Member(name, kind, keys_of(kind, source, described, instance), described)
