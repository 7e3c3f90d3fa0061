"""Whose synthetic study it is. Names are invented, NHS numbers from the 999 range, which is never issued."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from typing import TypedDict

from pydicom.dataset import Dataset

_NAMES = (
    "Testwell^Ada", "Ankleby^Bertram", "Sampleton^Clara", "Mockridge^Dilip", "Phantomhurst^Eleni", "Fictionby^Farah",
    "Nullworth^Gwen", "Drillham^Hugo", "Exampley^Ines", "Demosworth^Jonas",
)  # fmt: skip


class SubjectOptions(TypedDict, total=False):
    """What a caller may set; everything else follows from the seed."""

    nhs_number: str
    patient_name: str
    patient_birth_date: datetime.date
    patient_sex: str
    patient_id: str
    issuer_of_patient_id: str
    accession_number: str
    study_instance_uid: str
    study_date: datetime.date
    study_time: datetime.time


@dataclass(frozen=True, slots=True)
class Subject:
    """Patient and study, complete."""

    nhs_number: str
    patient_name: str
    patient_birth_date: datetime.date
    patient_sex: str
    patient_id: str
    issuer_of_patient_id: str
    accession_number: str
    study_instance_uid: str
    study_date: datetime.date
    study_time: datetime.time

    def uid(self, *what: object) -> str:
        """A UID within this study, the same each time (PS3.5 B.2)."""
        return synthetic_uid(self.study_instance_uid, *what)


def synthetic_uid(*what: object) -> str:
    """A UID under 2.25 that follows from the words."""
    digest = hashlib.sha256("\0".join(["carrierbag synthetic", *map(str, what)]).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"


def subject(kind: str, seed: int, options: SubjectOptions) -> Subject:
    """Everything that `options` leave open, from the seed. Other options make another study."""
    nhs_number = options.get("nhs_number", "9990000018")
    chosen: SubjectOptions = {
        "nhs_number": nhs_number,
        "patient_name": _NAMES[seed % len(_NAMES)],
        "patient_birth_date": datetime.date(1963, 4, 12) + datetime.timedelta(days=397 * (seed % 100)),
        "patient_sex": "FM"[seed % 2],
        "patient_id": nhs_number or f"SYN{seed:05}",
        "issuer_of_patient_id": "NHS" if nhs_number else "SYNTHETIC",
        "accession_number": f"SYN{kind}{seed:05}",
        "study_date": datetime.date(2026, 3, 2) + datetime.timedelta(days=seed % 300),
        "study_time": datetime.time(9, 30, seed % 60),
    }
    if "patient_id" in options:
        chosen["issuer_of_patient_id"] = "SYNTHETIC"
    chosen.update(options)
    chosen.setdefault("study_instance_uid", synthetic_uid(kind, seed, *sorted(map(str, chosen.items()))))
    return Subject(**chosen)


def fill_subject(dataset: Dataset, whose: Subject) -> None:
    """The Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1)."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = whose.patient_name
    dataset.PatientID = whose.patient_id
    dataset.IssuerOfPatientID = whose.issuer_of_patient_id
    dataset.PatientBirthDate = f"{whose.patient_birth_date:%Y%m%d}"
    dataset.PatientSex = whose.patient_sex
    if whose.nhs_number and whose.nhs_number != whose.patient_id:
        other = Dataset()
        other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = whose.nhs_number, "NHS", "TEXT"
        dataset.OtherPatientIDsSequence = [other]
    dataset.StudyInstanceUID = whose.study_instance_uid
    dataset.StudyDate = f"{whose.study_date:%Y%m%d}"
    dataset.StudyTime = f"{whose.study_time:%H%M%S}"
    dataset.AccessionNumber = whose.accession_number
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
