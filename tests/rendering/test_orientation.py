"""Orientation letters: right by the geometry, or not there at all. Hazard: the wrong side is operated on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from rendering.frame import read_frame
from rendering.orientation import Orientation, orientation
from tests.rendering import states

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPPOSITE = dict(zip("RLAPHF", "LRPAFH", strict=True))
#: Quaternions.
ROTATIONS = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(x * x for x in q) > 0.1)


def said(**attributes: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    return data_set


def edges(found: Orientation | None) -> str:
    return "" if found is None else f"{found.left} {found.top} {found.right} {found.bottom}"


@pytest.mark.parametrize(
    ("plane", "letters"),
    [
        ([1, 0, 0, 0, 1, 0], "R A L P"),
        ([1, 0, 0, 0, 0, -1], "R H L F"),
        ([0, 1, 0, 0, 0, -1], "A H P F"),
        ([0, -1, 0, 0, 0, -1], "P H A F"),
        ([-1, 0, 0, 0, 1, 0], "L A R P"),
        ([1, 0, 0, 0, 0.94, -0.34], "R AH L PF"),
        ([0.7071, 0.7071, 0, -0.7071, 0.7071, 0], "RA LA LP RP"),
        ([0.99, 0.14, 0, -0.14, 0.99, 0], "R A L P"),
    ],
    ids=["axial", "coronal", "sagittal", "from behind", "mirrored", "tilted", "half way", "a little askew"],
)
def test_letters_follow_from_the_direction_of_rows_and_columns(plane: list[float], letters: str) -> None:
    assert edges(orientation(said(ImageOrientationPatient=plane), 0)) == letters


@pytest.mark.parametrize(
    ("value", "letters"),
    [
        (["L", "F"], "R H L F"),
        (["A", "FR"], "P HL A FR"),
        (["P", "H"], "A F P H"),
        (["L"], ""),
        ("L", ""),
        (["L", "R"], ""),
        (["L", "L"], ""),
        (["LR", "F"], ""),
        (["AA", "F"], ""),
        (["X", "F"], ""),
        (["", ""], ""),
        (["L", "F", "A"], ""),
    ],
)
def test_a_projection_is_as_its_header_says_or_has_no_letters(value: Any, letters: str) -> None:
    assert edges(orientation(said(PatientOrientation=value), 0)) == letters


@pytest.mark.parametrize(
    "plane",
    [
        [1, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [1, 0, 0, 1, 0, 0],
        [1, 0, 0, 0.5, 0.86, 0],
        [2, 0, 0, 0, 2, 0],
        [float("nan"), 0, 0, 0, 1, 0],
    ],
)
def test_a_plane_that_makes_no_sense_has_no_letters(plane: list[float]) -> None:
    given = said(PatientOrientation=["L", "F"])
    given.add_new("ImageOrientationPatient", "FD", plane)
    assert orientation(given, 0) is None


def test_the_geometry_comes_before_what_somebody_chose() -> None:
    both = said(ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PatientOrientation=["A", "F"])
    assert edges(orientation(both, 0)) == "R A L P"


def test_an_animal_has_other_letters_and_gets_none() -> None:
    assert orientation(said(PatientOrientation=["L", "F"], AnatomicalOrientationType="QUADRUPED"), 0) is None


def test_each_frame_has_its_own() -> None:
    planes = ([1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1])
    groups = [said(PlaneOrientationSequence=[said(ImageOrientationPatient=plane)]) for plane in planes]
    several = said(PerFrameFunctionalGroupsSequence=groups)
    assert [edges(orientation(several, frame)) for frame in (0, 1)] == ["R A L P", "A H P F"]


@given(ROTATIONS, st.integers(0, 3), st.booleans())
def test_turning_a_picture_turns_its_letters(quaternion: tuple[float, ...], turns: int, flipped: bool) -> None:  # noqa: FBT001
    """Judged by the geometry of the turned picture."""
    across, down, _ = rotation(*quaternion)
    found = orientation(said(ImageOrientationPatient=[*across, *down]), 0)
    assert found is not None
    for _ in range(turns):
        across, down = -down, across
    across = -across if flipped else across
    assert found.turned(turns, flipped=flipped) == orientation(said(ImageOrientationPatient=[*across, *down]), 0)


@given(ROTATIONS)
def test_every_direction_has_a_letter_and_the_opposite_edge_its_opposite(quaternion: tuple[float, ...]) -> None:
    across, down, _ = rotation(*quaternion)
    found = orientation(said(ImageOrientationPatient=[*across, *down]), 0)
    assert found is not None
    for one, other in ((found.left, found.right), (found.top, found.bottom)):
        assert one
        assert "".join(map(OPPOSITE.__getitem__, one)) == other


@pytest.mark.parametrize(
    ("turns", "flip", "letters"),
    [(0, "N", "R H L F"), (90, "N", "F R H L"), (180, "N", "L F R H"), (0, "Y", "L H R F")],
)
def test_a_presentation_state_turns_the_letters_with_the_picture(
    turns: int, flip: str, letters: str, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    pixels = np.zeros((40, 30), np.uint8)
    shown = image(pixels, PatientOrientation=["L", "F"])
    state = states.make_state(shown, ImageRotation=turns, ImageHorizontalFlip=flip)
    assert edges(read_frame(written(shown), state=state).orientation) == letters


def rotation(w: float, x: float, y: float, z: float) -> np.ndarray[Any, Any]:
    w, x, y, z = np.array([w, x, y, z]) / np.linalg.norm([w, x, y, z])
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    ).T
