"""Small synthetic DICOM images, exactly as the test says, and dcmtk as the judge of them."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

if TYPE_CHECKING:
    from collections.abc import Callable

#: pynetdicom installs tools of the same names into the environment: dcmtk's are called by their own path.
DCM2PNM = Path("/usr/bin/dcmj2pnm")


def make_image(pixels: np.ndarray[Any, Any], **attributes: Any) -> Dataset:
    """A data set that holds `pixels` (rows x columns or rows x columns x 3) with the attributes given."""
    grey = pixels.ndim == 2
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    ds.Modality = "OT"
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 1 if grey else 3
    ds.PhotometricInterpretation = "MONOCHROME2" if grey else "RGB"
    if not grey:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    ds.HighBit = attributes.get("HighBit", ds.BitsStored - 1)
    data = pixels.tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    return ds


def make_lut(first: int, entries: list[int], bits: int, *, vr: str = "US") -> Dataset:
    """An item of a Modality or VOI LUT Sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new("LUTData", vr, entries)
    return item


@pytest.fixture
def image() -> Callable[..., Dataset]:
    """`image(pixels, **attributes)`: a data set that holds them."""
    return make_image


@pytest.fixture
def lut() -> Callable[..., Dataset]:
    """`lut(first, entries, bits)`: an item of a Modality or VOI LUT Sequence."""
    return make_lut


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Dataset], Path]:
    """Writes a data set as a Part 10 file."""

    def write(ds: Dataset) -> Path:
        path = tmp_path / f"{ds.SOPInstanceUID}.dcm"
        ds.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def dcmtk(tmp_path: Path) -> Callable[..., np.ndarray[Any, Any]]:
    """What dcmtk shows of a file: rows x columns (x 3) of uint8."""
    if not DCM2PNM.exists():
        pytest.skip("dcmtk is not installed")

    def show(path: Path, *options: str) -> np.ndarray[Any, Any]:
        target = tmp_path / "judge.pnm"
        subprocess.run([DCM2PNM, "--write-raw-pnm", *options, path, target], check=True, capture_output=True)
        return np.asarray(Image.open(io.BytesIO(target.read_bytes())))

    return show
