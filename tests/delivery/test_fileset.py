"""The DICOMDIR before its judges: dicom3tools (dciodvfy, dcdirdmp), dcmtk, and pydicom's FileSet."""

from __future__ import annotations

import datetime
import io
import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.filereader import read_dataset
from pydicom.fileset import FileSet

from delivery.fileset import Member, dicomdir, file_ids
from delivery.part10 import describe
from delivery.records import keys_of, kind_of
from studies.model import Instance, Patient, Series, Study
from tests.delivery.material import BIN, BUNDLED, CT_IMAGE, EXPLICIT, complaints, one_file, run, small_study

if TYPE_CHECKING:
    from tests.delivery.conftest import Received

NOTHING = Path(os.devnull)
STORAGE = "1.2.840.10008.5.1.4.1.1."
#: The source's own UIDs may be malformed: they are identities, and not ours to correct.
OF_THE_SOURCE = re.compile(r"for UID| UI (Study|Series|Referenced SOP) Instance UID|contains invalid data values")
#: Record types that PS3.3 has and this dciodvfy does not know yet.
NEWER_THAN_THE_JUDGE = re.compile(r"<(TRACT|SURFACE SCAN|ASSESSMENT)> for value 1 of attribute <Directory Record Type>")


def of_one(instance: Instance) -> Study:
    return Study("1.2.3", Patient("12"), series=(Series("1.2.3.4", "OT", instances=(instance,)),))


def written(study: Study, path: Path, file: Path = NOTHING) -> Path:
    """The DICOMDIR of a study whose instances all have this one file, or an empty one."""
    members = []
    for instance, file_id in zip(study.instances, file_ids(study), strict=True):
        kind = kind_of(instance.sop_class_uid, has_pixels=instance.has_pixels)
        with file.open("rb") as source:
            described = describe(source, instance)
            members.append(Member(file_id, kind, keys_of(kind, source, described, instance), described))
    path.write_bytes(dicomdir(study, members))
    return path


def records(path: Path, kind: str) -> list[pydicom.Dataset]:
    return [one for one in pydicom.dcmread(path).DirectoryRecordSequence if one.DirectoryRecordType == kind]


def kinds(path: Path) -> set[str]:
    return {one.DirectoryRecordType for one in pydicom.dcmread(path).DirectoryRecordSequence}


def test_dciodvfy_finds_no_error_in_any_directory(received: list[Received]) -> None:
    for one in received:
        errors = complaints(BIN / "dciodvfy", one.folder / "DICOMDIR")
        assert [line for line in errors if not OF_THE_SOURCE.search(line)] == [], one.found.name


def test_dcdirdmp_walks_every_directory_to_every_file(received: list[Received]) -> None:
    for one in received:
        told = run(BIN / "dcdirdmp", "-paths", one.folder / "DICOMDIR")
        assert "Error" not in told
        assert len(re.findall(r"DICOM.S\d{5}.I\d{5}", told)) == len(one.found.files), one.found.name


def test_dcmtk_reads_every_directory(received: list[Received]) -> None:
    for one in received:
        told = run("/usr/bin/dcmdump", "+P", "ReferencedFileID", one.folder / "DICOMDIR")
        assert len(told.splitlines()) == len(one.found.files), one.found.name


def test_pydicom_loads_every_file_set_and_each_instance_in_it(received: list[Received]) -> None:
    for one in received:
        instances = {(each.SOPInstanceUID, each.StudyInstanceUID) for each in FileSet(one.folder / "DICOMDIR")}
        assert {uid for uid, _ in instances} == {each.sop_instance_uid for each, _ in one.found.files}
        assert {study for _, study in instances} == {one.found.study.study_instance_uid}


def test_dcmtk_would_make_the_same_record_types(received: list[Received]) -> None:
    """Those of dcmmkdir, for the files that it takes at all."""
    compared = 0
    for one in received:
        other = one.folder.parent / "OTHER"
        complaints("/usr/bin/dcmmkdir", "--invent", "-Nxc", "-Nec", "+r", "+id", one.folder, "+D", other, "DICOM")
        if other.exists():
            assert kinds(other) <= kinds(one.folder / "DICOMDIR"), one.found.name
            compared += 1
    assert compared > 30


@pytest.mark.parametrize(
    ("uid", "pixels", "kind"),
    [
        (STORAGE + "2", True, "IMAGE"),
        (STORAGE + "1.1.1", True, "IMAGE"),
        (STORAGE + "66.4", True, "IMAGE"),
        (STORAGE + "66", False, "RAW DATA"),
        (STORAGE + "66.1", False, "REGISTRATION"),
        (STORAGE + "4", True, "IMAGE"),
        (STORAGE + "4.2", False, "SPECTROSCOPY"),
        (STORAGE + "9.1.1", False, "WAVEFORM"),
        (STORAGE + "11.1", False, "PRESENTATION"),
        (STORAGE + "88.11", False, "SR DOCUMENT"),
        (STORAGE + "88.67", False, "SR DOCUMENT"),
        (STORAGE + "88.59", False, "KEY OBJECT DOC"),
        (STORAGE + "104.1", False, "ENCAP DOC"),
        (STORAGE + "481.1", True, "IMAGE"),
        (STORAGE + "481.2", True, "RT DOSE"),
        (STORAGE + "481.3", False, "RT STRUCTURE SET"),
        (STORAGE + "481.5", False, "RT PLAN"),
        (STORAGE + "481.12", False, "RADIOTHERAPY"),
        (STORAGE + "481.23", True, "IMAGE"),
        (STORAGE + "77.1.5.1", True, "IMAGE"),
        (STORAGE + "77.1.5.3", False, "STEREOMETRIC"),
        ("1.3.12.2.1107.5.9.1", False, "PRIVATE"),
        ("1.3.12.2.1107.5.9.1", True, "IMAGE"),
        ("", False, "IMAGE"),
    ],
)
def test_each_sop_class_has_its_record_type(uid: str, pixels: bool, kind: str) -> None:  # noqa: FBT001
    assert kind_of(uid, has_pixels=pixels) == kind


def test_pydicom_sorts_standard_sop_classes_the_same_way() -> None:
    from pydicom.fileset import _FOUR_LEVEL_SOP_CLASSES  # noqa: PLC0415

    theirs = {str(uid): kind for uid, kind in _FOUR_LEVEL_SOP_CLASSES.items()}
    assert {uid: kind_of(uid, has_pixels=False) for uid in theirs} == theirs


BARE = "9.1.1 66 66.1 66.2 66.5 66.6 67 68.1 77.1.5.3 78.1 88.11 88.59 90.1 104.1 481.2 481.3 481.4 481.5 481.8 481.12"


@pytest.mark.parametrize("uid", BARE.split())
def test_objects_that_lack_every_key_still_have_a_record_without_error(uid: str, tmp_path: Path) -> None:
    instance = Instance("1.2.3.4.5", STORAGE + uid, EXPLICIT)
    path = written(of_one(instance), tmp_path / "DICOMDIR")
    assert [line for line in complaints(BIN / "dciodvfy", path) if not NEWER_THAN_THE_JUDGE.search(line)] == []
    assert "Error" not in run(BIN / "dcdirdmp", path)


def test_a_presentation_state_says_which_images_it_is_for(tmp_path: Path) -> None:
    referred = pydicom.Dataset()
    referred.ReferencedSOPClassUID, referred.ReferencedSOPInstanceUID = CT_IMAGE, "1.2.9"
    series = pydicom.Dataset()
    series.SeriesInstanceUID, series.ReferencedImageSequence = "1.2.8", [referred]
    state = pydicom.Dataset()
    state.SpecificCharacterSet = "ISO_IR 100"
    state.SOPClassUID, state.SOPInstanceUID = STORAGE + "11.1", "1.2.3.4.5"
    state.PresentationCreationDate, state.PresentationCreationTime = "20240305", "0908"
    state.ContentLabel, state.ContentDescription, state.ContentCreatorName = "BONE", "für Füße", "Müller^Jürgen"
    state.ReferencedSeriesSequence = [series]
    state.save_as(tmp_path / "state", implicit_vr=False, little_endian=True, enforce_file_format=False)
    instance = Instance("1.2.3.4.5", STORAGE + "11.1", "")
    path = written(of_one(instance), tmp_path / "DICOMDIR", tmp_path / "state")
    assert complaints(BIN / "dciodvfy", path) == []
    [record] = records(path, "PRESENTATION")
    assert record.ReferencedSeriesSequence == state.ReferencedSeriesSequence
    assert (record.ContentLabel, record.ContentDescription) == ("BONE", "für Füße")
    assert str(record.ContentCreatorName) == "Müller^Jürgen"
    assert (record.PresentationCreationDate, record.PresentationCreationTime) == ("20240305", "0908")


def test_a_report_keeps_its_title_and_when_it_was_signed() -> None:
    path = BUNDLED / "test-SR.dcm"
    report = pydicom.dcmread(path)
    instance = one_file(path).files[0][0]
    with path.open("rb") as source:
        keys = keys_of("SR DOCUMENT", source, describe(source, instance), instance)
    record = read_dataset(io.BytesIO(keys), is_implicit_VR=False, is_little_endian=True)
    assert record.ConceptNameCodeSequence[0].CodeMeaning == report.ConceptNameCodeSequence[0].CodeMeaning
    assert record.VerificationFlag == report.VerificationFlag == "VERIFIED"
    assert record.VerificationDateTime == report.VerifyingObserverSequence[0].VerificationDateTime
    assert (record.ContentDate, record.ContentTime) == (report.ContentDate, report.ContentTime)


def test_a_private_object_has_a_private_record(tmp_path: Path) -> None:
    instance = Instance("1.2.3.4.5", "1.3.12.2.1107.5.9.1", EXPLICIT)
    path = written(of_one(instance), tmp_path / "DICOMDIR")
    [record] = records(path, "PRIVATE")
    assert record.PrivateRecordUID == "1.3.12.2.1107.5.9.1"
    assert "Error" not in run(BIN / "dcdirdmp", path)


NAMES = [
    "Müller^Jürgen",
    "Papadopoulou^Ελένη",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "حسن^فاطمة",
    "Иванов^Иван",
    "李^小龙",
    "Nguyễn^Thị",
    "צביקה^כהן",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_any_script_are_in_the_directory(name: str, tmp_path: Path) -> None:
    study = replace(small_study([[1]]), patient=Patient("12", patient_name=name), study_description="Füße · 足")
    path = written(study, tmp_path / "DICOMDIR")
    assert complaints(BIN / "dciodvfy", path) == []
    [patient] = records(path, "PATIENT")
    assert (str(patient.PatientName), patient.SpecificCharacterSet) == (name, "ISO_IR 192")
    assert records(path, "STUDY")[0].StudyDescription == "Füße · 足"
    assert "SpecificCharacterSet" not in records(path, "IMAGE")[0]


def test_what_is_not_text_of_its_kind_does_not_break_the_directory(tmp_path: Path) -> None:
    bad = "A" * 100 + "\\B\x1b[31m\n\0"
    patient = Patient(bad, bad, bad, datetime.date(800, 1, 2), "odd")
    series = Series("1.2.4", modality="x-ray!", series_number=-7, series_description=bad)
    study = Study("1.2.3", patient, bad, bad, study_description=bad, series=(series,))
    study = replace(study, series=(replace(series, instances=small_study([[1]]).instances),))
    path = written(study, tmp_path / "DICOMDIR")
    assert complaints(BIN / "dciodvfy", path) == []
    assert records(path, "SERIES")[0].Modality == "OT"


def test_a_patient_without_number_gets_none_that_a_hospital_could_have_given(tmp_path: Path) -> None:
    path = written(small_study([[1]]), tmp_path / "DICOMDIR")
    assert complaints(BIN / "dciodvfy", path) == []
    [patient] = records(path, "PATIENT")
    assert (patient.PatientID, patient.PatientName) == ("1.2.3", "")


def test_dates_that_nobody_knows_look_like_it(tmp_path: Path) -> None:
    [study] = records(written(small_study([[1]]), tmp_path / "DICOMDIR"), "STUDY")
    assert (study.StudyDate, study.StudyTime, study.StudyID) == ("19000101", "000000", "0")


def test_what_the_study_says_stands_in_its_records(tmp_path: Path) -> None:
    study = replace(
        small_study([[1, 1], [1]]),
        patient=Patient("9990000018", "NHS", "Ankle^Anna", datetime.date(1963, 2, 1), "F"),
        accession_number="A77",
        study_id="S9",
        study_date=datetime.date(2024, 3, 5),
        study_time=datetime.time(9, 8, 7),
        study_description="Ankle",
    )
    path = written(study, tmp_path / "DICOMDIR")
    [patient], [record] = records(path, "PATIENT"), records(path, "STUDY")
    assert (patient.PatientID, patient.IssuerOfPatientID, patient.PatientName) == ("9990000018", "NHS", "Ankle^Anna")
    assert (patient.PatientBirthDate, patient.PatientSex) == ("19630201", "F")
    assert (record.StudyDate, record.StudyTime, record.StudyID, record.AccessionNumber) == (
        "20240305",
        "090807",
        "S9",
        "A77",
    )
    assert [one.ReferencedFileID for one in records(path, "IMAGE")] == [
        ["DICOM", "S00001", "I00001"],
        ["DICOM", "S00001", "I00002"],
        ["DICOM", "S00002", "I00001"],
    ]


def test_file_ids_conform_and_name_nobody() -> None:
    study = replace(small_study([[1] * 30, [1] * 3]), patient=Patient("12", patient_name="Ankle^Anna"))
    ids = file_ids(study)
    assert len(set(ids)) == 33
    assert all(re.fullmatch(r"[A-Z0-9_]{1,8}", part) for one in ids for part in one)
    assert not any("ANNA" in part or "ANKLE" in part for one in ids for part in one)


def test_file_ids_stay_conforming_beyond_a_hundred_thousand() -> None:
    ids = file_ids(
        replace(small_study([[]]), series=(Series("1.2", instances=small_study([[1]]).instances * 120_000),))
    )
    assert ids[-1] == ("DICOM", "S00001", "I120000")


def test_the_same_members_make_the_same_directory(tmp_path: Path) -> None:
    study = small_study([[1] * 3])
    assert written(study, tmp_path / "A").read_bytes() == written(study, tmp_path / "B").read_bytes()


def test_other_members_make_another_file_set(tmp_path: Path) -> None:
    one, other = (pydicom.dcmread(written(small_study([[1] * n]), tmp_path / "D")) for n in (1, 2))
    assert one.file_meta.MediaStorageSOPInstanceUID != other.file_meta.MediaStorageSOPInstanceUID


def test_six_hundred_records_are_written_in_a_blink() -> None:
    study = small_study([[1] * 600])
    with NOTHING.open("rb") as source:
        described = describe(source, study.instances[0])
    members = [Member(file_id, "IMAGE", b"", described) for file_id in file_ids(study)]
    began = time.process_time()
    data = dicomdir(study, members)
    assert time.process_time() - began < 0.5
    assert data.count(CT_IMAGE.encode()) == 600
