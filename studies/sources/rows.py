"""A file's row in the index as JSON, to be sealed. Positional and compact: there are thousands of them."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from functools import lru_cache
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


_encode = json.JSONEncoder(separators=(",", ":")).encode


def pack(row: Row) -> bytes:
    """JSON of everything in the row."""
    header = _pack_header(row.header) if row.header else "null"
    return f"[{_encode(row.path)},{row.version[0]},{row.version[1]},{_encode(row.problem)},{header}]".encode()


def unpack(data: bytes) -> Row:
    """The row that `pack` was given."""
    path, mtime, size, problem, header = json.loads(data)
    return Row(path, (mtime, size), _unpack_header(header) if header else None, problem)


def _pack_header(header: Header) -> str:
    one = header.instance
    instance = [
        one.sop_instance_uid, one.sop_class_uid, one.transfer_syntax_uid, one.instance_number, one.rows, one.columns,
        one.number_of_frames, one.photometric_interpretation, one.image_type, one.view_position, one.laterality,
        one.view_description, one.image_position_patient, one.image_orientation_patient, one.size,
        one.copy,
    ]  # fmt: skip
    return f"[{_pack_study(header.study)},{_pack_series(header.series)},{_encode(instance)}]"


@lru_cache(maxsize=256)
def _pack_study(study: Study) -> str:
    patient = study.patient
    return _encode(
        [
            study.study_instance_uid, study.accession_number, study.study_id, _iso(study.study_date),
            _iso(study.study_time), study.study_description, study.institution_name,
            [
                patient.patient_id, patient.issuer_of_patient_id, patient.patient_name,
                _iso(patient.patient_birth_date), patient.patient_sex, patient.nhs_number,
            ],
        ]
    )  # fmt: skip


@lru_cache(maxsize=256)
def _pack_series(series: Series) -> str:
    return _encode(
        [
            series.series_instance_uid, series.modality, series.series_number, series.series_description,
            series.body_part_examined,
        ]
    )  # fmt: skip


def _unpack_header(packed: list[Any]) -> Header:
    study, series, instance = packed
    for several in (8, 12, 13):
        instance[several] = tuple(instance[several])
    return Header(_unpack_study(study), Series(*series), Instance(*instance))


def _unpack_study(packed: list[Any]) -> Study:
    uid, accession, study_id, on, at, description, institution, patient = packed
    patient[3] = _date(patient[3])
    return Study(uid, Patient(*patient), accession, study_id, _date(on), _time(at), description, institution)


def _iso(value: datetime.date | datetime.time | None) -> str:
    return value.isoformat() if value else ""


def _date(text: str) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None


def _time(text: str) -> datetime.time | None:
    return datetime.time.fromisoformat(text) if text else None
