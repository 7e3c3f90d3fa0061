"""A file's row in the index as JSON, to be sealed. Positional and compact: there are thousands of them."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studies.build import Header
from studies.model import Instance, Patient, Series, Study

if TYPE_CHECKING:
    from studies.sources.walk import Version


@dataclass(frozen=True, slots=True)
class Row:
    """One file: an instance (with its header), one with a problem (with the reason), or one that is not DICOM."""

    path: str
    version: Version
    header: Header | None = None
    problem: str = ""


def pack(row: Row) -> bytes:
    """JSON of everything in the row."""
    header = _pack_header(row.header) if row.header else None
    return json.dumps([row.path, *row.version, row.problem, header], separators=(",", ":")).encode()


def unpack(data: bytes) -> Row:
    """The row that `pack` was given."""
    path, mtime, size, problem, header = json.loads(data)
    return Row(path, (mtime, size), _unpack_header(header) if header else None, problem)


def _pack_header(header: Header) -> list[Any]:
    study, series, one, patient = header.study, header.series, header.instance, header.study.patient
    return [
        [
            study.study_instance_uid, study.accession_number, study.study_id, _iso(study.study_date),
            _iso(study.study_time), study.study_description, study.institution_name,
        ],
        [
            patient.patient_id, patient.issuer_of_patient_id, patient.patient_name,
            _iso(patient.patient_birth_date), patient.patient_sex, patient.nhs_number,
        ],
        [
            series.series_instance_uid, series.modality, series.series_number, series.series_description,
            series.body_part_examined,
        ],
        [
            one.sop_instance_uid, one.sop_class_uid, one.transfer_syntax_uid, one.instance_number, one.rows,
            one.columns, one.number_of_frames, one.photometric_interpretation, one.image_type, one.view_position,
            one.laterality, one.view_description, one.image_position_patient, one.image_orientation_patient, one.size,
            one.copy,
        ],
    ]  # fmt: skip


def _unpack_header(packed: list[Any]) -> Header:
    (uid, accession, study_id, on, at, description, institution), patient, series, instance = packed
    patient[3] = _date(patient[3])
    for several in (8, 12, 13):
        instance[several] = tuple(instance[several])
    study = Study(uid, Patient(*patient), accession, study_id, _date(on), _time(at), description, institution)
    return Header(study, Series(*series), Instance(*instance))


def _iso(value: datetime.date | datetime.time | None) -> str:
    return value.isoformat() if value else ""


def _date(text: str) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None


def _time(text: str) -> datetime.time | None:
    return datetime.time.fromisoformat(text) if text else None
