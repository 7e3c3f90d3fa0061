from __future__ import annotations

import datetime
import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import JPEGLSLossless

from delivery.bag import verify
from delivery.manifest import Delivered, conformance, readme
from delivery.parts import Part
from studies.model import Patient
from tests.delivery.material import BUNDLED, EXPLICIT, one_file, opened, packed, small_study

if TYPE_CHECKING:
    from pathlib import Path

    from delivery.spool import Spool

INSTANCE = "DICOM/S00001/I00001"


@pytest.fixture
def members(spool: Spool, tmp_path: Path) -> dict[str, bytes]:
    """What is in the parcel of one CT slice."""
    path = opened(packed(one_file(BUNDLED / "CT_small.dcm"), spool), spool, tmp_path / "good.zip")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def problems(members: dict[str, bytes], path: Path) -> tuple[str, ...]:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return verify(path).problems


def test_an_untouched_parcel_is_in_order(members: dict[str, bytes], tmp_path: Path) -> None:
    assert problems(members, tmp_path / "zip") == ()


def test_one_changed_bit_is_found(members: dict[str, bytes], tmp_path: Path) -> None:
    data = bytearray(members[INSTANCE])
    data[-1] ^= 1
    assert problems({**members, INSTANCE: bytes(data)}, tmp_path / "zip") == (f"{INSTANCE}: not as it was sent",)


def test_a_missing_file_is_found(members: dict[str, bytes], tmp_path: Path) -> None:
    del members[INSTANCE], members["DICOMDIR"]
    assert set(problems(members, tmp_path / "zip")) == {f"{INSTANCE}: missing or damaged", "DICOMDIR: missing"}


def test_an_added_file_is_found(members: dict[str, bytes], tmp_path: Path) -> None:
    assert problems({**members, "AUTORUN.EXE": b"MZ"}, tmp_path / "zip") == ("AUTORUN.EXE: not in the manifest",)


def test_a_name_that_leaves_the_folder_is_found(members: dict[str, bytes], tmp_path: Path) -> None:
    manifest = json.loads(members["manifest.json"])
    manifest["instances"][0]["file"] = "../../etc/passwd"
    members["../../etc/passwd"] = members.pop(INSTANCE)
    members["manifest.json"] = json.dumps(manifest).encode()
    assert "../../etc/passwd: no DICOM file ID" in problems(members, tmp_path / "zip")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\5\6" + bytes(18)])
def test_what_is_no_parcel_is_told_and_not_raised(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "zip"
    path.write_bytes(content)
    report = verify(path)
    assert not report.ok
    assert report.problems[0].startswith("zip: cannot be read as a parcel")


@pytest.mark.parametrize(
    "manifest", [b"{}", b"[]", b"not json", b'{"instances": [1]}', b'{"instances": [{}]}', b'{"instances": 5}']
)
def test_a_broken_manifest_is_told_and_not_raised(members: dict[str, bytes], manifest: bytes, tmp_path: Path) -> None:
    assert problems({**members, "manifest.json": manifest}, tmp_path / "zip")[0].endswith("Error)")


def test_a_parcel_in_explicit_little_endian_claims_the_profile() -> None:
    told = conformance(delivered(EXPLICIT))
    assert "as profile STD-GEN-CD" in told
    assert "Data sets as at the source." in told


def test_any_other_transfer_syntax_is_named_and_no_profile_claimed() -> None:
    told = conformance(delivered(EXPLICIT, "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2"))
    assert "No claim" in told
    assert "JPEG 2000 Image Compression (Lossless Only)" in told
    assert "Implicit VR Little Endian" in told


def delivered(*syntaxes: str, recoded_from: str = "") -> list[Delivered]:
    return [Delivered("DICOM/S00001/I00001", "1.2", syntax, 1, "", recoded_from) for syntax in syntaxes]


def test_what_was_recoded_is_said_in_both() -> None:
    files = [*delivered(EXPLICIT), *delivered(str(JPEGLSLossless), recoded_from=EXPLICIT)]
    assert "1 of 2 data sets brought into JPEG-LS Lossless Image Compression" in conformance(files)
    study = small_study([[1, 1]])
    told = readme(study, Part(1, 1, study.instances), files)
    assert b"1 of the 2 files were compressed without loss" in told
    assert b"exactly as the sending hospital stores them" not in told


def test_the_readme_says_what_it_is_in_plain_text_and_names_nobody() -> None:
    study = replace(
        small_study([[1]]),
        patient=Patient("9990000018", patient_name="Ankle^Anna"),
        study_date=datetime.date(2024, 3, 5),
        study_description="Ankle of Anna",
    )
    told = readme(study, Part(2, 3, study.instances))
    assert told.isascii()
    assert told.count(b"\n") == told.count(b"\r\n")
    assert b"2024-03-05. 1 file here." in told
    assert b"part 2 of 3" in told
    assert b"Anna" not in told
    assert b"9990000018" not in told


def test_a_whole_study_is_no_part() -> None:
    study = small_study([[1, 1]])
    told = readme(study, Part(1, 1, study.instances)).decode()
    assert "2 files here" in told
    assert "part 1" not in told
    assert "date not known" in told
