from __future__ import annotations

import datetime
import io
import tracemalloc
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_charset_files, get_testdata_file, get_testdata_files
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from studies.errors import BrokenFile
from studies.read import read_header

if TYPE_CHECKING:
    from studies.build import Header

FILES = sorted({path for path in [*get_testdata_files(), *get_charset_files()] if Path(path).is_file()})
#: Their own words on what they are: not DICOM, or a table of contents.
NOT_INSTANCES = ("README", "DICOMDIR", ".txt", ".json", ".dump", ".gz", ".icc", "no_meta.dcm")
WITHOUT_UID = {"empty_charset_LEI.dcm", "meta_missing_tsyntax.dcm", "nested_priv_SQ.dcm"}


def part_10(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def small(**attributes: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.1", "2.25.2", "2.25.3"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def read(tmp_path: Path, data: bytes) -> Header:
    path = tmp_path / "file"
    path.write_bytes(data)
    header = read_header(path)
    assert header is not None
    return header


def text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if isinstance(value, (list, pydicom.multival.MultiValue)):
        value = "\\".join(map(str, value))
    return "" if value is None else str(value).strip(" \0").removesuffix("=")


def several(dataset: Dataset, keyword: str) -> list[object]:
    value = dataset.get(keyword) or []
    return [value] if isinstance(value, str) else list(value)


def integer(dataset: Dataset, keyword: str) -> int | None:
    value = dataset.get(keyword)
    return int(value) if str(value).isdecimal() else None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: Path(path).name)
def test_header_is_what_pydicom_reads(path: str) -> None:
    name = Path(path).name
    if name in WITHOUT_UID:
        with pytest.raises(BrokenFile):
            read_header(Path(path))
        return
    header = read_header(Path(path))
    if any(word in name for word in NOT_INSTANCES):
        assert header is None
        return
    assert header is not None
    dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    study, series, instance, patient = header.study, header.series, header.instance, header.study.patient
    assert [study.accession_number, study.study_id, study.study_description, study.institution_name] == [
        text(dataset, word) for word in ("AccessionNumber", "StudyID", "StudyDescription", "InstitutionName")
    ]
    assert [
        patient.patient_id,
        patient.issuer_of_patient_id,
        patient.patient_name.removesuffix("="),
        patient.patient_sex,
    ] == [text(dataset, word) for word in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientSex")]
    assert [series.modality, series.series_description, series.body_part_examined] == [
        text(dataset, word) for word in ("Modality", "SeriesDescription", "BodyPartExamined")
    ]
    assert [instance.view_position, instance.photometric_interpretation] == [
        text(dataset, word) for word in ("ViewPosition", "PhotometricInterpretation")
    ]
    meta = dataset.file_meta
    assert instance.sop_instance_uid == (text(dataset, "SOPInstanceUID") or meta.MediaStorageSOPInstanceUID)
    assert instance.sop_class_uid == (text(dataset, "SOPClassUID") or meta.MediaStorageSOPClassUID)
    if "StudyInstanceUID" in dataset:
        assert study.study_instance_uid == text(dataset, "StudyInstanceUID")
        assert series.series_instance_uid == text(dataset, "SeriesInstanceUID")
    if "TransferSyntaxUID" in meta:
        assert instance.transfer_syntax_uid == meta.TransferSyntaxUID
    assert (instance.rows, instance.columns) == (dataset.get("Rows", 0), dataset.get("Columns", 0))
    assert instance.number_of_frames == max(1, integer(dataset, "NumberOfFrames") or 1)
    assert instance.instance_number == integer(dataset, "InstanceNumber")
    assert series.series_number == integer(dataset, "SeriesNumber")
    assert list(instance.image_type) == [str(part).strip() for part in several(dataset, "ImageType")]
    assert instance.image_position_patient == tuple(map(float, dataset.get("ImagePositionPatient") or ()))
    assert instance.image_orientation_patient == tuple(map(float, dataset.get("ImageOrientationPatient") or ()))
    for ours, keyword in ((study.study_date, "StudyDate"), (patient.patient_birth_date, "PatientBirthDate")):
        assert (f"{ours:%Y%m%d}" if ours else "") == text(dataset, keyword).replace(".", "")
    assert instance.size == Path(path).stat().st_size


def test_every_file_without_a_study_is_a_study_of_its_own_each_time_the_same() -> None:
    paths = [Path(str(get_testdata_file(f"JPEGLSNearLossless_{bits}.dcm"))) for bits in ("08", "16")]
    first, second = (read_header(path) for path in paths)
    assert first is not None
    assert second is not None
    assert first.study.study_instance_uid != second.study.study_instance_uid
    assert first.study.study_instance_uid.startswith("2.25.")
    assert len(first.study.study_instance_uid) <= 64
    assert read_header(paths[0]) == first


def test_no_instance_uid_is_a_broken_file_with_a_reason_that_names_nobody(tmp_path: Path) -> None:
    dataset = small(PatientName="Secret^Person")
    del dataset.SOPInstanceUID
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.preamble = bytes(128)
    path = tmp_path / "file"
    dataset.save_as(path, enforce_file_format=False)
    with pytest.raises(BrokenFile) as caught:
        read_header(path)
    assert "Secret" not in str(caught.value)


def test_a_value_of_absurd_length_is_not_read_into_memory(tmp_path: Path) -> None:
    dataset = small()
    dataset.add_new("InstitutionName", "UT", "x" * 30_000_000)
    path = tmp_path / "file"
    path.write_bytes(part_10(dataset))
    tracemalloc.start()
    header = read_header(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert header is not None
    assert header.study.institution_name == ""
    assert peak < 20_000_000


def test_pydicom_tells_nobody_what_is_in_a_file_or_its_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard: warnings and logs that quote values and paths take a patient with them."""
    path = tmp_path / "WHITEBREAD ANN.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 50)
    with warnings.catch_warnings(record=True) as caught, pytest.raises(BrokenFile):
        warnings.simplefilter("always")
        read_header(path)
    told = [*map(str, caught), caplog.text, *capfd.readouterr()]
    assert not any("WHITEBREAD" in words for words in told)


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"DICM", b"x" * 10_000, b"%PDF-1.7" * 40, b"\x08\x00\x05\x00", b"\0" * 300]
)
def test_what_is_not_dicom_is_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert read_header(path) is None


def test_a_deflated_bomb_is_not_inflated(tmp_path: Path) -> None:
    plain = part_10(small(), DeflatedExplicitVRLittleEndian)
    meta_end = 144 + int.from_bytes(plain[140:144], "little")
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"\x08\x00\x05\x00UT\0\0" + (40_000_000).to_bytes(4, "little")
    bomb = engine.compress(body + b" " * 40_000_000) + engine.flush()
    path = tmp_path / "file"
    path.write_bytes(plain[:meta_end] + bomb)
    with pytest.raises(BrokenFile):
        read_header(path)


def test_a_deflated_file_is_read(tmp_path: Path) -> None:
    dataset = small(AccessionNumber="XR1", InstanceNumber=7)
    assert read(tmp_path, part_10(dataset, DeflatedExplicitVRLittleEndian)).study.accession_number == "XR1"


@pytest.mark.parametrize(
    ("patient_id", "others", "retired", "expected"),
    [
        ("9990000018", [], "", "9990000018"),
        ("999 000 0018", [], "", "9990000018"),
        ("9990000019", [], "", ""),
        ("0000000000", [], "", ""),
        ("A1", [("9990000026", "NHS")], "", "9990000026"),
        ("A1", [("9990000026", "2.16.840.1.113883.2.1.4.1")], "", "9990000026"),
        ("A1", [("9990000026", "Some Trust")], "", ""),
        ("A1", [("9990000026", "NHS Trust of Somewhere")], "", ""),
        ("A1", [("1", "X"), ("9990000034", "NHS")], "", "9990000034"),
        ("A1", [], "B2\\9990000042", "9990000042"),
    ],
)
def test_nhs_number_is_found_where_it_is_said_to_be_one(
    tmp_path: Path, patient_id: str, others: list[tuple[str, str]], retired: str, expected: str
) -> None:
    dataset = small(PatientID=patient_id)
    if retired:
        dataset.add_new(0x0010_1000, "LO", retired.split("\\"))
    items = []
    for number, issuer in others:
        item = Dataset()
        item.PatientID, item.IssuerOfPatientID = number, issuer
        items.append(item)
    if items:
        dataset.OtherPatientIDsSequence = items
    assert read(tmp_path, part_10(dataset)).study.patient.nhs_number == expected


def test_issuer_as_an_oid_in_qualifiers_of_undefined_length(tmp_path: Path) -> None:
    qualifier, item = Dataset(), Dataset()
    qualifier.UniversalEntityID, qualifier.UniversalEntityIDType = "2.16.840.1.113883.2.1.4.1", "ISO"
    item.PatientID = "9990000018"
    item.IssuerOfPatientIDQualifiersSequence = [qualifier]
    dataset = small(PatientID="A1", OtherPatientIDsSequence=[item])
    for sequence in (dataset["OtherPatientIDsSequence"], item["IssuerOfPatientIDQualifiersSequence"]):
        sequence.is_undefined_length = True
    item.is_undefined_length_sequence_item = True
    assert read(tmp_path, part_10(dataset)).study.patient.nhs_number == "9990000018"


def test_a_header_longer_than_the_first_read_is_read_on(tmp_path: Path) -> None:
    dataset = small(InstanceNumber=3, Rows=5, Columns=6)
    block = dataset.private_block(0x0009, "FILLER", create=True)
    block.add_new(1, "UN", b"x" * 300_000)
    header = read(tmp_path, part_10(dataset))
    assert (header.instance.rows, header.instance.instance_number) == (5, 3)


@pytest.mark.parametrize(
    ("character_set", "name"),
    [("ISO_IR 192", "Παπαδόπουλος^Ελένη"), ("ISO_IR 100", "Müller^Jörg"), ("ISO_IR 144", "Иванов^Иван"),
     ("GB18030", "王^小明"), ("ISO 2022 IR 6\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎")],
)  # fmt: skip
def test_names_in_any_script(tmp_path: Path, character_set: str, name: str) -> None:
    dataset = small(SpecificCharacterSet=character_set.split("\\"), PatientName=name, Laterality="R")
    header = read(tmp_path, part_10(dataset))
    assert header.study.patient.patient_name == name
    assert header.instance.laterality == "R"


def test_nonsense_in_dates_and_numbers_is_absence(tmp_path: Path) -> None:
    with pydicom.config.disable_value_validation():
        dataset = small(StudyDate="20261399", StudyTime="2561", PatientBirthDate="unknown")
        dataset.add_new("InstanceNumber", "IS", "")
        header = read(tmp_path, part_10(dataset))
    assert (header.study.study_date, header.study.study_time, header.instance.instance_number) == (None, None, None)
    assert header.study.patient.patient_birth_date is None


def test_times_of_every_precision(tmp_path: Path) -> None:
    for raw, expected in {"09": (9, 0, 0, 0), "0930": (9, 30, 0, 0), "093015.5": (9, 30, 15, 500_000)}.items():
        assert read(tmp_path, part_10(small(StudyTime=raw))).study.study_time == datetime.time(*expected)


SEED = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()[:6000]


@settings(max_examples=300, deadline=2000)
@given(st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), min_size=1, max_size=8), st.integers(0, 6000))
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_give_a_header_nothing_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(SEED)
    for position, value in damage:
        data[position] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data[:length])
    try:
        header = read_header(path)
    except BrokenFile:
        return
    assert header is None or header.instance.sop_instance_uid
