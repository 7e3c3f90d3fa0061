"""The greyscale pipeline of PS3.3 C.11 and PS3.4 N.2: stored values in, levels 0 (black) to 255 (white) out. Pure.

Stored value -> Modality LUT or rescale -> VOI window or LUT -> presentation. Inversion comes last: done any earlier,
the window would be applied to mirrored values and bone could come out black.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[Any]
Levels: TypeAlias = NDArray[np.uint8]

WHITE = 255
#: A table begins and ends at a multiple of this, within what int8 has, and may have so many entries for each pixel.
_STEP, _WORTH = 128, 4
#: Pixels that are looked up at a time.
_PART = 1 << 17


@dataclass(frozen=True, slots=True)
class Rescale:
    """RescaleSlope and RescaleIntercept (C.11.1.1.2): output = slope * stored + intercept."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Lut:
    """A Modality or VOI LUT (C.11.1.1, C.11.2.1.1). `first` is the input that maps to `entries[0]`."""

    first: int
    entries: NDArray[np.uint16]
    #: Significant bits of an entry, so that 2**bits - 1 is white.
    bits: int


@dataclass(frozen=True, slots=True)
class Window:
    """WindowCenter, WindowWidth and VOILUTFunction (C.11.2.1.2, C.11.2.1.3)."""

    centre: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


@dataclass(frozen=True, slots=True)
class Greyscale:
    """Everything that turns one frame's stored values into levels."""

    modality: Rescale | Lut = field(default_factory=Rescale)
    #: None: nothing in the header says, see `rendering.autowindow`.
    voi: Window | Lut | None = None
    #: MONOCHROME1, or PresentationLUTShape INVERSE: the lowest value is white.
    inverted: bool = False
    #: PixelPaddingValue up to PixelPaddingRangeLimit, as stored: shown black, counted nowhere (C.7.5.1.1.2).
    padding: tuple[float, float] | None = None
    #: A Presentation LUT (C.11.4): from the whole range of the window's output, `first` is 0.
    presentation: Lut | None = None
    #: Where nothing in the header says: how such pictures are looked at, if what they show lies there at all.
    usual: Window | None = None

    def with_voi(self, voi: Window | Lut) -> Greyscale:
        """The same with another window."""
        return replace(self, voi=voi)

    def without_padding(self) -> Greyscale:
        """The same of pixels of which none is padding."""
        return replace(self, padding=None) if self.padding is not None else self


def levels(pixels: Numbers, grey: Greyscale) -> Levels:
    """Levels of `pixels`, any shape, stored values.

    Integers of up to 16 bits go through a table of the values that there are, so that a pixel costs one look-up.
    """
    if pixels.dtype.kind not in "iu" or pixels.dtype.itemsize > 2 or not pixels.size or grey.voi is None:  # noqa: PLR2004
        return shade(pixels, grey)
    low, high = int(pixels.min()) & -_STEP, int(pixels.max()) | (_STEP - 1)
    if high - low > _WORTH * pixels.size:
        return shade(pixels, grey)
    return _looked_up(pixels, low, _table(low, high, pixels.dtype.str, grey))


def _looked_up(pixels: Numbers, low: int, table: Levels) -> Levels:
    """`table[pixels - low]`, a part at a time: numpy's indexes have 8 bytes each, and stay in the cache so."""
    unsigned = f"u{pixels.dtype.itemsize}"
    cells, start = pixels.view(unsigned), np.array(low).astype(pixels.dtype).view(unsigned)
    seen = np.empty(pixels.shape, np.uint8)
    rows = max(1, _PART * len(cells) // cells.size)
    for row in range(0, len(cells), rows):
        # Differences modulo 2**16 are right whatever the sign.
        np.take(table, cells[row : row + rows] - start, out=seen[row : row + rows], mode="clip")
    return seen


@lru_cache(maxsize=16)
def _table(low: int, high: int, dtype: str, grey: Greyscale) -> Levels:
    """Levels of all values from `low` to `high`. Kept, for the slices of a series share it."""
    return shade(np.arange(low, high + 1, dtype=dtype), grey)


def shade(stored: Numbers, grey: Greyscale) -> Levels:
    """The pipeline by its formulas, for each stored value."""
    values = modality(stored, grey.modality)
    # Real-valued maps mark what they do not know by NaN: black, as padding is.
    bright = np.nan_to_num(_voi(values, grey.voi if grey.voi is not None else span(values)))
    if grey.presentation is not None:
        bright = _presented(bright, grey.presentation)
    result = np.floor(bright * WHITE + 0.5).astype(np.uint8)
    if grey.inverted:
        result = WHITE - result
    if grey.padding is not None:
        result[padded(stored, grey.padding)] = 0
    return result


def modality(stored: Numbers, step: Rescale | Lut) -> NDArray[np.float64]:
    """Stored values to modality values, e.g. Hounsfield units."""
    if isinstance(step, Lut):
        return _look_up(stored, step).astype(np.float64)
    return stored.astype(np.float64) * step.slope + step.intercept


def padded(stored: Numbers, padding: tuple[float, float]) -> NDArray[np.bool_]:
    """Which of the stored values are padding and not picture."""
    low, high = padding
    return (stored >= low) & (stored <= high)


def span(values: Numbers) -> Window:
    """The window from the lowest to the highest value."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return Window((low + high) / 2, high - low or 1.0, "LINEAR_EXACT")


def _voi(values: NDArray[np.float64], step: Window | Lut) -> NDArray[np.float64]:
    """Modality values to brightness 0 to 1."""
    if isinstance(step, Lut):
        return np.minimum(_look_up(np.rint(values), step) / ((1 << step.bits) - 1), 1.0)
    if step.function == "SIGMOID":
        # The exponent is held within what float64 can hold: beyond it the result is 0 or 1 all the same.
        return 1 / (1 + np.exp(np.clip(-4 * (values - step.centre) / step.width, -700, 700)))
    if step.function == "LINEAR":
        return _ramp(values, step.centre - 0.5, step.width - 1)
    return _ramp(values, step.centre, step.width)


def _presented(bright: NDArray[np.float64], lut: Lut) -> NDArray[np.float64]:
    places = np.rint(bright * (len(lut.entries) - 1)).astype(np.int64)
    return np.minimum(lut.entries[places] / ((1 << lut.bits) - 1), 1.0)


def _ramp(values: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    """(x - c) / w + 0.5, held within 0 and 1. A width of 0 is a threshold: C.11.2.1.2 lets LINEAR have width 1."""
    if width <= 0:
        return (values > centre).astype(np.float64)
    return np.clip((values - centre) / width + 0.5, 0.0, 1.0)


def _look_up(values: Numbers, lut: Lut) -> NDArray[np.uint16]:
    """Inputs below the first take the first entry, above the last the last (C.11.1.1)."""
    places = np.clip(values.astype(np.int64) - lut.first, 0, len(lut.entries) - 1)
    return lut.entries[places]
