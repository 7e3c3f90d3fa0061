"""The DICOM information model as this project speaks it: Study > Series > Instance, and whose they are.

Attributes are DICOM keywords in snake_case. Values are decoded text, stripped of padding, never None for text ("" means
absent or empty). Nothing here reads a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Patient:
    """Who was imaged. Two hospitals may use one `patient_id` for two people: the key is (issuer, id)."""

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    #: PN as stored: component groups by "=", components by "^" (PS3.5 section 6.2.1).
    patient_name: str = ""
    patient_birth_date: datetime.date | None = None
    patient_sex: str = ""
    #: Ten digits that pass the check, from PatientID or OtherPatientIDsSequence; "" when there is none.
    nhs_number: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """(IssuerOfPatientID, PatientID): the only thing that tells two patients apart within reach."""
        return (self.issuer_of_patient_id, self.patient_id)


@dataclass(frozen=True, slots=True)
class Instance:
    """One SOP Instance: one file."""

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None = None
    rows: int = 0
    columns: int = 0
    number_of_frames: int = 1
    photometric_interpretation: str = ""
    image_type: tuple[str, ...] = ()
    view_position: str = ""
    #: R, L, B or "", from ImageLaterality (0020,0062), else Laterality (0020,0060).
    laterality: str = ""
    #: CodeMeaning of ViewCodeSequence (0054,0220), e.g. "antero-posterior"; in English where it is in other letters.
    view_description: str = ""
    #: ImagePositionPatient in mm, () when absent.
    image_position_patient: tuple[float, ...] = ()
    #: ImageOrientationPatient, six direction cosines, () when absent.
    image_orientation_patient: tuple[float, ...] = ()
    #: Of the file, in bytes.
    size: int = 0
    #: 0, or 1, 2, ... for further files that hold other bytes under the same SOP Instance UID.
    copy: int = 0

    @property
    def key(self) -> str:
        """Names this file among all of its source: the SOP Instance UID, which alone should do (PS3.3 C.12.1.1.1)."""
        return f"{self.sop_instance_uid}~{self.copy}" if self.copy else self.sop_instance_uid

    @property
    def has_pixels(self) -> bool:
        """Whether the header announces a picture. Not whether it can be decoded."""
        return self.rows > 0 and self.columns > 0


@dataclass(frozen=True, slots=True)
class Series:
    """One series with its instances, ordered by InstanceNumber, then by UID."""

    series_instance_uid: str
    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    body_part_examined: str = ""
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """One study with everything the source knows of it. Series are ordered by SeriesNumber, then by UID."""

    study_instance_uid: str
    patient: Patient = field(default_factory=Patient)
    accession_number: str = ""
    study_id: str = ""
    study_date: datetime.date | None = None
    study_time: datetime.time | None = None
    study_description: str = ""
    institution_name: str = ""
    series: tuple[Series, ...] = ()

    @property
    def instances(self) -> tuple[Instance, ...]:
        """All instances in series order."""
        return tuple(instance for one in self.series for instance in one.instances)

    @property
    def modalities(self) -> tuple[str, ...]:
        """ModalitiesInStudy (0008,0061): each once, in series order."""
        return tuple(dict.fromkeys(one.modality for one in self.series if one.modality))

    @property
    def size(self) -> int:
        """Bytes of all instances as the source holds them."""
        return sum(instance.size for instance in self.instances)


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """What somebody looks for. All given fields must match; nothing given means "the newest"."""

    study_instance_uid: str = ""
    accession_number: str = ""
    patient_id: str = ""
    #: Ten digits, check digit already verified.
    nhs_number: str = ""
    #: Compared without case, diacritics and spaces with the family name of every component group, and with family and
    #: given name together in either order.
    family_name: str = ""
    patient_birth_date: datetime.date | None = None
    #: One identifier whose kind is not known yet: accession number, patient ID or StudyInstanceUID; whole, any case.
    identifier: str = ""


class StudySource(Protocol):
    """Where studies come from. Implementations raise the errors of `studies.errors` and nothing else."""

    @property
    def name(self) -> str:
        """The operator's word for this source, shown to users."""

    async def find(self, query: StudyQuery, *, limit: int = 10) -> list[Study]:
        """Matching studies, newest first, at most `limit`. Raises `SourceAway`."""

    async def study(self, study_instance_uid: str) -> Study:
        """The whole tree of one study. Raises `StudyUnknown` or `SourceAway`."""

    def fetch(self, instances: Sequence[Instance]) -> AsyncIterator[tuple[Instance, Path]]:
        """Each instance with a local file that holds it, in the given order. The file is only borrowed.

        The file may be a Part 10 file, or a bare data set without preamble. Raises `InstanceMissing` or `SourceAway`.
        """
