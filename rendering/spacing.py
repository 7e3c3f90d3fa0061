"""How large a pixel is, and where that was measured: for the picture's aspect ratio and for the scale bar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rendering.elements import items, number, numbers, word
from rendering.groups import macro

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Modalities whose pixel spacing is that of the detector unless it says that it was calibrated (PS3.3 10.7.1.3).
_PROJECTION = frozenset({"CR", "DX", "DR", "MG", "XA", "RF", "IO", "PX", "RG", "RTIMAGE"})
_CENTIMETRES, _TWO_DIMENSIONAL = 3, 1
_PIXELS_MM = (1e-5, 1e3)
#: Radiographic magnification that can be: a part touching the detector, up to a spot view close to the tube.
_MAGNIFICATION = (1.0, 10.0)


class Plane(StrEnum):
    """Where a distance was measured, in the words that stand beside the scale bar."""

    #: Slices, ultrasound: distances within the patient.
    PATIENT = ""
    #: The patient is smaller than the bar says, by the magnification of the projection.
    DETECTOR = "at detector"
    #: By an object of known size in the picture, or by the geometry: PixelSpacing differs from ImagerPixelSpacing.
    CALIBRATED = "calibrated"
    #: The detector's spacing divided by EstimatedRadiographicMagnificationFactor.
    ESTIMATED = "estimated"
    #: Of the film that was digitised.
    FILM = "on film"


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distance between pixel centres in mm: from row to row, and from column to column."""

    row: float
    column: float
    plane: Plane = Plane.PATIENT


def spacing(data_set: Dataset, frame: int) -> Spacing | None:
    """What the header knows of the pixel's size, best first, else None."""
    measures = macro(data_set, frame, "PixelMeasuresSequence")
    pair = _pair(measures, "PixelSpacing")
    if pair and (measures is not data_set or not _projection(data_set)):
        return Spacing(*pair)
    return _projected(data_set, frame, pair) or _film(data_set) or _ultrasound(data_set)


def _projected(data_set: Dataset, frame: int, pair: tuple[float, float] | None) -> Spacing | None:
    """PS3.3 10.7.1.3: what a projection says of its spacing, and whether it was calibrated."""
    inside = _pair(macro(data_set, frame, "ProjectionPixelCalibrationSequence"), "ObjectPixelSpacingInCenterOfBeam")
    if inside:
        return Spacing(*inside, Plane.CALIBRATED)
    imager = _pair(macro(data_set, frame, "FramePixelDataPropertiesSequence"), "ImagerPixelSpacing")
    if pair and (word(data_set, "PixelSpacingCalibrationType") or (imager and not _alike(pair, imager))):
        return Spacing(*pair, Plane.CALIBRATED)
    detector = imager or pair
    if not detector:
        return None
    factor = next(iter(numbers(data_set, "EstimatedRadiographicMagnificationFactor")), 1.0)
    if _MAGNIFICATION[0] < factor <= _MAGNIFICATION[1]:
        return Spacing(detector[0] / factor, detector[1] / factor, Plane.ESTIMATED)
    return Spacing(*detector, Plane.DETECTOR)


def _film(data_set: Dataset) -> Spacing | None:
    pair = _pair(data_set, "NominalScannedPixelSpacing")
    return Spacing(*pair, Plane.FILM) if pair else None


def aspect(data_set: Dataset, known: Spacing | None) -> float:
    """Height of a pixel divided by its width; 1.0 where nothing says."""
    pair = (known.row, known.column) if known else _pair(data_set, "PixelAspectRatio")
    ratio = pair[0] / pair[1] if pair else 1.0
    return ratio if 1 / 20 <= ratio <= 20 else 1.0  # noqa: PLR2004 beyond it, it is a mistake


def _projection(data_set: Dataset) -> bool:
    return word(data_set, "Modality") in _PROJECTION


def _alike(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(one, other, strict=True))


def _pair(data_set: Dataset, keyword: str) -> tuple[float, float] | None:
    values = numbers(data_set, keyword)
    low, high = _PIXELS_MM
    if len(values) != 2 or not all(math.isfinite(one) and low < one < high for one in values):  # noqa: PLR2004 a pair
        return None
    return values[0], values[1]


def _ultrasound(data_set: Dataset) -> Spacing | None:
    """C.8.5.5: only when every region is a plane of the same scale, so that the bar holds for the whole of the picture.

    A spectrum or a motion mode beside the picture has seconds across: no bar then.
    """
    scales = {_region(region) for region in items(data_set, "SequenceOfUltrasoundRegions")}
    scale = scales.pop() if len(scales) == 1 else None
    return Spacing(*scale) if scale else None


def _region(region: Dataset) -> tuple[float, float] | None:
    """Distance in mm between rows and columns of one region, rounded, or None where it is no plane in space."""
    units = {number(region, "PhysicalUnitsXDirection"), number(region, "PhysicalUnitsYDirection")}
    columns, rows = numbers(region, "PhysicalDeltaX"), numbers(region, "PhysicalDeltaY")
    if units != {_CENTIMETRES} or number(region, "RegionSpatialFormat", _TWO_DIMENSIONAL) != _TWO_DIMENSIONAL:
        return None
    if not columns or not rows or not columns[0] or not rows[0]:
        return None
    return round(abs(rows[0]) * 10, 5), round(abs(columns[0]) * 10, 5)
