"""A DICOM File-set: file IDs, and the DICOMDIR that lists them (PS3.10 section 8, PS3.3 annex F).

The directory is written directly: every record's length is known beforehand, so every offset is. pydicom's FileSet
does the same in quadratic time.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from delivery.elements import element, fitted
from delivery.part10 import MAGIC, PREAMBLE, file_meta
from delivery.records import NO_DATE, NO_TIME, encoded, put

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from delivery.part10 import Part10
    from studies.model import Series, Study

DICOMDIR = "DICOMDIR"
FILE_SET_ID = b"CARRIERBAG"
_IN_USE = 0xFFFF
_ITEM = b"\xfe\xff\x00\xe0"
#: Offset of the next record, in use, offset of the first record below (PS3.3 table F.3-3): the first 34 bytes of each.
_LINKS = struct.Struct("<HH2sHI HH2sHH HH2sHI".replace(" ", ""))


@dataclass(frozen=True, slots=True)
class Member:
    """One instance in the File-set: under which name, as what, and with which encoded keys in its record."""

    file_id: tuple[str, ...]
    kind: str
    keys: bytes
    described: Part10


@dataclass(slots=True)
class _Record:
    """One directory record; `content` is everything behind its links."""

    content: bytes
    below: list[_Record] = field(default_factory=list)
    offset: int = 0

    def lay(self, offset: int) -> int:
        """Take this place, let those below follow, and return where they end."""
        self.offset = offset
        offset += len(_ITEM) + 4 + _LINKS.size + len(self.content)
        for record in self.below:
            offset = record.lay(offset)
        return offset

    def written(self, following: int) -> Iterator[bytes]:
        """This record and those below, `following` being the offset of the next on this level, 0 for none."""
        first = self.below[0].offset if self.below else 0
        yield _ITEM + struct.pack("<I", _LINKS.size + len(self.content))
        yield _LINKS.pack(4, 0x1400, b"UL", 4, following, 4, 0x1410, b"US", 2, _IN_USE, 4, 0x1420, b"UL", 4, first)
        yield self.content
        yield from _chain(self.below)


def file_ids(study: Study) -> list[tuple[str, ...]]:
    """The file ID of each of `study.instances`: at most 8 of A-Z, 0-9 and _ in each component (PS3.10 section 8.2).

    Numbered through the whole study, so that the parts of one can be unpacked into one folder. Says nothing of anybody.
    """
    return [
        ("DICOM", _series_name(number), f"I{position:05d}")
        for number, series in enumerate(study.series, 1)
        for position in range(1, len(series.instances) + 1)
    ]


def dicomdir(study: Study, members: Iterable[Member]) -> bytes:
    """The DICOMDIR of those of the study's instances that are in `members`: a whole file; same input, same bytes."""
    members = list(members)
    root = _Record(_keyed("PATIENT", _patient_keys(study)), [_Record(_keyed("STUDY", _study_keys(study)))])
    root.below[0].below = list(_series_records(study, members))
    identity = uuid.uuid5(
        uuid.NAMESPACE_OID, " ".join([study.study_instance_uid, *("/".join(m.file_id) for m in members)])
    )
    meta = file_meta(str(MediaStorageDirectoryStorage), f"2.25.{identity.int}", str(ExplicitVRLittleEndian))
    head = PREAMBLE + MAGIC + meta + element(0x00041130, b"CS", FILE_SET_ID)
    start = len(head) + len(_root_links(0, 0))
    end = root.lay(start)
    return b"".join([head, _root_links(start, end - start), *root.written(0)])


def _root_links(first: int, length: int) -> bytes:
    """Offsets of the first and the last record of the root (it is one patient), and the sequence's head."""
    return (
        element(0x00041200, b"UL", struct.pack("<I", first))
        + element(0x00041202, b"UL", struct.pack("<I", first))
        + element(0x00041212, b"US", bytes(2))
        + struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, length)
    )


def _chain(records: list[_Record]) -> Iterator[bytes]:
    for record, following in zip_longest(records, records[1:]):
        yield from record.written(following.offset if following else 0)


def _series_records(study: Study, members: list[Member]) -> Iterator[_Record]:
    by_name: dict[str, list[Member]] = {}
    for member in members:
        by_name.setdefault(member.file_id[1], []).append(member)
    for number, series in enumerate(study.series, 1):
        if found := by_name.get(_series_name(number)):
            yield _Record(_keyed("SERIES", _series_keys(series)), [_leaf(member) for member in found])


def _series_name(number: int) -> str:
    return f"S{number:05d}"


def _leaf(member: Member) -> _Record:
    described = member.described
    private = element(0x00041432, b"UI", described.sop_class_uid.encode()) if member.kind == "PRIVATE" else b""
    return _Record(
        element(0x00041430, b"CS", member.kind.encode())
        + private
        + element(0x00041500, b"CS", "\\".join(member.file_id).encode())
        + element(0x00041510, b"UI", described.sop_class_uid.encode())
        + element(0x00041511, b"UI", described.sop_instance_uid.encode())
        + element(0x00041512, b"UI", described.transfer_syntax_uid.encode())
        + member.keys
    )


def _keyed(kind: str, values: Mapping[str, str]) -> bytes:
    keys = Dataset()
    put(keys, values)
    return element(0x00041430, b"CS", kind.encode()) + encoded(keys)


def _patient_keys(study: Study) -> dict[str, str]:
    """PS3.3 F.5.1. PatientID must have a value; when nobody gave one, no number is made up: the study's UID stands in.

    It belongs to this study alone, so a viewer that goes by the directory takes nobody for somebody else.
    """
    patient = study.patient
    born = patient.patient_birth_date
    optional = {
        "IssuerOfPatientID": patient.issuer_of_patient_id,
        "PatientBirthDate": f"{born:%Y%m%d}" if born else "",
        "PatientSex": patient.patient_sex,
    }
    return {
        "PatientName": patient.patient_name,
        "PatientID": fitted("LO", patient.patient_id) or study.study_instance_uid,
        **{name: value for name, value in optional.items() if value},
    }


def _study_keys(study: Study) -> dict[str, str]:
    """PS3.3 F.5.2. Date, time and StudyID must have values: a year 1900 and "0" say that nobody knows."""
    return {
        "StudyDate": f"{study.study_date:%Y%m%d}" if study.study_date else NO_DATE,
        "StudyTime": f"{study.study_time:%H%M%S}" if study.study_time else NO_TIME,
        "AccessionNumber": study.accession_number,
        "StudyDescription": study.study_description,
        "StudyInstanceUID": study.study_instance_uid,
        "StudyID": fitted("SH", study.study_id) or "0",
    }


def _series_keys(series: Series) -> dict[str, str]:
    """PS3.3 F.5.3."""
    description = {"SeriesDescription": series.series_description} if series.series_description else {}
    return {
        "Modality": fitted("CS", series.modality) or "OT",
        "SeriesInstanceUID": series.series_instance_uid,
        "SeriesNumber": str(series.series_number or 0),
        **description,
    }
