"""The studies of the gallery: each kind that comes into a department, with one line on what to look at."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    EnhancedMRImageStorage,
    NuclearMedicineImageStorage,
    OphthalmicPhotography8BitImageStorage,
    RTStructureSetStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiationDoseSRStorage,
)

from studies import synthetic
from studies.synthetic.objects import begin, describe_pixels, item, number_instance, place, save, write
from studies.synthetic.subject import subject
from tools.gallery import phantoms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from studies.synthetic.subject import Subject


@dataclass(frozen=True, slots=True)
class Kind:
    """A section of the gallery."""

    #: Names its pictures: small letters and dashes.
    name: str
    heading: str
    line: str
    #: Writes the study's files into a directory.
    write: Callable[[Path], object]
    #: What is asked for afterwards, as typed behind `!view`.
    views: tuple[str, ...] = ()


def _pixels(dataset: Dataset, pixels: NDArray[Any], bits: int) -> Dataset:
    """Describe them: rows x columns, frames x rows x columns, or either with 3 colours of 8 bits."""
    colour = pixels.dtype == np.uint8 and pixels.shape[-1] == 3
    shape = pixels.shape[:-1] if colour else pixels.shape
    describe_pixels(dataset, shape[-2:], bits, signed=pixels.dtype.kind == "i")
    if pixels.dtype.itemsize == 1:
        dataset.BitsAllocated = 8
    if colour:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    if len(shape) > 2:
        dataset.NumberOfFrames = shape[0]
    return dataset


def _kept(dataset: Dataset, whose: Subject, number: int, pixels: NDArray[Any], directory: Path) -> Path:
    number_instance(dataset, whose, int(dataset.SeriesNumber), number)
    return write(dataset, pixels, directory / f"{dataset.Modality}-{dataset.SeriesNumber}-{number:03}.dcm")


def _marked_ankle(directory: Path) -> None:
    for one in (synthetic.write_ankle, synthetic.write_marks, synthetic.write_selection):
        one(directory)


def _chest(directory: Path) -> None:
    whose = subject("CR", 3, {})
    dataset = begin(ComputedRadiographyImageStorage, whose, "CR", 1, "Chest PA")
    dataset.BodyPartExamined, dataset.ViewPosition = "CHEST", "PA"
    dataset.PatientOrientation, dataset.PixelSpacing = ["L", "F"], [0.35, 0.35]
    pixels = 4095 - phantoms.chest()
    _pixels(dataset, pixels, 12)
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.WindowCenter, dataset.WindowWidth = 4095 - 1350, 2700
    _kept(dataset, whose, 1, pixels, directory)


def _breasts(directory: Path) -> None:
    whose = subject("MG", 4, {})
    for number, (side, view) in enumerate((side, view) for view in ("MLO", "CC") for side in "LR"):
        dataset = begin(DigitalMammographyXRayImageStorageForPresentation, whose, "MG", 1, "Screening")
        dataset.BodyPartExamined, dataset.ViewPosition, dataset.ImageLaterality = "BREAST", view, side
        # Hung with the axilla, or the lateral side, above: rows lead down to the medial one.
        medial = "R" if side == "L" else "L"
        dataset.PatientOrientation = ["A" if side == "L" else "P", f"F{medial}" if view == "MLO" else medial]
        dataset.ImagerPixelSpacing = [0.25, 0.25]
        dataset.WindowCenter, dataset.WindowWidth = 1700, 3000
        pixels = phantoms.breast(view, side)
        _kept(_pixels(dataset, pixels, 12), whose, number + 1, pixels, directory)


def _body(directory: Path) -> None:
    paths = synthetic.write_ct(directory, slices=120, rows=384)
    like = pydicom.dcmread(paths[0], stop_before_pixels=True)
    whose = subject("CT", 0, {})
    dataset = begin(CTImageStorage, whose, "CT", 2, "Topogram")
    dataset.StudyInstanceUID, dataset.BodyPartExamined = like.StudyInstanceUID, "CHESTABDOMEN"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-200, 0, 20], [1, 0, 0, 0, 0, -1]
    dataset.PixelSpacing = [0.4, 0.4]
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    pixels = phantoms.chest().astype(np.int16)
    _kept(_pixels(dataset, pixels, 16), whose, 1, pixels, directory)


def _slices(directory: Path, dataset: Dataset, whose: Subject, pixels: Iterable[NDArray[Any]], spacing: float) -> None:
    for number, one in enumerate(pixels, 1):
        place(dataset, spacing * number, float(dataset.PixelSpacing[0]) * one.shape[0])
        _kept(_pixels(dataset, one, 16), whose, number, one, directory)


def _head(directory: Path) -> None:
    whose = subject("CT", 5, {})
    dataset = begin(CTImageStorage, whose, "CT", 2, "Head")
    dataset.BodyPartExamined, dataset.ImageType = "HEAD", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PixelSpacing, dataset.PatientPosition = [0.75, 0.75], "HFS"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "HU"
    _slices(directory, dataset, whose, phantoms.head(), 5.0)


def _knee(directory: Path) -> None:
    """Enhanced MR (PS3.3 A.36.2) as far as a picture needs it."""
    whose, pixels = subject("MR", 6, {}), np.stack(list(phantoms.knee()))
    dataset = begin(EnhancedMRImageStorage, whose, "MR", 3, "PD sagittal")
    dataset.BodyPartExamined, dataset.ImageType = "KNEE", ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=[0.65, 0.65], SliceThickness=4)],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])],
            FrameVOILUTSequence=[item(WindowCenter=330, WindowWidth=680)],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[-46 + 4 * number, -83, 83])])
        for number in range(len(pixels))
    ]
    _kept(_pixels(dataset, pixels, 12), whose, 1, pixels, directory)


def _ultrasound(directory: Path) -> None:
    whose, pixels = subject("US", 7, {}), np.stack(list(phantoms.gallbladder()))
    dataset = begin(UltrasoundMultiFrameImageStorage, whose, "US", 1, "Gallbladder")
    dataset.BodyPartExamined, dataset.FrameTime = "ABDOMEN", 50
    dataset.SequenceOfUltrasoundRegions = [
        item(RegionSpatialFormat=1, PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3,
             PhysicalDeltaX=0.03, PhysicalDeltaY=0.03)
    ]  # fmt: skip
    _kept(_pixels(dataset, pixels, 8), whose, 4, pixels, directory)


def _angiogram(directory: Path) -> None:
    whose, pixels = subject("XA", 8, {}), np.stack(list(phantoms.coronaries()))
    dataset = begin(XRayAngiographicImageStorage, whose, "XA", 2, "LCA")
    dataset.BodyPartExamined, dataset.FrameTime, dataset.PixelIntensityRelationship = "HEART", 66, "LOG"
    dataset.ImagerPixelSpacing = [0.4, 0.4]
    _kept(_pixels(dataset, pixels, 8), whose, 5, pixels, directory)


def _bone_scan(directory: Path) -> None:
    whose, pixels = subject("NM", 9, {}), np.stack([phantoms.skeleton(behind) for behind in (False, True)])
    dataset = begin(NuclearMedicineImageStorage, whose, "NM", 1, "Whole body")
    dataset.BodyPartExamined, dataset.PixelSpacing = "WHOLEBODY", [1.95, 1.95]
    _kept(_pixels(dataset, pixels, 16), whose, 1, pixels, directory)


def _fundus(directory: Path) -> None:
    whose, pixels = subject("OP", 2, {}), phantoms.fundus()
    dataset = begin(OphthalmicPhotography8BitImageStorage, whose, "OP", 1, "Retina")
    dataset.BodyPartExamined, dataset.ImageLaterality = "EYE", "L"
    dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", 12
    _kept(_pixels(dataset, pixels, 8), whose, 1, pixels[:, ::-1].copy(), directory)


def _words(directory: Path) -> None:
    synthetic.write_report(directory)
    synthetic.write_document(directory)


def _damaged(directory: Path) -> None:
    """A stack with a slice cut short, a dose report and contours."""
    broken = synthetic.write_mr(directory, slices=9, seed=1)[2]
    broken.write_bytes(broken.read_bytes()[:40_000])
    whose = subject("MR", 1, {})
    for series, (modality, uid) in enumerate(
        (("SR", XRayRadiationDoseSRStorage), ("RTSTRUCT", RTStructureSetStorage)), 8
    ):
        dataset = begin(uid, whose, modality, series, "")
        number_instance(dataset, whose, series, 1)
        save(dataset, directory / f"{modality}.dcm")


def packaged(name: str) -> Callable[[Path], None]:
    """A file that comes with pydicom or pydicom-data."""

    def copy(directory: Path) -> None:
        path = get_testdata_file(name)
        if path is None:
            raise FileNotFoundError(name)
        shutil.copy(str(path), directory / Path(str(path)).name)

    return copy


KINDS = (
    Kind(
        "ankle",
        "X-ray",
        "Every view alone and large: AP, mortise, lateral, whatever the order of the files.",
        synthetic.write_ankle,
        ("bone zoom 3x at 40,62", "invert"),
    ),
    Kind(
        "marks",
        "What the sender marked and chose",
        "Key images come first, with the sender's marks and then without them, for marks cover what they are about.",
        _marked_ankle,
    ),
    Kind("chest", "X-ray stored as a negative", "MONOCHROME1 comes out the right way: air dark, bone bright.", _chest),
    Kind("mammogram", "Both sides", "View by view, right then left.", _breasts),
    Kind(
        "body",
        "CT",
        "A sheet of evenly spaced slices with their numbers, the middle slice large, localisers last.",
        _body,
        ("lung", "image 61 bone zoom 2x at 50,70"),
    ),
    Kind(
        "head",
        "CT without a window in its header",
        "A head is opened with a brain window; bone on request.",
        _head,
        ("image 17 bone",),
    ),
    Kind("brain", "MR", "In anatomical order, one window for all tiles.", synthetic.write_mr),
    Kind("knee", "Slices in one multi-frame object", "Tiles carry the number of the frame.", _knee),
    Kind(
        "ultrasound",
        "Ultrasound clip",
        "A poster in colour, with a scale where all of the picture has one; `cine` plays it.",
        _ultrasound,
        ("cine",),
    ),
    Kind("angiogram", "Angiogram", "A poster from the middle of the run; `cine` plays it.", _angiogram, ("cine",)),
    Kind("bone-scan", "Nuclear medicine", "Both projections large, windowed from their counts.", _bone_scan),
    Kind("fundus", "Photograph", "Colours as stored; what was compressed with loss says so.", _fundus),
    Kind("words", "Report and letter", "Pages for the dark, in letters that can be read.", _words),
    Kind("ecg", "ECG", "25 mm/s and 10 mm/mV with the calibration pulse.", synthetic.write_ecg),
    Kind("damaged", "What cannot be shown", "A broken slice costs one tile; what has no picture is named.", _damaged),
    Kind(
        "packaged-overlay",
        "Overlays (a test file of pydicom)",
        "Planes of the header are drawn over the picture.",
        packaged("examples_overlay.dcm"),
    ),
    Kind(
        "packaged-leg",
        "A real radiograph (a test file of pydicom-data)",
        "JPEG 2000, stored as a negative, without a shutter.",
        packaged("RG3_J2KR.dcm"),
    ),
    Kind(
        "packaged-heart",
        "A real echocardiogram (a test file of pydicom)",
        "A poster out of thirty JPEG frames; lossy, and says so.",
        packaged("examples_ybr_color.dcm"),
    ),
)
