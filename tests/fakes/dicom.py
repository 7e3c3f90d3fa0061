"""Small synthetic DICOM files. Patients are of the never-issued 999 range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from pathlib import Path

ANN = {"PatientID": "9990000018", "PatientName": "BROWN^Ann", "PatientBirthDate": "19630412", "PatientSex": "F"}
BOB = {"PatientID": "9990000026", "PatientName": "BLACK^Bob", "PatientBirthDate": "19710102", "PatientSex": "M"}
VIEWS = ("AP", "OBLIQUE", "LL")


def uid(*words: str) -> str:
    """The same UID for the same words."""
    return str(generate_uid(entropy_srcs=list(words)))


def image(**attributes: Any) -> Dataset:
    """A radiograph of 48 x 40 pixels, 12 bits."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid("study"), uid("series")
    ds.StudyDate, ds.StudyTime, ds.StudyDescription = "20261120", "101500", "Ankle"
    ds.AccessionNumber, ds.Modality, ds.BodyPartExamined, ds.SeriesNumber = "XR26-1", "CR", "ANKLE", 1
    ds.InstanceNumber, ds.ViewPosition, ds.ImageLaterality = 1, "AP", "R"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = 48, 40
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = (np.arange(48 * 40, dtype="<u2").reshape(48, 40) % 4096).tobytes()
    for keyword, value in (ANN | attributes).items():
        setattr(ds, keyword, value)
    return ds


def save(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def ankle(folder: Path, name: str = "ankle", views: int = 3, **attributes: Any) -> str:
    """A study of some views; its StudyInstanceUID."""
    for number, view in enumerate(VIEWS[:views], start=1):
        ds = image(
            StudyInstanceUID=uid(name),
            SeriesInstanceUID=uid(name, "series"),
            SOPInstanceUID=uid(name, view),
            InstanceNumber=number,
            ViewPosition=view,
            **attributes,
        )
        save(ds, folder / name / f"{number}")
    return uid(name)


def report(folder: Path, name: str = "ankle", **attributes: Any) -> None:
    """A structured report in the same study: it has no pixels."""
    ds = image(StudyInstanceUID=uid(name), SeriesInstanceUID=uid(name, "report"), SOPInstanceUID=uid(name, "sr"))
    for keyword in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"):
        delattr(ds, keyword)
    ds.SOPClassUID, ds.Modality, ds.InstanceNumber = "1.2.840.10008.5.1.4.1.1.88.11", "SR", 9
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    save(ds, folder / name / "report")
