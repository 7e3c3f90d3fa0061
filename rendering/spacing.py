"""How large a pixel is: for the picture's aspect ratio and for the scale bar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rendering.groups import macro
from rendering.module import number, numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Modalities whose pixel spacing is that of the detector unless it says that it was calibrated (PS3.3 10.7.1.3).
_PROJECTION = frozenset({"CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG"})
_CENTIMETRES = 3
_PIXELS_MM = (1e-5, 1e3)


@dataclass(frozen=True, slots=True)
class Spacing:
    """Distance between pixel centres in mm: from row to row, and from column to column."""

    row: float
    column: float
    #: Measured in the plane of the detector: the patient is smaller than the bar says.
    at_detector: bool = False


def spacing(data_set: Dataset, frame: int) -> Spacing | None:
    """What the header knows of the pixel's size, best first, else None."""
    pixel = _pair(macro(data_set, frame, "PixelMeasuresSequence"), "PixelSpacing")
    if pixel:
        return Spacing(*pixel, at_detector=_at_detector(data_set))
    for keyword in ("ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        pair = _pair(data_set, keyword)
        if pair:
            return Spacing(*pair, at_detector=keyword == "ImagerPixelSpacing")
    return _ultrasound(data_set)


def aspect(data_set: Dataset, known: Spacing | None) -> float:
    """Height of a pixel divided by its width; 1.0 where nothing says."""
    pair = (known.row, known.column) if known else _pair(data_set, "PixelAspectRatio")
    ratio = pair[0] / pair[1] if pair else 1.0
    return ratio if 1 / 20 <= ratio <= 20 else 1.0  # noqa: PLR2004 beyond it, it is a mistake


def _at_detector(data_set: Dataset) -> bool:
    calibrated = str(data_set.get("PixelSpacingCalibrationType") or "").strip()
    return str(data_set.get("Modality") or "").strip() in _PROJECTION and not calibrated


def _pair(data_set: Dataset, keyword: str) -> tuple[float, float] | None:
    values = numbers(data_set, keyword)
    low, high = _PIXELS_MM
    if len(values) != 2 or not all(math.isfinite(one) and low < one < high for one in values):  # noqa: PLR2004 a pair
        return None
    return values[0], values[1]


def _ultrasound(data_set: Dataset) -> Spacing | None:
    """C.8.5.5: only when there is one region, so that the bar holds for the whole of the picture."""
    regions = data_set.get("SequenceOfUltrasoundRegions")
    if not regions or len(regions) != 1:
        return None
    region = regions[0]
    units = {number(region, "PhysicalUnitsXDirection"), number(region, "PhysicalUnitsYDirection")}
    if units != {_CENTIMETRES}:
        return None
    columns, rows = numbers(region, "PhysicalDeltaX"), numbers(region, "PhysicalDeltaY")
    if not columns or not rows or not columns[0] or not rows[0]:
        return None
    return Spacing(abs(rows[0]) * 10, abs(columns[0]) * 10)
