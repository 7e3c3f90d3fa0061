"""A small axial MR of a head, T2 weighted (PS3.3 A.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import MRImageStorage

from studies.synthetic.objects import begin, describe_pixels, number_instance, place, write
from studies.synthetic.shapes import Field, blurred
from studies.synthetic.subject import SubjectOptions, subject

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from studies.synthetic.subject import Subject

_FIELD, _THICKNESS = 230.0, 5.0


def write_mr(
    directory: Path, *, slices: int = 20, seed: int = 0, rows: int = 256, **options: Unpack[SubjectOptions]
) -> list[Path]:
    """`slices` files of rows x rows pixels, 12 bit, from the top of the head down."""
    directory.mkdir(parents=True, exist_ok=True)
    whose, random = subject("MR", seed, options), np.random.default_rng(seed)
    dataset = _described(whose, rows)
    folds = blurred(random.standard_normal((rows, rows), np.float32), rows // 64, rows // 64)
    paths = []
    for number in range(1, slices + 1):
        number_instance(dataset, whose, 1, number)
        place(dataset, -_THICKNESS * number, _FIELD)
        pixels = _head(rows, number / (slices + 1), np.roll(folds, 3 * number, 0), random)
        paths.append(write(dataset, pixels, directory / f"mr-{number:03}.dcm"))
    return paths


def _described(whose: Subject, rows: int) -> Dataset:
    dataset = begin(MRImageStorage, whose, "MR", 1, "T2 axial")
    dataset.StudyDescription = "MR Brain"
    dataset.BodyPartExamined = "BRAIN"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "NONE", ""
    dataset.MRAcquisitionType = "2D"
    dataset.RepetitionTime, dataset.EchoTime, dataset.EchoTrainLength = 4000, 100, 1
    dataset.MagneticFieldStrength = 1.5
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = whose.uid("frame of reference"), ""
    dataset.PatientPosition = "HFS"
    dataset.PixelSpacing = [_FIELD / rows, _FIELD / rows]
    dataset.SliceThickness = dataset.SpacingBetweenSlices = _THICKNESS
    dataset.WindowCenter, dataset.WindowWidth = 600, 1200
    describe_pixels(dataset, (rows, rows), 12)
    return dataset


def _head(rows: int, height: float, folds: Field, random: np.random.Generator) -> NDArray[np.uint16]:
    """Skin, dark bone, cerebrospinal fluid, brain and ventricles, in magnitude noise; height from 0 (top) to 1."""
    axis = ((np.arange(rows) + 0.5) / rows * 2 - 1).astype(np.float32)
    size = 0.78 * np.sin(np.pi * min(0.62, 0.12 + 0.6 * height)) ** 0.5
    image = np.zeros((rows, rows), np.float32)
    layers = ((1.0, 620.0), (0.94, 60.0), (0.88, 1150.0), (0.855, 520.0), (0.70, 400.0))
    for scale, value in layers:
        _paint(image, axis, (0, 0), (0.82 * size * scale, size * scale), value)
    image += np.where((image == layers[-1][1]) | (image == layers[-2][1]), 60 * folds / folds.std(), 0)
    _paint(image, axis, (0, -0.2), (0.012, 0.4 * size), 1000)
    ventricle = np.sin(np.pi * np.clip((height - 0.3) / 0.5, 0, 1))
    for side in (-1, 1):
        _paint(image, axis, (side * 0.09, -0.02), (0.055 * ventricle, 0.24 * ventricle), 1180)
    real, imaginary = random.standard_normal((2, rows, rows), np.float32) * 22
    return np.asarray(np.clip(np.hypot(blurred(image, 1, 1) + real, imaginary), 0, 4095), np.uint16)


def _paint(image: Field, axis: Field, centre: tuple[float, float], radii: tuple[float, float], value: float) -> None:
    if min(radii) > 0:
        across, down = ((axis - middle) / radius for middle, radius in zip(centre, radii, strict=True))
        image[across[None, :] ** 2 + down[:, None] ** 2 < 1] = value
