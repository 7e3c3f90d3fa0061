from __future__ import annotations

import datetime
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from studies.read import read_header
from studies.synthetic import (
    write_ankle,
    write_ct,
    write_document,
    write_ecg,
    write_marks,
    write_mr,
    write_report,
    write_selection,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VALIDATOR = shutil.which("dciodvfy", path=str(Path(sys.executable).parent))
SMALL = {
    "ct": lambda d, **o: write_ct(d, slices=3, rows=64, **o),
    "mr": lambda d, **o: write_mr(d, slices=3, rows=64, **o),
}


@pytest.fixture(scope="module")
def ankle(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_ankle(tmp_path_factory.mktemp("ankle"))


def errors(path: Path) -> list[str]:
    assert VALIDATOR
    done = subprocess.run([VALIDATOR, str(path)], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def test_every_object_is_complete(ankle: list[Path], tmp_path: Path) -> None:
    others = {"patient_id": "H1", "nhs_number": "9990000026"}
    for path in [*ankle, *write_ct(tmp_path / "ct", slices=2), *write_mr(tmp_path / "mr", slices=2, **others)]:
        assert errors(path) == []


def test_every_companion_is_complete_and_of_the_ankles_study(ankle: list[Path], tmp_path: Path) -> None:
    study = pydicom.dcmread(ankle[0]).StudyInstanceUID
    for write in (write_marks, write_selection, write_report, write_document):
        path = write(tmp_path)
        assert errors(path) == []
        assert pydicom.dcmread(path).StudyInstanceUID == study
    assert errors(write_ecg(tmp_path)) == []


def test_what_the_companions_refer_to_is_there(ankle: list[Path], tmp_path: Path) -> None:
    views = {pydicom.dcmread(path).SOPInstanceUID for path in ankle}
    state, selection = pydicom.dcmread(write_marks(tmp_path)), pydicom.dcmread(write_selection(tmp_path))
    (series,) = state.ReferencedSeriesSequence
    referred = [one.ReferencedSOPInstanceUID for one in series.ReferencedImageSequence]
    chosen = [one.ReferencedSOPSequence[0] for one in selection.ContentSequence if one.ValueType == "IMAGE"]
    assert {*referred, *(one.ReferencedSOPInstanceUID for one in chosen)} <= views


def test_the_ankle_has_three_views_with_laterality_and_spacing(ankle: list[Path]) -> None:
    datasets = [pydicom.dcmread(path) for path in ankle]
    assert [one.SeriesDescription for one in datasets] == [
        "Right ankle AP",
        "Right ankle mortise",
        "Right ankle lateral",
    ]
    assert [one.ViewPosition for one in datasets] == ["AP", "OBLIQUE", "LATERAL"]
    for one in datasets:
        assert (one.ImageLaterality, one.BodyPartExamined, one.BitsStored) == ("R", "ANKLE", 12)
        assert one.PixelSpacing == one.ImagerPixelSpacing == [0.1, 0.1]
        assert (one.Rows, one.Columns) == (2496, 2048)
        pixels = one.pixel_array
        assert pixels.max() < 4096
        # Bone is brighter than soft tissue, and soft tissue than air.
        assert pixels[200:400, 900:1300].mean() > 2 * pixels[1500:1700, 150:250].mean()
    assert len({one.SeriesInstanceUID for one in datasets}) == 3
    assert len({one.StudyInstanceUID for one in datasets}) == 1


def test_the_marker_is_drawn_in_the_pixels(ankle: list[Path]) -> None:
    for path in ankle:
        assert (pydicom.dcmread(path).pixel_array > 3800).sum() > 5000


@pytest.mark.parametrize("kind", SMALL)
def test_the_same_seed_makes_the_same_bytes_and_another_seed_another_patient(kind: str, tmp_path: Path) -> None:
    write: Callable[..., list[Path]] = SMALL[kind]
    first, again, other = (write(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    one, two = read_header(first[0]), read_header(other[0])
    assert one is not None
    assert two is not None
    assert one.study.study_instance_uid != two.study.study_instance_uid
    assert one.study.patient.patient_name != two.study.patient.patient_name
    assert one.study.study_instance_uid.startswith("2.25.")


def test_every_slice_differs(tmp_path: Path) -> None:
    slices = [pydicom.dcmread(path).pixel_array for path in write_ct(tmp_path, slices=12, rows=128)]
    assert len({one.tobytes() for one in slices}) == 12
    assert all(900 < np.abs(one.astype(int)).max() < 4096 for one in slices)


def test_the_subject_can_be_chosen(tmp_path: Path) -> None:
    path = write_mr(
        tmp_path, slices=1, rows=16, patient_name="山田^太郎", patient_id="H7", issuer_of_patient_id="TRUST A",
        nhs_number="9990000026", accession_number="A1", study_instance_uid="2.25.9", patient_sex="M",
        patient_birth_date=datetime.date(1950, 1, 2), study_date=datetime.date(2026, 1, 3),
        study_time=datetime.time(4, 5),
    )[0]  # fmt: skip
    header = read_header(path)
    assert header is not None
    study, patient = header.study, header.study.patient
    assert (study.study_instance_uid, study.accession_number) == ("2.25.9", "A1")
    assert (study.study_date, study.study_time) == (datetime.date(2026, 1, 3), datetime.time(4, 5))
    assert patient.key == ("TRUST A", "H7")
    assert (patient.patient_name, patient.nhs_number, patient.patient_sex) == ("山田^太郎", "9990000026", "M")
    assert patient.patient_birth_date == datetime.date(1950, 1, 2)
