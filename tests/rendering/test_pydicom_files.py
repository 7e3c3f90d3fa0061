"""Every DICOM file that pydicom ships: it becomes a picture, or one of these says in words why not."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.errors import InvalidDicomError
from pydicom.pixels import pixel_array

from rendering.errors import CannotShow
from rendering.frame import read_frame
from rendering.preview import MAXIMUM_BYTES, PreviewPlan, Tile, render

ROOTS = (Path(pydicom.__file__).parent / "data" / "test_files", Path(data_store.__file__).parent / "data")

#: Damaged on purpose, with the reason that we give.
DAMAGED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "its header and its compressed picture disagree about the size",
    "MR_truncated.dcm": "its pixel data is cut short",
    "meta_missing_tsyntax.dcm": "its header gives the picture no size",
    "nested_priv_SQ.dcm": "its header gives the picture no size",
}
#: pydicom itself has no decoder for these here, or trips over their headers.
NOT_FOR_PYDICOM = {
    "JPEG-LL.dcm",
    "JPEG-lossy.dcm",
    "JPGExtended.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "OT-PAL-8-face.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "badVR.dcm",
    "bad_sequence.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
}


def is_dicom(path: Path) -> bool:
    try:
        pydicom.dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError):
        return False
    return True


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    FILES = sorted({path.name: path for root in ROOTS for path in root.rglob("*") if is_dicom(path)}.values())


def has_pixels(path: Path) -> bool:
    if path.name in NOT_FOR_PYDICOM:
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return "PixelData" in pydicom.dcmread(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_becomes_a_picture_or_says_why_not(path: Path) -> None:
    plan = PreviewPlan("view/1", (Tile(path),))
    expected = DAMAGED.get(path.name) if has_pixels(path) else "it holds no picture"
    if expected is None:
        preview = render(plan)
        assert Image.open(io.BytesIO(preview.data)).size == (preview.width, preview.height)
        assert len(preview.data) <= MAXIMUM_BYTES
        return
    with pytest.raises(CannotShow) as caught:
        render(plan)
    assert caught.value.reason == expected


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.name not in DAMAGED.keys() | NOT_FOR_PYDICOM and has_pixels(path)],
    ids=lambda path: path.name,
)
def test_every_frame_has_the_pixels_that_pydicom_reads(path: Path) -> None:
    ds = pydicom.dcmread(path)
    if "RedPaletteColorLookupTableDescriptor" in ds:
        pytest.skip("pydicom gives indexes, we give colours: see test_palette and test_against_dcmtk")
    for index in {0, int(ds.get("NumberOfFrames") or 1) - 1}:
        expected = pixel_array(ds, index=index)
        if expected.ndim == 3:
            expected = expected >> (ds.BitsStored - 8)
        ours = read_frame(path, index).pixels
        # Colour conversions differ by their roundings.
        assert np.abs(ours.astype(np.int64) - expected.astype(np.int64)).max() <= (1 if ours.ndim == 3 else 0)
