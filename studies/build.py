"""From raw elements to the model (PS3.3 C.7 modules; tags in the order of PS3.6)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from studies import values
from studies.errors import BrokenFile
from studies.identity import is_nhs_number
from studies.model import Instance, Patient, Series, Study
from studies.scan import Elements
from studies.views import meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Media Storage Directory Storage: the table of contents of a disc, no instance.
DICOMDIR = "1.2.840.10008.1.3.10"

#: Who issues NHS numbers, in the data dictionary and as an OID in HL7 and DICOM.
_NHS_OID = "2.16.840.1.113883.2.1.4.1"
_LATERALITIES = {"R", "L", "B"}


@dataclass(frozen=True, slots=True)
class Header:
    """What one file says of itself: a study without series, a series without instances, and the instance."""

    study: Study
    series: Series
    instance: Instance


#: (PatientID, IssuerOfPatientID, TypeOfPatientID, issuer's UniversalEntityID), decoded.
OtherId = tuple[str, str, str, str]
Raw = tuple[bytes | None, ...]

_STUDY = (
    "SpecificCharacterSet", "StudyInstanceUID", "AccessionNumber", "StudyID", "StudyDate", "StudyTime",
    "StudyDescription", "InstitutionName", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate",
    "PatientSex", "OtherPatientIDs",
)  # fmt: skip
_SERIES = (
    "SpecificCharacterSet", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "BodyPartExamined",
)  # fmt: skip


class _Reader:
    """Typed access to one data set's values."""

    def __init__(self, elements: Elements, byte_order: str = "<", character_set: bytes = b"") -> None:
        self._values = elements.values
        self._items = elements.items
        self._byte_order = byte_order
        self._character_set = elements.values.get("SpecificCharacterSet", character_set)

    def raw(self, keyword: str) -> bytes:
        return self._values.get(keyword) or b""

    def code(self, keyword: str) -> str:
        raw = self._values.get(keyword)
        return values.code(raw) if raw else ""

    def text(self, keyword: str) -> str:
        raw = self._values.get(keyword)
        return values.text(raw, self._character_set) if raw else ""

    def unsigned(self, keyword: str) -> int:
        return values.unsigned(self.raw(keyword), self._byte_order)

    def items(self, keyword: str) -> list[_Reader]:
        return [_Reader(item, self._byte_order, self._character_set) for item in self._items.get(keyword, ())]


def build(meta: Elements, found: Elements, size: int, byte_order: str = "<") -> Header:
    """The header of a file of `size` bytes. Raises `BrokenFile` when it has no SOP Instance UID or SOP Class UID."""
    reader = _Reader(found, byte_order)
    sop_instance_uid = reader.code("SOPInstanceUID") or values.code(meta.values.get("MediaStorageSOPInstanceUID", b""))
    sop_class_uid = reader.code("SOPClassUID") or values.code(meta.values.get("MediaStorageSOPClassUID", b""))
    if not sop_instance_uid or not sop_class_uid:
        raise BrokenFile("it does not say which SOP Instance it is")
    transfer_syntax_uid = values.code(meta.values.get("TransferSyntaxUID", b""))
    raw, own_study, own_series = found.values.get, reader.code("StudyInstanceUID"), reader.code("SeriesInstanceUID")
    return Header(
        _study(tuple(map(raw, _STUDY)), _other_ids(reader), "" if own_study else sop_instance_uid),
        _series(tuple(map(raw, _SERIES)), "" if own_series else sop_instance_uid),
        _instance(reader, sop_instance_uid, sop_class_uid, transfer_syntax_uid, size),
    )


@lru_cache(maxsize=256)
def _study(raw: Raw, other_ids: tuple[OtherId, ...], fallback: str) -> Study:
    """What the files of one study share is decoded once."""
    reader = _Reader(_present(_STUDY, raw))
    return Study(
        study_instance_uid=reader.code("StudyInstanceUID") or _uid_of_its_own(fallback, "study"),
        patient=_patient(reader, other_ids),
        accession_number=reader.text("AccessionNumber"),
        study_id=reader.text("StudyID"),
        study_date=values.date(reader.raw("StudyDate")),
        study_time=values.time(reader.raw("StudyTime")),
        study_description=reader.text("StudyDescription"),
        institution_name=reader.text("InstitutionName"),
    )


def _present(keywords: Sequence[str], raw: Raw) -> Elements:
    pairs = zip(keywords, raw, strict=True)
    return Elements({keyword: value for keyword, value in pairs if value is not None})


def _uid_of_its_own(sop_instance_uid: str, level: str) -> str:
    """A file that names no study or series is one by itself, under a UID that is the same each time (PS3.5 B.2)."""
    digest = hashlib.sha256(f"{level}\0{sop_instance_uid}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"


def _patient(reader: _Reader, other_ids: tuple[OtherId, ...]) -> Patient:
    patient_id = reader.text("PatientID")
    retired = reader.text("OtherPatientIDs").split("\\")
    return Patient(
        patient_id=patient_id,
        issuer_of_patient_id=reader.text("IssuerOfPatientID"),
        patient_name=reader.text("PatientName"),
        patient_birth_date=values.date(reader.raw("PatientBirthDate")),
        patient_sex=reader.code("PatientSex"),
        nhs_number=_nhs_number([patient_id, *retired, *(one[0] for one in other_ids if _issued_by_nhs(one))]),
    )


def _nhs_number(candidates: Sequence[str]) -> str:
    """The first of PatientID, the retired OtherPatientIDs, and the items that name the NHS as their issuer."""
    digits = (re.sub(r"[\s-]", "", one) for one in candidates)
    return next((one for one in digits if is_nhs_number(one)), "")


def _other_ids(reader: _Reader) -> tuple[OtherId, ...]:
    return tuple(
        (
            item.text("PatientID"),
            item.text("IssuerOfPatientID"),
            item.text("TypeOfPatientID"),
            "".join(one.text("UniversalEntityID") for one in item.items("IssuerOfPatientIDQualifiersSequence")),
        )
        for item in reader.items("OtherPatientIDsSequence")
    )


def _issued_by_nhs(other: OtherId) -> bool:
    """By name or by OID; a trust of the NHS issues numbers of its own."""
    words = [word.upper() for word in other[1:]]
    return _NHS_OID in words or any(word.startswith("NHS") and "TRUST" not in word for word in words)


@lru_cache(maxsize=256)
def _series(raw: Raw, fallback: str) -> Series:
    reader = _Reader(_present(_SERIES, raw))
    return Series(
        series_instance_uid=reader.code("SeriesInstanceUID") or _uid_of_its_own(fallback, "series"),
        modality=reader.code("Modality"),
        series_number=values.integer(reader.raw("SeriesNumber")),
        series_description=reader.text("SeriesDescription"),
        body_part_examined=reader.code("BodyPartExamined"),
    )


def _instance(reader: _Reader, uid: str, sop_class_uid: str, transfer_syntax_uid: str, size: int) -> Instance:
    views = reader.items("ViewCodeSequence")
    return Instance(
        sop_instance_uid=uid,
        sop_class_uid=sop_class_uid,
        transfer_syntax_uid=transfer_syntax_uid,
        instance_number=values.integer(reader.raw("InstanceNumber")),
        rows=reader.unsigned("Rows"),
        columns=reader.unsigned("Columns"),
        number_of_frames=max(1, values.integer(reader.raw("NumberOfFrames")) or 1),
        photometric_interpretation=reader.code("PhotometricInterpretation"),
        image_type=values.codes(reader.raw("ImageType")),
        view_position=reader.code("ViewPosition"),
        laterality=_laterality(reader),
        view_description=meaning(views[0].code("CodeValue"), views[0].text("CodeMeaning")) if views else "",
        image_position_patient=values.decimals(reader.raw("ImagePositionPatient"), 3),
        image_orientation_patient=values.decimals(reader.raw("ImageOrientationPatient"), 6),
        size=size,
    )


def _laterality(reader: _Reader) -> str:
    """ImageLaterality, else the series' Laterality; only R, L and B mean anything."""
    spoken = reader.code("ImageLaterality") or reader.code("Laterality")
    return spoken if spoken in _LATERALITIES else ""
