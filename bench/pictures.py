"""The files that `bench.render` makes pictures of: synthetic, with noise as it is, in every compression.

dcmtk's tools compress what they can, imagecodecs the rest.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import simplejpeg
from pydicom import dcmread, uid
from pydicom.encaps import encapsulate

from studies.synthetic import write_ankle, write_ct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

EDGE = 512
#: Of a whole preview.
POSTED = 1600
FRAMES = 120
QUALITY = "88"
#: dcmtk's commands: the first window of the header for grey, scaled in width. The one for JPEG-LS writes no JPEG.
COLOUR = ("/usr/bin/dcmj2pnm", "+oj", "+Jq", QUALITY, "+Sxv", str(EDGE))
GREY = (*COLOUR, "+Wi", "1")
JPEG_LS = ("/usr/bin/dcml2pnm", "+Sxv", str(EDGE), "+Wi", "1")


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be made of which files."""

    name: str
    files: tuple[Path, ...]
    #: How often faster than the straightforward way it shall be.
    goal: float | None = None
    #: The command of dcmtk that makes it, without files; () for none.
    dcmtk: tuple[str, ...] = ()
    #: Long edge of the picture, or of one tile.
    edge: int = EDGE
    columns: int = 1
    #: With its words, thumbnail and blurhash.
    posted: bool = False


def pictures(directory: Path, slices: int) -> list[Picture]:
    """All of them, made below `directory`."""
    ct = write_ct(directory / "ct", slices=slices)
    cr = write_ankle(directory / "ankle")[0]
    middle, colour = ct[slices // 2], _photograph(cr, directory / "colour.dcm")
    return [
        Picture("CT", (middle,), 4, GREY),
        *_radiographs(cr, directory),
        Picture("JPEG baseline, colour", (colour,), 15, COLOUR),
        Picture(f"first of {FRAMES} JPEG frames", (_cine(cr, directory / "cine.dcm"),), 150, COLOUR),
        Picture(f"sheet of {slices} CT slices", tuple(ct), 20, edge=64, columns=round((slices / 1.1) ** 0.5)),
        Picture("CT, as posted", (middle,), edge=POSTED, posted=True),
        Picture("CR, as posted", (cr,), edge=POSTED, posted=True),
        Picture(
            "sheet of 20 CT slices, as posted",
            tuple(ct[:: max(1, slices // 20)][:20]),
            edge=320,
            columns=4,
            posted=True,
        ),
    ]


def _radiographs(cr: Path, directory: Path) -> list[Picture]:
    """One radiograph in every compression."""
    made = [Picture("CR", (cr,), 18, GREY)]
    for name, goal, tool, write in _SYNTAXES:
        source, path = directory / "source.dcm", directory / f"{name}.dcm"
        _renamed(cr, source)
        write(source, path)
        made.append(Picture(f"CR, {name}", (path,), goal, tool))
    return made


def _renamed(source: Path, target: Path) -> None:
    """As an instance of its own: Orthanc keeps the first of one name."""
    data_set = dcmread(source)
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    data_set.save_as(target)


def _by_dcmtk(tool: str, *options: str) -> Callable[[Path, Path], None]:
    def write(source: Path, target: Path) -> None:
        subprocess.run([f"/usr/bin/{tool}", *options, source, target], check=True)

    return write


def _by_us(syntax: uid.UID, encode: Callable[[NDArray[Any]], bytes]) -> Callable[[Path, Path], None]:
    def write(source: Path, target: Path) -> None:
        data_set = dcmread(source)
        _save(data_set, [encode(data_set.pixel_array)], syntax, target)

    return write


def _save(data_set: Dataset, frames: Sequence[bytes], syntax: uid.UID, target: Path) -> Path:
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    data_set.PixelData = encapsulate(list(frames))
    data_set["PixelData"].VR = "OB"
    data_set.file_meta.TransferSyntaxUID = syntax
    data_set.save_as(target)
    return target


def _photograph(cr: Path, target: Path) -> Path:
    """2,048 x 1,536 pixels of colour with a camera's noise, as a visible light photograph."""
    data_set = dcmread(cr)
    pixels = _coloured(data_set.pixel_array[:1536, :2048], 0)
    _describe(data_set, pixels)
    return _save(data_set, [_jpeg(pixels)], uid.JPEGBaseline8Bit, target)


def _cine(cr: Path, target: Path) -> Path:
    """A loop of 800 x 600 pixels, each frame moved a little."""
    data_set = dcmread(cr)
    whole = data_set.pixel_array[::2, ::2]
    frames = [_coloured(whole[at : at + 600, at : at + 800], at) for at in range(FRAMES)]
    _describe(data_set, frames[0])
    data_set.NumberOfFrames = len(frames)
    return _save(data_set, [_jpeg(frame) for frame in frames], uid.JPEGBaseline8Bit, target)


def _coloured(grey: NDArray[Any], seed: int) -> NDArray[np.uint8]:
    tinted = (grey[..., None] / 16) * (1.0, 0.8, 0.6) + np.random.default_rng(seed).normal(0, 4, (*grey.shape, 3))
    return np.ascontiguousarray(tinted.clip(0, 255).astype(np.uint8))


def _describe(data_set: Dataset, pixels: NDArray[np.uint8]) -> None:
    data_set.Rows, data_set.Columns, data_set.SamplesPerPixel = pixels.shape
    data_set.PhotometricInterpretation, data_set.PlanarConfiguration = "YBR_FULL_422", 0
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 8, 8, 7


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(simplejpeg.encode_jpeg(pixels, 85, "RGB", "422"))


def _j2k(pixels: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True, level=0, bitspersample=12))


def _htj2k(pixels: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.htj2k_encode(pixels, reversible=True))


#: Name, goal, dcmtk's command that shows it, and who writes it.
_SYNTAXES: tuple[tuple[str, float | None, tuple[str, ...], Callable[[Path, Path], None]], ...] = (
    ("RLE", None, GREY, _by_dcmtk("dcmcrle")),
    # No goal of its own: decoding alone is a fifteenth of the straightforward way. The photograph has it.
    ("JPEG baseline", None, COLOUR, _by_dcmtk("dcmcjpeg", "+eb", "+Wi", "1")),
    ("JPEG extended", None, GREY, _by_dcmtk("dcmcjpeg", "+ee")),
    ("JPEG lossless", 2.5, GREY, _by_dcmtk("dcmcjpeg", "+e1")),
    ("JPEG-LS", 2.5, JPEG_LS, _by_dcmtk("dcmcjpls")),
    ("JPEG 2000", 10, (), _by_us(uid.JPEG2000Lossless, _j2k)),
    ("HTJ2K", 15, (), _by_us(uid.HTJ2KLossless, _htj2k)),
)
