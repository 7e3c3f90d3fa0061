from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread

from rendering import said as memory
from rendering.frame import read_frame
from rendering.header import opened
from rendering.said import said
from studies.synthetic import write_ct

if TYPE_CHECKING:
    from pathlib import Path

    from rendering.said import Said

CHANGES: list[dict[str, Any]] = [
    {"WindowCenter": [41, -600]},
    {"RescaleIntercept": -1000},
    {"PhotometricInterpretation": "MONOCHROME1"},
    {"PresentationLUTShape": "INVERSE"},
    {"PixelSpacing": [0.5, 0.5]},
    {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
    {"BitsStored": 12, "HighBit": 11},
    {"LossyImageCompression": "01", "LossyImageCompressionRatio": 12},
    {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [8, 8], "RadiusOfCircularShutter": 4},
    {"Rows": 8},
    {"PixelRepresentation": 0},
]


@pytest.fixture
def slices(tmp_path: Path) -> list[Path]:
    return write_ct(tmp_path, slices=3, rows=16)


def of(path: Path, *, afresh: bool = False) -> Said:
    if afresh:
        memory._last = None
    with opened(path) as header:
        return said(header, 0)


def test_what_slices_have_in_common_is_worked_out_once(slices: list[Path]) -> None:
    first = of(slices[0], afresh=True)
    assert all(of(path) is first for path in slices)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_whatever_a_slice_says_differently_is_noticed(slices: list[Path], change: dict[str, Any]) -> None:
    """Hazard: a slice with the window, the scale or the side of its neighbour."""
    data_set = dcmread(slices[1])
    for keyword, value in change.items():
        setattr(data_set, keyword, value)
    data_set.save_as(slices[1])
    for path in (slices[0], slices[1], slices[2]):
        of(path)
    before, changed, after = of(slices[0], afresh=True), of(slices[1]), of(slices[2])
    assert _words(changed) == _words(of(slices[1], afresh=True))
    assert _words(changed) != _words(before)
    assert _words(after) == _words(before)


def test_an_element_that_is_taken_away_is_noticed(slices: list[Path]) -> None:
    data_set = dcmread(slices[1])
    del data_set.WindowCenter
    data_set.save_as(slices[1])
    assert of(slices[0], afresh=True).grey != of(slices[1]).grey
    assert of(slices[0]).grey != of(slices[1]).grey


def test_pixels_are_never_remembered(slices: list[Path]) -> None:
    first, second = (read_frame(path).pixels for path in slices[:2])
    assert not np.array_equal(first, second)


def _words(one: Said) -> str:
    return repr(one)
