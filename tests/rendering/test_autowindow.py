"""The window for frames whose header has none: what is not tissue must not decide the contrast of what is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering.autowindow import default_window, together, windowed
from rendering.frame import read_frame
from rendering.window import Greyscale, Rescale, Window, levels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

SIZE = 400
NOISE = np.random.default_rng(11)
#: Soft tissue and bone of a limb: broad, without gaps, and with the noise of a detector.
DOWN, ACROSS = np.mgrid[0:SIZE, 0:SIZE] / SIZE
TISSUE = 1000 + 1400 * np.sin(np.pi * ACROSS) + 500 * np.cos(9 * DOWN) ** 2 + NOISE.normal(0, 20, (SIZE, SIZE))
HIGH = np.quantile(TISSUE, 0.995)


def metal(pixels: Any) -> None:
    """A hip stem: a twelfth of the picture, four times as bright as bone."""
    pixels[60:360, 150:195] = 12_000 + NOISE.normal(0, 300, (300, 45))


def noisy_collimator(pixels: Any) -> None:
    """Leaves that let through next to nothing: a third of the picture."""
    pixels[:70] = NOISE.normal(40, 8, (70, SIZE))
    pixels[-70:] = NOISE.normal(40, 8, (70, SIZE))


def white_border(pixels: Any) -> None:
    """Behind the leaves everything is at the upper end."""
    pixels[:, :60] = pixels[:, -60:] = 16_383


def undeclared_padding(pixels: Any) -> None:
    pixels[(DOWN - 0.5) ** 2 + (ACROSS - 0.5) ** 2 > 0.22] = 0


def direct_exposure(pixels: Any) -> None:
    """No patient there: the detector is saturated."""
    pixels[:120, :120] = 4_095


def text(pixels: Any) -> None:
    """Letters burnt in at the highest value."""
    pixels[5:35, 10:200:2] = 16_383


DISTURBANCES = [metal, noisy_collimator, white_border, undeclared_padding, direct_exposure, text]
COMBINED = [[one] for one in DISTURBANCES] + [
    [metal, text],
    [white_border, text],
    [noisy_collimator, text],
    [undeclared_padding, metal],
    [undeclared_padding, text],
    [noisy_collimator, white_border],
]


def disturbed(*disturbances: Any) -> np.ndarray[Any, Any]:
    pixels = TISSUE.copy()
    for one in disturbances:
        one(pixels)
    return pixels.clip(0, 16_383).astype(np.uint16)


@pytest.mark.parametrize("disturbances", COMBINED, ids=lambda some: ", ".join(one.__name__ for one in some))
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (1, -1024), (-2, 500)])
def test_tissue_keeps_its_contrast_whatever_lies_beside_it(
    disturbances: list[Any], slope: float, intercept: float
) -> None:
    pixels, undisturbed = disturbed(*disturbances), disturbed()
    tissue = pixels[pixels == undisturbed]
    grey = windowed(pixels, Greyscale(Rescale(slope, intercept)))
    seen = levels(tissue, grey).astype(int)
    # At least half of the greys are the tissue's, and next to nothing of it is clipped.
    assert np.subtract(*np.quantile(seen, (0.995, 0.005))) >= 128
    assert ((seen == 0) | (seen == 255)).mean() < 0.03


def test_air_around_a_patient_leaves_the_window_to_the_patient() -> None:
    slice_ = np.where((DOWN - 0.5) ** 2 + (ACROSS - 0.5) ** 2 < 0.15, NOISE.normal(40, 60, (SIZE, SIZE)), -1000)
    slice_ += NOISE.normal(0, 12, (SIZE, SIZE))
    window = default_window(slice_.astype(np.int16), Greyscale())
    assert -250 < window.centre - window.width / 2 < window.centre + window.width / 2 < 350


def test_lungs_stay_visible_beside_soft_tissue_and_bone() -> None:
    parts = [NOISE.normal(mean, sd, count) for mean, sd, count in [(-870, 60, 50_000), (40, 40, 80_000)]]
    vessels, bone = NOISE.uniform(-800, 0, 12_000), NOISE.uniform(100, 1100, 18_000)
    window = default_window(np.concatenate([*parts, vessels, bone]).reshape(400, 400).astype(np.int16), Greyscale())
    assert window.centre - window.width / 2 < -900
    assert window.centre + window.width / 2 > 800


def test_hot_spots_on_a_quiet_ground_are_not_taken_for_metal() -> None:
    """PET and angiograms: the few bright pixels are the finding."""
    picture = NOISE.exponential(40, (SIZE, SIZE))
    picture[100:160, 100:160] = NOISE.uniform(100, 3000, (60, 60))
    window = default_window(picture.astype(np.uint16), Greyscale())
    assert window.centre + window.width / 2 > 2000


def test_declared_padding_is_counted_nowhere() -> None:
    pixels = disturbed()
    pixels[:200] = 5000 + (np.arange(SIZE) % 7).astype(np.uint16)
    window = default_window(pixels, Greyscale(padding=(5000, 5006)))
    assert window.centre + window.width / 2 == pytest.approx(HIGH, rel=0.1)


@pytest.mark.parametrize("values", [[7], [0, 1], [0, 0, 0, 255], list(range(10))])
def test_a_mask_of_a_few_values_is_shown_from_lowest_to_highest(values: list[int]) -> None:
    mask = np.resize(np.array(values, np.uint16), (20, 20))
    seen = levels(mask, windowed(mask, Greyscale()))
    assert len(set(values)) == 1 or (seen.min(), seen.max()) == (0, 255)


def test_a_window_that_is_given_stays() -> None:
    grey = Greyscale(voi=Window(1, 2))
    assert windowed(disturbed(), grey) is grey


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf], [1.5, np.nan, 1.5]])
def test_frames_of_which_nothing_is_left_still_have_a_window(values: list[float]) -> None:
    window = default_window(np.array(values).reshape(1, -1), Greyscale())
    assert np.isfinite((window.centre, window.width)).all()
    assert window.width > 0


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=300), st.sampled_from([1, -1, 0.01, 1000]))
def test_any_frame_has_a_window_within_its_own_values(values: list[int], slope: float) -> None:
    pixels = np.array([values], np.int16)
    window = default_window(pixels, Greyscale(Rescale(slope)))
    ends = sorted(slope * value for value in (min(values), max(values)))
    assert window.width > 0
    slack = 1e-6 * (1 + max(map(abs, ends)))
    assert ends[0] - 1 - slack <= window.centre - window.width / 2
    assert window.centre + window.width / 2 <= ends[1] + 1 + slack


@pytest.mark.parametrize(
    ("part", "window"),
    [
        ("HEAD", (40, 80)),
        ("BRAIN", (40, 80)),
        ("CHEST", (50, 350)),
        ("ABDOMEN", (50, 400)),
        ("", (50, 400)),
        ("ANKLE", (400, 1800)),
        ("CSPINE", (400, 1800)),
        ("SINUS", (600, 2800)),
    ],
)
def test_a_ct_without_a_window_is_opened_as_a_radiologist_would(
    part: str, window: tuple[float, float], image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    # Hazard: the whole range of a head, from air to tooth, shows no brain.
    head = np.where((DOWN - 0.5) ** 2 + (ACROSS - 0.5) ** 2 < 0.15, NOISE.normal(1064, 60, (SIZE, SIZE)), 24)
    ds = image(head.astype(np.uint16), Modality="CT", BodyPartExamined=part, RescaleIntercept=-1024, RescaleSlope=1)
    grey = read_frame(written(ds)).grey
    assert grey
    voi = windowed(head.astype(np.uint16), grey).voi
    assert isinstance(voi, Window)
    assert (voi.centre, voi.width) == window


@pytest.mark.parametrize(
    "given_values",
    [
        {"Modality": "CT", "RescaleIntercept": 0},
        {"Modality": "MR", "RescaleIntercept": -1024},
        {"Modality": "CT", "RescaleIntercept": -1024, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        {"Modality": "CT", "RescaleIntercept": -1024, "WindowCenter": 7, "WindowWidth": 9},
    ],
    ids=["no Hounsfield units", "no CT", "localiser", "a window of its own"],
)
def test_what_is_not_in_hounsfield_units_or_has_a_window_has_no_usual_one(
    given_values: dict[str, Any], image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    grey = read_frame(written(image(disturbed(), RescaleSlope=1, BodyPartExamined="HEAD", **given_values))).grey
    assert grey
    assert grey.usual is None


def test_a_usual_window_that_would_show_nothing_is_not_used() -> None:
    grey = Greyscale(Rescale(1, 3000), usual=Window(40, 80))
    assert default_window(disturbed(), grey) != Window(40, 80)


def test_frames_side_by_side_share_one_window_unless_they_have_their_own() -> None:
    dark, bright = disturbed() // 4, disturbed()
    own = Greyscale(voi=Window(7, 9))
    first, second, third = together([(dark, Greyscale()), (bright, Greyscale()), (bright, own)])
    assert first.voi == second.voi
    assert third is own
    assert levels(dark, first).mean() < levels(bright, second).mean()
