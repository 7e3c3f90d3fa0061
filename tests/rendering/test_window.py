"""The formulas of PS3.3 C.11, value by value. Guards the hazard that a picture shows the wrong polarity or contrast."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering.window import Greyscale, Lut, Rescale, Window, levels, modality, shade

EVERY_12_BIT = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def by_the_standard(value: float, window: Window) -> float:
    """C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, with ymin 0 and ymax 255, as they are printed."""
    x, c, w = value, window.centre, window.width
    if window.function == "SIGMOID":
        return 255 / (1 + math.exp(min(-4 * (x - c) / w, 700)))
    if window.function == "LINEAR_EXACT":
        return 0 if x <= c - w / 2 else 255 if x > c + w / 2 else ((x - c) / w + 0.5) * 255
    if x <= c - 0.5 - (w - 1) / 2:
        return 0
    if x > c - 0.5 + (w - 1) / 2:
        return 255
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(
    ("centre", "width"), [(1000, 800), (2048, 4096), (40, 400), (0.5, 1), (1000.5, 333.3), (500, 2), (5000, 100)]
)
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (1, -1024), (-1.5, 3000), (0.37, -12.5)])
def test_every_window_is_the_formula_of_the_standard(
    function: str, centre: float, width: float, slope: float, intercept: float
) -> None:
    window = Window(centre, width, function)  # type: ignore[arg-type]
    seen = levels(EVERY_12_BIT, Greyscale(Rescale(slope, intercept), window))
    expected = [by_the_standard(slope * value + intercept, window) for value in range(4096)]
    assert np.abs(seen.ravel() - np.array(expected)).max() <= 0.5 + 1e-9


def test_linear_of_width_1_is_a_threshold() -> None:
    seen = shade(np.array([99, 100, 101], np.uint16), Greyscale(voi=Window(100.5, 1)))
    assert seen.tolist() == [0, 0, 255]


def test_inversion_comes_after_the_window() -> None:
    grey = Greyscale(Rescale(), Window(1000, 800))
    upright, inverted = (
        levels(EVERY_12_BIT, grey),
        levels(EVERY_12_BIT, Greyscale(grey.modality, grey.voi, inverted=True)),
    )
    assert np.array_equal(inverted, 255 - upright)
    assert (inverted.ravel()[0], inverted.ravel()[-1]) == (255, 0)


def test_padding_is_black_whichever_way_up_the_picture_is() -> None:
    for inverted in (False, True):
        grey = Greyscale(Rescale(), Window(1000, 800), inverted=inverted, padding=(4000, 4095))
        assert not levels(EVERY_12_BIT, grey).ravel()[4000:].any()


def test_a_lut_holds_its_ends_beyond_its_inputs() -> None:
    table = Lut(10, np.array([5, 6, 7], np.uint16), 8)
    assert modality(np.array([0, 10, 11, 12, 500]), table).tolist() == [5, 5, 6, 7, 7]


def test_a_voi_lut_reaches_white_at_the_largest_value_of_its_bits() -> None:
    table = Lut(0, np.array([0, 2048, 4095], np.uint16), 12)
    assert shade(np.array([0, 1, 2], np.uint8), Greyscale(voi=table)).tolist() == [0, 128, 255]


def test_signed_values_go_through_the_table_as_through_the_formula() -> None:
    signed = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
    grey = Greyscale(Rescale(1, -24), Window(40, 400))
    assert np.array_equal(levels(signed, grey), shade(signed, grey))


def test_a_real_valued_frame_with_nan_still_shows() -> None:
    values = np.array([[0.0, np.nan], [1.0, np.inf]])
    seen = levels(values, Greyscale(voi=Window(0.5, 1, "LINEAR_EXACT")))
    assert seen.tolist() == [[0, 0], [255, 255]]


@given(
    centre=st.floats(-5000, 5000),
    width=st.floats(1, 10000),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    inverted=st.booleans(),
)
def test_brighter_values_are_never_darker(centre: float, width: float, function: str, *, inverted: bool) -> None:
    seen = levels(EVERY_12_BIT, Greyscale(Rescale(), Window(centre, width, function), inverted)).ravel().astype(int)  # type: ignore[arg-type]
    steps = np.diff(seen)
    assert (steps <= 0).all() if inverted else (steps >= 0).all()
