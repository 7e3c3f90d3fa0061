from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering.errors import CannotShow
from rendering.frame import Frame
from rendering.look import CLOSEST, Look, window_words
from rendering.montage import shown
from rendering.presets import NAMES, Part, preset
from rendering.shutter import Shutter
from rendering.window import Greyscale, Lut, Rescale, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
HOUNSFIELD = Greyscale(Rescale(1, -1024), Window(40, 400))


def frame(pixels: NDArray[Any] = RAMP, grey: Greyscale | None = HOUNSFIELD, **more: Any) -> Frame:
    return Frame(pixels, grey, 1.0, None, **more)


def seen(one: Frame) -> NDArray[np.uint8]:
    return np.asarray(shown(one))


@pytest.mark.parametrize(
    ("name", "part", "width", "centre"),
    [
        ("bone", "ANKLE", 1800, 400),
        ("bone", "HEAD", 2800, 600),
        ("lung", "CHEST", 1500, -600),
        ("soft", "CHEST", 350, 50),
        ("soft", "NECK", 350, 40),
        ("soft", "LSPINE", 250, 50),
        ("soft", "", 400, 50),
        ("brain", "HEAD", 80, 40),
        ("abdomen", "ABDOMEN", 400, 50),
    ],
)
def test_windows_of_ct_go_by_the_part_of_the_body(name: str, part: str, width: float, centre: float) -> None:
    assert preset(name, "CT", part) == Window(centre, width)


@pytest.mark.parametrize("modality", ["MR", "US", "PT", "NM", "SC", ""])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_means_nothing_where_values_have_no_unit(modality: str, name: str) -> None:
    assert preset(name, modality, "HEAD") is None


@pytest.mark.parametrize("name", ["brain", "abdomen"])
def test_a_radiograph_has_no_window_of_an_organ_that_it_does_not_separate(name: str) -> None:
    assert preset(name, "DX", "ABDOMEN") is None


def test_a_window_replaces_the_one_of_the_header() -> None:
    lung = Look(Window(-600, 1500)).applied(frame())
    assert (seen(lung) == seen(frame(grey=Greyscale(Rescale(1, -1024), Window(-600, 1500))))).all()


@pytest.mark.parametrize("inverted", [False, True])
def test_bone_of_a_radiograph_shows_more_levels_of_what_is_bright_whichever_way_up_it_is(inverted: bool) -> None:  # noqa: FBT001
    own = frame(grey=Greyscale(voi=Window(2048, 4096), inverted=inverted))
    before, after = seen(own), seen(Look(preset("bone", "DX", "ANKLE")).applied(own))
    bright, dark = before > 128, before < 64
    assert len(np.unique(after[bright])) > len(np.unique(before[bright]))
    assert (after[dark] == 0).all()
    order = np.argsort(before.ravel(), kind="stable")
    assert (np.diff(after.ravel()[order].astype(int))[np.diff(before.ravel()[order]) > 0] >= 0).all()


def test_a_part_of_a_curve_is_a_part_of_its_inputs() -> None:
    curve = Lut(100, np.arange(1001, dtype=np.uint16), 10)
    assert Part(0.5, 1.0).of(Greyscale(voi=curve)) == Window(850, 500, "LINEAR_EXACT")


def test_a_part_keeps_the_function_of_the_window() -> None:
    assert Part(0.0, 0.5).of(Greyscale(voi=Window(100, 200, "SIGMOID"))) == Window(50, 100, "SIGMOID")


def test_inverted_exchanges_black_and_white_and_leaves_padding_black() -> None:
    grey = replace(HOUNSFIELD, padding=(0, 9))
    plain, turned = frame(grey=grey), Look(inverted=True).applied(frame(grey=grey))
    assert (seen(turned)[RAMP > 9] == 255 - seen(plain)[RAMP > 9]).all()
    assert (seen(turned)[RAMP <= 9] == 0).all()
    assert (seen(Look(inverted=True).applied(turned)) == seen(plain)).all()


def test_a_zoom_shows_native_pixels_around_its_centre() -> None:
    part = Look(zoom=4, centre=(0.75, 0.25)).applied(frame())
    assert (part.pixels == RAMP[8:24, 40:56]).all()


@given(st.integers(1, 70), st.integers(1, 70), st.floats(1, CLOSEST), st.floats(0, 1), st.floats(0, 1))
def test_a_zoom_never_leaves_the_picture(rows: int, columns: int, zoom: float, x: float, y: float) -> None:
    pixels = np.arange(rows * columns, dtype=np.uint16).reshape(rows, columns)
    part = Look(zoom=zoom, centre=(x, y)).applied(frame(pixels)).pixels
    assert part.shape == (max(1, round(rows / zoom)), max(1, round(columns / zoom)))
    assert np.isin(part, pixels).all()


def test_what_lies_over_a_frame_is_cut_with_it() -> None:
    mask = RAMP % 7 == 0
    whole = frame(blank=mask, graphics=~mask, shutter=Shutter(mask, 9))
    part = Look(zoom=2).applied(whole)
    inside = mask[16:48, 16:48]
    assert (part.blank == inside).all()
    assert (part.graphics == ~inside).all()
    assert part.shutter is not None
    assert (part.shutter.covered == inside).all()


def test_a_window_that_comes_from_the_pixels_does_not_change_as_one_moves_about() -> None:
    uneven = np.vstack([RAMP[:32] // 16, RAMP[32:]])
    plain = frame(uneven, Greyscale())
    whole = seen(Look(zoom=1.0001).applied(plain))
    corner = seen(Look(zoom=2, centre=(0, 0)).applied(plain))
    assert (corner == whole[:32, :32]).all()


@pytest.mark.parametrize("look", [Look(Window(40, 400)), Look(inverted=True), Look(Part(0, 1))])
def test_colour_has_no_window_and_says_so(look: Look) -> None:
    with pytest.raises(CannotShow) as error:
        look.applied(frame(np.zeros((4, 4, 3), np.uint8), None))
    assert error.value.code == "P40"


def test_colour_can_be_enlarged() -> None:
    assert Look(zoom=2).applied(frame(np.zeros((4, 6, 3), np.uint8), None)).pixels.shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("voi", "words"),
    [(Window(40, 400), "W 400 C 40"), (Window(-600.4, 1500), "W 1500 C -600.4"), (None, ""), (Lut(0, RAMP[0], 8), "")],
)
def test_a_window_is_said_in_numbers_that_can_be_typed_again(voi: Window | Lut | None, words: str) -> None:
    assert window_words(Greyscale(voi=voi)) == words
