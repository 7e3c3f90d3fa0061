"""DICOM files as they are found, sorted into studies, and what it takes to judge a parcel made of them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import data_store
import pydicom.data

from delivery.parcel import pack
from delivery.parts import plan_parts
from studies.errors import BrokenFile
from studies.model import Instance, Series, Study
from studies.read import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from delivery.parcel import Parcel
    from delivery.parts import Part
    from delivery.spool import Spool
    from studies.read import Header

BUNDLED = Path(pydicom.data.__file__).parent / "test_files"
REAL = Path(data_store.__file__).parent / "data"
BIN = Path(sys.executable).parent
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Found:
    """A study with the file of each instance, in the study's order."""

    study: Study
    files: tuple[tuple[Instance, Path], ...]

    @property
    def name(self) -> str:
        return self.files[0][1].name


def gathered(paths: Iterable[Path]) -> list[Found]:
    """Whatever of these files is a DICOM instance, by study."""
    by_study: dict[str, list[tuple[Header, Path]]] = {}
    for path in paths:
        try:
            header = read_header(path)
        except (BrokenFile, OSError):
            continue
        if header is not None:
            by_study.setdefault(header.study.study_instance_uid, []).append((header, path))
    return [_found(group) for group in by_study.values()]


def _found(group: list[tuple[Header, Path]]) -> Found:
    copies: Counter[str] = Counter()
    by_series: dict[str, list[tuple[Instance, Path]]] = {}
    series = {header.series.series_instance_uid: header.series for header, _ in reversed(group)}
    for header, path in group:
        uid = header.instance.sop_instance_uid
        instance = replace(header.instance, copy=copies[uid])
        copies[uid] += 1
        by_series.setdefault(header.series.series_instance_uid, []).append((instance, path))
    whole_series = [
        replace(series[uid], instances=tuple(instance for instance, _ in files)) for uid, files in by_series.items()
    ]
    study = replace(group[0][0].study, series=tuple(whole_series))
    return Found(study, tuple(file for files in by_series.values() for file in files))


@cache
def found_studies() -> list[Found]:
    """Every study among pydicom's files and pydicom-data's."""
    return gathered(path for root in (BUNDLED, REAL) for path in sorted(root.rglob("*")) if path.is_file())


def one_file(path: Path) -> Found:
    [found] = gathered([path])
    return found


def whole(study: Study) -> Part:
    [part] = plan_parts(study, 1 << 40)
    return part


def packed(found: Found, spool: Spool) -> Parcel:
    """All of a study in one parcel."""
    with spool.seal() as sink:
        return pack(found.study, whole(found.study), found.files, sink)


def opened(parcel: Parcel, spool: Spool, path: Path) -> Path:
    """The parcel's ZIP, decrypted to `path`."""
    with path.open("wb") as file:
        file.writelines(spool.open_sealed(parcel.sealed))
    return path


def small_study(sizes: list[list[int]]) -> Study:
    """A study out of thin air: series of instances with these sizes in bytes."""
    series = tuple(
        Series(f"1.2.{number}", instances=tuple(_instance(number, place, size) for place, size in enumerate(group)))
        for number, group in enumerate(sizes)
    )
    return Study("1.2.3", series=series)


def _instance(series: int, place: int, size: int) -> Instance:
    return Instance(f"1.2.{series}.{place}", CT_IMAGE, EXPLICIT, instance_number=place + 1, size=size)


def run(*command: str | Path) -> str:
    """All that a judge says. Fails the test when it fails."""
    done = subprocess.run(command, capture_output=True, check=True)
    return (done.stdout + done.stderr).decode(errors="replace")


def complaints(*command: str | Path) -> list[str]:
    """Those lines of a judge that say Error, whatever its exit code."""
    done = subprocess.run(command, capture_output=True, check=False)
    return [line for line in (done.stdout + done.stderr).decode(errors="replace").splitlines() if "Error" in line]
