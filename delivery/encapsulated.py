"""An Encapsulated PDF of ours (PS3.3 A.45.1), filed with the study that it is about. Same input, same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from delivery.part10 import IMPLEMENTATION_VERSION_NAME, MAGIC, PREAMBLE, file_meta
from delivery.records import encoded, put

if TYPE_CHECKING:
    import datetime

    from studies.model import Study

PDF = str(EncapsulatedPDFStorage)
MODALITY = "DOC"
#: Title of a note that anybody may write (LOINC, beyond CID 7020, which may be extended).
_NOTE = {"CodeValue": "34109-9", "CodingSchemeDesignator": "LN", "CodeMeaning": "Note"}


@dataclass(frozen=True, slots=True)
class Filing:
    """Under which series and instance a document is filed, as what, and when it was made."""

    series_instance_uid: str
    series_number: int
    series_description: str
    #: When the first document of the series was begun: one value for all of them.
    series_at: datetime.datetime
    sop_instance_uid: str
    instance_number: int
    title: str
    made_at: datetime.datetime


def encapsulated_pdf(study: Study, filing: Filing, pdf: bytes) -> bytes:
    """A DICOM file (PS3.10 section 7).

    Times are the hospital's, like those of the study: TimezoneOffsetFromUTC would speak of the study's as well, which
    may be of another season.
    """
    data_set = Dataset()
    put(data_set, {**_patient_and_study(study), **_series(filing), **_document(filing, pdf)})
    title = Dataset()
    put(title, _NOTE)
    data_set.ConceptNameCodeSequence = [title]
    data_set.EncapsulatedDocument = pdf + bytes(len(pdf) % 2)
    meta = file_meta(PDF, filing.sop_instance_uid, str(ExplicitVRLittleEndian))
    return PREAMBLE + MAGIC + meta + encoded(data_set)


def _patient_and_study(study: Study) -> dict[str, str]:
    """PS3.3 C.7.1.1 and C.7.2.1, as the source has them: a PACS files by these."""
    patient, born = study.patient, study.patient.patient_birth_date
    issuer = {"IssuerOfPatientID": patient.issuer_of_patient_id} if patient.issuer_of_patient_id else {}
    described = {"StudyDescription": study.study_description} if study.study_description else {}
    return {
        "PatientName": patient.patient_name,
        "PatientID": patient.patient_id,
        **issuer,
        "PatientBirthDate": f"{born:%Y%m%d}" if born else "",
        "PatientSex": patient.patient_sex,
        "StudyInstanceUID": study.study_instance_uid,
        "StudyDate": f"{study.study_date:%Y%m%d}" if study.study_date else "",
        "StudyTime": f"{study.study_time:%H%M%S}" if study.study_time else "",
        "AccessionNumber": study.accession_number,
        "ReferringPhysicianName": "",
        "StudyID": study.study_id,
        **described,
    }


def _series(filing: Filing) -> dict[str, str]:
    """PS3.3 C.24.1, C.7.5.1 and C.8.6.1 (made on a workstation)."""
    return {
        "Modality": MODALITY,
        "SeriesInstanceUID": filing.series_instance_uid,
        "SeriesNumber": str(filing.series_number),
        "SeriesDescription": filing.series_description,
        "SeriesDate": f"{filing.series_at:%Y%m%d}",
        "SeriesTime": f"{filing.series_at:%H%M%S}",
        "Manufacturer": "carrierbag",
        "ManufacturerModelName": IMPLEMENTATION_VERSION_NAME,
        "ConversionType": "WSD",
    }


def _document(filing: Filing, pdf: bytes) -> dict[str, str]:
    """PS3.3 C.24.2 and C.12.1. Whose it is stands on its pages: BurnedInAnnotation."""
    made = filing.made_at
    return {
        "SOPClassUID": PDF,
        "SOPInstanceUID": filing.sop_instance_uid,
        "InstanceNumber": str(filing.instance_number),
        "ContentDate": f"{made:%Y%m%d}",
        "ContentTime": f"{made:%H%M%S}",
        "AcquisitionDateTime": "",
        "BurnedInAnnotation": "YES",
        "DocumentTitle": filing.title,
        "MIMETypeOfEncapsulatedDocument": "application/pdf",
        "EncapsulatedDocumentLength": str(len(pdf)),
    }
