"""An axial CT of chest and upper abdomen that changes from slice to slice, noise and all (PS3.3 A.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import CTImageStorage

from studies.synthetic.objects import begin, describe_pixels, number_instance, place, write
from studies.synthetic.shapes import Field, blurred
from studies.synthetic.subject import SubjectOptions, subject

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from studies.synthetic.subject import Subject

#: Width and height of a slice in mm, and how much of the body is covered from top to bottom.
_FIELD, _COVERED = 400.0, 600.0
_INTERCEPT = -1024
_AIR, _FAT, _MUSCLE, _LUNG, _BONE, _CONTRAST = -1000.0, -100.0, 55.0, -840.0, 600.0, 210.0
#: Heights from 0 (neck) to 1 (kidneys).
_CARINA, _LAST_RIB = 0.3, 0.75
#: Standard deviation of the noise in Hounsfield units: it decides how well a slice compresses.
_NOISE = 14.0


def write_ct(
    directory: Path, *, slices: int = 600, seed: int = 0, rows: int = 512, **options: Unpack[SubjectOptions]
) -> list[Path]:
    """`slices` files of rows x rows pixels, int16, from the neck down; rescale intercept -1024."""
    directory.mkdir(parents=True, exist_ok=True)
    whose = subject("CT", seed, options)
    body = _Body(rows, np.random.default_rng(seed))
    thickness = _COVERED / slices
    dataset = _described(whose, rows, thickness)
    paths = []
    for number in range(1, slices + 1):
        number_instance(dataset, whose, 1, number)
        place(dataset, -thickness * number, _FIELD)
        pixels = body.section((number - 0.5) / slices)
        paths.append(write(dataset, pixels, directory / f"ct-{number:04}.dcm"))
    return paths


def _described(whose: Subject, rows: int, thickness: float) -> Dataset:
    dataset = begin(CTImageStorage, whose, "CT", 1, "Chest abdomen axial")
    dataset.StudyDescription = "CT Thorax and abdomen"
    dataset.BodyPartExamined = "CHESTABDOMEN"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.KVP, dataset.AcquisitionNumber = 120, 1
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = whose.uid("frame of reference"), ""
    dataset.PatientPosition = "HFS"
    dataset.PixelSpacing = [_FIELD / rows, _FIELD / rows]
    dataset.SliceThickness = round(thickness, 3)
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = _INTERCEPT, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    dataset.WindowCenterWidthExplanation = ["SOFT TISSUE", "LUNG"]
    describe_pixels(dataset, (rows, rows), 16, signed=True)
    return dataset


def _outline(height: float) -> tuple[float, float]:
    """Half the width and half the depth of the trunk in mm."""
    return 120 + 45 * min(1, height / 0.12) + 6 * float(np.sin(7 * height)), 106 + 4 * min(1, height / 0.15)


class _Body:
    """Organs as ellipses whose size follows the height in the body; x to the patient's left, y to the back, in mm."""

    def __init__(self, rows: int, random: np.random.Generator) -> None:
        self._random = random
        self._rows = rows
        self._axis = ((np.arange(rows) + 0.5) / rows - 0.5).astype(np.float32) * _FIELD
        grain = random.standard_normal((4, rows, rows), np.float32)
        # Reconstruction kernels leave neighbouring pixels correlated.
        smooth = [blurred(one, 1, 1) for one in grain]
        self._noise = [
            _NOISE * (0.6 * one + 0.4 * rough) / (0.6 * one + 0.4 * rough).std()
            for one, rough in zip(smooth, grain, strict=True)
        ]
        self._vessels = [blurred(one, 2, 2) * 5 for one in grain[:2]]

    def section(self, height: float) -> NDArray[np.int16]:
        """The slice at a height from 0 (neck) to 1 (kidneys), as stored values."""
        image = np.full((self._rows, self._rows), _AIR, np.float32)
        self._trunk(image, height)
        self._chest(image, height)
        self._abdomen(image, height)
        self._skeleton(image, height)
        noise = self._noise[self._random.integers(len(self._noise))]
        noise = np.roll(noise, self._random.integers(self._rows, size=2).tolist(), (0, 1))
        return np.asarray(np.clip(image + noise - _INTERCEPT, 0, 4095), np.int16)

    def _trunk(self, image: Field, height: float) -> None:
        width, depth = _outline(height)
        self._paint(image, (0, 0), (width, depth), _FAT)
        self._paint(image, (0, 2), (width - 14, depth - 13), _MUSCLE)
        self._paint(image, (0, depth + 14), (170, 5), -150)

    def _chest(self, image: Field, height: float) -> None:
        for side in (-1, 1):
            size = np.sin(np.pi * np.clip((height + 0.02) / (0.62 - 0.03 * side), 0, 1)) ** 0.5
            phase = 40 * height
            vessels = np.maximum(0, self._vessels[0] * np.cos(phase) + self._vessels[1] * np.sin(phase) - 0.75)
            self._paint(image, (side * 70, 2), (54 * size, 78 * size), _LUNG, 620 * np.minimum(vessels, 1))
        heart = np.sin(np.pi * np.clip((height - 0.27) / 0.35, 0, 1)) ** 0.6
        self._paint(image, (14, -22), (56 * heart, 46 * heart), 150)
        self._paint(image, (22, -24), (26 * heart, 22 * heart), _CONTRAST)
        self._paint(image, (-3, 12), (9, 8), _AIR if height < _CARINA else _MUSCLE)

    def _abdomen(self, image: Field, height: float) -> None:
        low = np.clip((height - 0.52) / 0.1, 0, 1) ** 0.5
        self._paint(image, (0, -6), (138 * low, 84 * low), -85)
        self._paint(image, (-58, -8), (76 * low, 74 * low * (1.25 - 0.5 * height)), 105)
        self._paint(image, (92, 22), (38 * low, 48 * low), 115)
        self._paint(image, (48, -36), (42 * low, 30 * low), 25)
        self._paint(image, (50, -48), (24 * low, 12 * low), _AIR)
        kidney = np.sin(np.pi * np.clip((height - 0.8) / 0.3, 0, 1)) ** 0.5
        for side in (-1, 1):
            self._paint(image, (side * 58, 42), (26 * kidney, 30 * kidney), 180)
            self._paint(image, (side * 52, 42), (9 * kidney, 13 * kidney), -60)

    def _skeleton(self, image: Field, height: float) -> None:
        disc = 0.5 + 0.5 * np.cos(2 * np.pi * 18 * height)
        self._paint(image, (0, 56), (21, 17), 90 + (_BONE - 90) * min(1.0, 2 * disc))
        self._paint(image, (0, 56), (18, 14), 90 + 110 * disc)
        self._paint(image, (0, 83), (17, 13), _BONE)
        self._paint(image, (0, 81), (10, 9), 25)
        self._paint(image, (0, 102), (4, 12), _BONE)
        self._paint(image, (16, 33), (12, 12), _CONTRAST)
        if height < _LAST_RIB:
            self._ribs(image, height)

    def _ribs(self, image: Field, height: float) -> None:
        width, depth = _outline(height)
        for number in range(6):
            angle = (number / 6 + 9 * height) % 1 * np.pi - np.pi / 2
            for side in (-1, 1):
                centre = (side * (width - 25) * np.cos(angle), 2 + (depth - 22) * np.sin(angle))
                self._paint(image, centre, (7, 9), _BONE)
                self._paint(image, centre, (4, 6), 260)

    def _paint(
        self,
        image: Field,
        centre: tuple[float, float],
        radii: tuple[float, float],
        value: float,
        texture: Field | None = None,
    ) -> None:
        """Replace what is inside an ellipse, with an edge about a pixel soft."""
        if min(radii) < 1:
            return
        (x, y), (rx, ry) = centre, radii
        columns, rows = self._within(x, rx), self._within(y, ry)
        across = ((self._axis[columns] - x) / rx) ** 2
        down = ((self._axis[rows] - y) / ry) ** 2
        inside = np.clip((1 - across[None, :] - down[:, None]) * (min(radii) / 2) + 0.5, 0, 1)
        part = image[rows, columns]
        target = value if texture is None else value + texture[rows, columns]
        part += (target - part) * inside

    def _within(self, middle: float, radius: float) -> slice:
        start, stop = np.searchsorted(self._axis, (middle - radius - 3, middle + radius + 3))
        return slice(int(start), int(stop))
