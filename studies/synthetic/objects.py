"""What all synthetic objects share: equipment, dates, pixel description, codes, and the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from studies.synthetic.subject import fill_subject, synthetic_uid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from studies.synthetic.subject import Subject

#: Who wrote the files.
_IMPLEMENTATION = UID(synthetic_uid("implementation"))


def code(value: str, meaning: str, scheme: str = "SCT") -> Dataset:
    """One item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def begin(sop_class_uid: str, whose: Subject, modality: str, series: int, description: str) -> Dataset:
    """Patient, study, series and equipment."""
    dataset = Dataset()
    dataset.SOPClassUID = sop_class_uid
    fill_subject(dataset, whose)
    dataset.Modality = modality
    dataset.SeriesInstanceUID = whose.uid("series", series)
    dataset.SeriesNumber = series
    dataset.SeriesDescription = description
    dataset.SeriesDate = dataset.ContentDate = dataset.AcquisitionDate = dataset.StudyDate
    dataset.SeriesTime = dataset.ContentTime = dataset.AcquisitionTime = dataset.StudyTime
    dataset.Manufacturer = "carrierbag"
    dataset.ManufacturerModelName = "Synthetic"
    dataset.DeviceSerialNumber = "1"
    dataset.SoftwareVersions = "1"
    dataset.InstitutionName = "Synthetic Hospital"
    return dataset


def number_instance(dataset: Dataset, whose: Subject, series: int, number: int) -> None:
    """Which instance of the series it is."""
    dataset.SOPInstanceUID = whose.uid("instance", series, number)
    dataset.InstanceNumber = number


def describe_pixels(dataset: Dataset, shape: Sequence[int], bits: int, *, signed: bool = False) -> None:
    """The Image Pixel module for one grey sample of 16 bits allocated (PS3.3 C.7.6.3)."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = int(signed)


def write(dataset: Dataset, pixels: NDArray[Any], path: Path) -> Path:
    """As a Part 10 file, explicit VR little endian."""
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    dataset["PixelData"].VR = "OW"
    return save(dataset, path)


def save(dataset: Dataset, path: Path) -> Path:
    """The same of a data set without pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = "CARRIERBAG"
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)
    return path


def item(**attributes: Any) -> Dataset:
    """One item of a sequence."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def place(dataset: Dataset, z: float, field: float) -> None:
    """An axial plane of `field` mm square around the middle, `z` mm up (PS3.3 C.7.6.2)."""
    half = field / 2
    dataset.ImagePositionPatient = [-half, -half, round(z, 3)]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.SliceLocation = round(z, 3)
