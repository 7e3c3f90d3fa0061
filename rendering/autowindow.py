"""A window for a frame whose header has none (PS3.3 C.11.2 leaves it open), from its pixels alone. Pure."""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from rendering.window import Window, modality, padded, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rendering.window import Greyscale, Numbers

#: Pixels looked at: enough for half a percent of them to be many, few enough to sort in a millisecond.
_SAMPLE = 20_000
#: Up to so many different values are a mask or a drawing: all of it is meant to be seen.
_FEW_VALUES = 16
#: A lowest or highest value that so large a part of the pixels has is no tissue: background, saturation, letters.
_PLATEAU = 0.02
#: Steps of the cumulative histogram, and how much of the range without half a percent of the pixels is a gap.
_STEPS, _GAP = 200, 1 / 3
#: A part beyond a gap with up to so much of the pixels is left out; a larger one only if the rest is no mere noise.
_SMALL, _NOT_NOISE = 0.15, 1 / 8
#: A usual window in which less than this part of the pixels lies shows nothing.
_HARDLY = 0.005
#: How much at each end of what is left is left out, and how far the window reaches beyond, towards what was left out.
_TAIL, _MARGIN = 0.005, 0.1


def windowed(pixels: Numbers, grey: Greyscale) -> Greyscale:
    """`grey` with a window: its own, else the default one for `pixels`."""
    return grey if grey.voi is not None else grey.with_voi(default_window(pixels, grey))


def default_window(pixels: Numbers, grey: Greyscale) -> Window:
    """The window of the tissue in `pixels`, rows x columns of stored values.

    What is not tissue must not decide the contrast. Left out are, one after the other: padding; a lowest and a highest
    value that many pixels share (background, collimator, burnt-in text, saturation, padding that nobody declared); what
    lies beyond a gap in the histogram (metal, air around the patient, the shadow of a collimator); half a percent at
    each end. Masks of a few values, and frames of which nothing would be left, are shown from lowest to highest.
    A CT in Hounsfield units has its usual window, unless hardly a pixel lies in it.
    """
    return _window(_sample(pixels, grey), grey.usual)


def together(several: Sequence[tuple[Numbers, Greyscale]]) -> list[Greyscale]:
    """Pipelines of frames that are seen side by side: those without a window get one that fits all of them."""
    open_ones = [(pixels, grey) for pixels, grey in several if grey.voi is None]
    if not open_ones:
        return [grey for _, grey in several]
    values = np.sort(np.concatenate([_sample(*one, len(open_ones)) for one in open_ones]))
    window = _window(values, open_ones[0][1].usual)
    return [grey if grey.voi is not None else grey.with_voi(window) for _, grey in several]


def _window(values: NDArray[np.float64], usual: Window | None) -> Window:
    """Of modality values in order of size."""
    if usual is not None and _inside(values, usual) >= _HARDLY * values.size > 0:
        return usual
    if values.size == 0 or np.count_nonzero(np.diff(values)) < _FEW_VALUES:
        return span(values)
    tissue = _body(_off_plateaus(values))
    low, high = _ends(tissue)
    margin = _MARGIN * (high - low)
    low = max(low - margin, float(values[0])) if tissue[0] > values[0] else low
    high = min(high + margin, float(values[-1])) if tissue[-1] < values[-1] else high
    return Window((low + high) / 2, high - low, "LINEAR_EXACT") if low < high else span(values)


def _inside(values: NDArray[np.float64], window: Window) -> int:
    ends = window.centre - window.width / 2, window.centre + window.width / 2
    low, high = np.searchsorted(values, ends)
    return int(high - low)


def _sample(pixels: Numbers, grey: Greyscale, frames: int = 1) -> NDArray[np.float64]:
    """Modality values of evenly spread pixels, in order of size, without padding and what is no number.

    `frames`: of how many frames this is one, so that all of them have as many as one alone.
    """
    step = ceil((pixels.size * frames / _SAMPLE) ** 0.5) or 1
    sample = pixels[::step, ::step].ravel()
    if grey.padding is not None:
        sample = sample[~padded(sample, grey.padding)]
    values = modality(sample, grey.modality)
    return np.sort(values[np.isfinite(values)])


def _off_plateaus(values: NDArray[np.float64]) -> NDArray[np.float64]:
    start = int(np.searchsorted(values, values[0], "right"))
    stop = int(np.searchsorted(values, values[-1], "left"))
    least = _PLATEAU * values.size
    kept = values[start if start > least else 0 : stop if values.size - stop > least else values.size]
    return kept if np.count_nonzero(np.diff(kept)) >= _FEW_VALUES else values


def _body(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part between gaps that holds the most: by its share of the pixels and the width of its range."""
    steps = values[np.linspace(0, values.size - 1, _STEPS + 1).astype(np.intp)]
    whole = steps[-2] - steps[1]
    gaps = np.flatnonzero(np.diff(steps) > _GAP * whole)
    ends = [0, *(np.searchsorted(values, (steps[gaps] + steps[gaps + 1]) / 2)), values.size]
    parts = [values[start:stop] for start, stop in pairwise(ends) if stop - start > 1]
    body = max(parts, key=lambda part: part.size * _width(part))
    rest = 1 - body.size / values.size
    return body if rest <= _SMALL or _width(body) >= _NOT_NOISE * whole else values


def _width(part: NDArray[np.float64]) -> float:
    low, high = _ends(part)
    return high - low


def _ends(part: NDArray[np.float64]) -> tuple[float, float]:
    """The lowest and the highest of sorted values without their tails."""
    tail = int(_TAIL * part.size)
    return float(part[tail]), float(part[-1 - tail])
