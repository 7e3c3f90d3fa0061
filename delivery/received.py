"""What somebody received: ZIPs of carrierbag's and folders that they were unpacked into, checked and sorted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from delivery.bag import UNREADABLE, Promised, opened, promised, verify
from delivery.errors import DamagedParcel, NoParcel
from delivery.manifest import MANIFEST
from studies.identity import without_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Problems that a sentence names.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Received:
    """One parcel that was checked: all that its manifest promises is there, and unchanged."""

    path: Path
    said: Promised

    @property
    def names(self) -> frozenset[str]:
        """Of its DICOM files."""
        return frozenset(one.file for one in self.said.instances)

    @property
    def is_addition(self) -> bool:
        """Notes that were written later travel alone, under names behind those of the study that they belong to."""
        return self.said.of == 1 and "DICOM/S00001/I00001" not in self.names


def parcels(paths: Iterable[Path]) -> list[Path]:
    """The ZIPs and unpacked folders that these paths mean: themselves, or what lies in a folder. Raises `NoParcel`."""
    found: list[Path] = []
    for path in paths:
        inside = list(_inside(path))
        if not inside:
            raise NoParcel(
                f"{path.name} holds no ZIP file of carrierbag's. Choose the files as you received them.", "O01"
            )
        found += inside
    return list(dict.fromkeys(found))


def received(path: Path) -> Received:
    """One parcel, checked. Raises `DamagedParcel` with what is wrong."""
    report = verify(path)
    if report.problems:
        more = len(report.problems) - _NAMED
        named = without_controls("; ".join(report.problems[:_NAMED])) + (f"; and {more} more" if more > 0 else "")
        raise DamagedParcel(
            f"{path.name} is damaged, and nothing was opened. Fetch it again from the room. What is wrong: {named}.",
            "O02",
        )
    with opened(path) as bag:
        return Received(path, promised(bag))


def grouped(several: Iterable[Received]) -> list[list[Received]]:
    """By what was sent together. One that is there twice is left out; one that contradicts another stands apart."""
    groups: list[list[Received]] = []
    for one in sorted(several, key=lambda one: one.said.parts):
        alike = [group for group in groups if _sent_together(group[0], one)]
        if any(one.said.instances == other.said.instances for group in alike for other in group):
            continue
        home = next((group for group in alike if not any(one.names & other.names for other in group)), None)
        groups.append([one]) if home is None else home.append(one)
    return _with_additions(groups)


def _with_additions(groups: list[list[Received]]) -> list[list[Received]]:
    """What was sent later goes to what it belongs to, if that is here and nothing else could be meant."""
    wholes = [group for group in groups if not group[0].is_addition]
    for one in (one for group in groups if group[0].is_addition for one in group):
        same = [group for group in wholes if group[0].said.study_instance_uid == one.said.study_instance_uid]
        if len(same) == 1 and not any(one.names & other.names for other in same[0]):
            same[0].append(one)
        else:
            wholes.append([one])
    return wholes


def _inside(path: Path) -> Iterator[Path]:
    if _is_parcel(path):
        yield path
    elif path.is_dir():
        found = [one for one in sorted(path.iterdir()) if _is_parcel(one)]
        yield from [one for one in found if one.is_file()] or found
    elif path.is_file():
        yield path  # damaged, or nothing of ours: its check says so


def _is_parcel(path: Path) -> bool:
    try:
        with opened(path) as bag:
            return bag.size(MANIFEST) > 0
    except UNREADABLE:
        return False


def _sent_together(one: Received, other: Received) -> bool:
    return (one.said.study_instance_uid, one.said.made_of, one.said.of) == (
        other.said.study_instance_uid,
        other.said.made_of,
        other.said.of,
    )
