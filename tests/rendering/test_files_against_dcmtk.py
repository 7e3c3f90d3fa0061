"""All of pydicom's files, pixel by pixel against dcmtk, after another decoder where dcmtk has none."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import get_frame
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from rendering.autowindow import windowed
from rendering.frame import read_frame
from rendering.header import opened
from rendering.module import pixel_module
from rendering.montage import shown
from rendering.window import Lut, Window
from tests.rendering.judge import difference, tool, verdicts
from tests.rendering.test_pydicom_files import DAMAGED, FILES, has_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from rendering.frame import Frame

#: The VR OW is of 16-bit words, which dcmtk turns one by one; whoever wrote these turned all 32 bits at once. Read
#: so, they are their little-endian twins.
BIG_WORDS = "32-bit pixels in big endian: pydicom"

#: dcmtk cannot show these, each with what judges them instead.
NOT_FOR_DCMTK = {
    "SC_rgb_32bit.dcm": "32 bits a colour: pydicom",
    "SC_rgb_32bit_2frame.dcm": "32 bits a colour: pydicom",
    "SC_rgb_expb_32bit.dcm": "32 bits a colour: pydicom",
    "SC_rgb_expb_32bit_2frame.dcm": "32 bits a colour: pydicom",
    "SC_rgb_jpeg.dcm": "its data set is implicit although it says explicit: pydicom",
    "gdcm-US-ALOKA-16.dcm": "segmented palette: pydicom's, in test_palette",
    "gdcm-US-ALOKA-16_big.dcm": "segmented palette: pydicom's, in test_palette",
    "eCT_Supplemental.dcm": "dcmtk does not know supplemental palettes (C.7.6.19): test_palette",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "cut at its end, where only we still find the frames",
    "rtdose_expb.dcm": BIG_WORDS,
    "rtdose_expb_1frame.dcm": BIG_WORDS,
}
#: More than one level of difference, with the reason.
DIFFERENCES = {
    "SC_ybr_full_uncompressed.dcm": (2, "dcmtk computes YBR in whole numbers; ours are the equations' levels")
}
WAVELETS = {JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL}


def for_dcmtk(path: Path, frame: int, folder: Path) -> tuple[Path, int]:
    """The file itself, or what another decoder than ours made of it, and the number of the frame in it."""
    ds = pydicom.dcmread(path)
    syntax = ds.file_meta.get("TransferSyntaxUID")
    native = folder / f"{frame}-{path.name}"
    if syntax in {JPEGLSLossless, JPEGLSNearLossless}:
        subprocess.run([tool("dcmdjpls"), path, native], check=True, capture_output=True)
        return native, frame + 1
    if syntax not in WAVELETS:
        return path, frame + 1
    samples = imagecodecs.jpeg2k_decode(get_frame(ds.PixelData, frame, number_of_frames=ds.get("NumberOfFrames", 1)))
    if ds.PixelRepresentation and samples.dtype.kind == "u":
        samples = (samples.astype(np.int64) ^ (1 << (ds.BitsStored - 1))) - (1 << (ds.BitsStored - 1))
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.PixelData = samples.astype(f"{'i' if ds.PixelRepresentation else 'u'}{ds.BitsAllocated // 8}").tobytes()
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OW" if ds.BitsAllocated > 8 else "OB", False
    ds.PhotometricInterpretation = "RGB" if ds.SamplesPerPixel == 3 else ds.PhotometricInterpretation
    ds.NumberOfFrames = 1
    ds.save_as(native, implicit_vr=False, little_endian=True)
    return native, 1


def told(path: Path, frame: Frame) -> list[str]:
    """The window: as dcmtk finds it in the header, else the one that we chose, in dcmtk's terms."""
    if frame.grey is None:
        return []
    voi = windowed(frame.pixels, frame.grey).voi
    if isinstance(voi, Lut):
        return ["+Wl", "1"]
    if "WindowCenter" in pydicom.dcmread(path, stop_before_pixels=True):
        return ["+Wi", "1"]
    assert isinstance(voi, Window)
    more = 1 if voi.function == "LINEAR_EXACT" else 0
    return ["+Ww", f"{voi.centre + more / 2:.12g}", f"{voi.width + more:.12g}"]


@pytest.mark.filterwarnings("ignore")
def test_every_frame_is_what_dcmtk_shows(tmp_path: Path) -> None:
    """First, middle and last frame of every file, through whatever decoder and pipeline it takes."""
    ours, files = {}, {}
    for path in FILES:
        if path.name in DAMAGED.keys() | NOT_FOR_DCMTK or not has_pixels(path):
            continue
        with opened(path) as header:
            count = pixel_module(header.data_set, header.tag).frames
        for index in sorted({0, count // 2, count - 1}):
            frame, name = read_frame(path, index), f"{path.name} {index}"
            judged, number = for_dcmtk(path, index, tmp_path)
            ours[name] = np.asarray(shown(frame))
            files[name] = (judged, [*told(path, frame), "+F", str(number)])
    theirs = verdicts(files, tmp_path / "judged")
    found = {name: difference(ours[name], theirs[name]) if name in theirs else -1 for name in files}
    allowed = {name: DIFFERENCES.get(name.split()[0], (1, ""))[0] for name in found}
    assert {name: levels for name, levels in found.items() if not 0 <= levels <= allowed[name]} == {}
    assert len(found) > 150
