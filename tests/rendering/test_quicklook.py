"""Frames for the viewer in the parcel: exact while they fit, honest about what they lost when they do not."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rendering.errors import CannotShow
from rendering.frame import read_frame
from rendering.predict import bits, deflated, residuals
from rendering.quicklook import QuickFrame, QuickLook, QuickPlan, quick_look
from studies.synthetic import write_ct, write_document, write_report
from tests.fakes import dicom

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MUCH = 1 << 30


def undone(data: bytes, rows: int, columns: int) -> NDArray[np.int64]:
    """What the page does, pixel by pixel (delivery/viewer/src/pixels.js)."""
    planes = np.frombuffer(zlib.decompress(data, -15), np.uint8).reshape(2, rows, columns).astype(int)
    folded = planes[0] | planes[1] << 8
    cells = np.zeros((rows, columns), int)
    for y in range(rows):
        for x in range(columns):
            rest = folded[y, x] >> 1 ^ -(folded[y, x] & 1)
            cells[y, x] = (_guess(cells, y, x) + rest) & 0xFFFF
    return cells


def _guess(cells: NDArray[np.int64], y: int, x: int) -> int:
    if y == 0 or x == 0:
        return int(cells[y, x - 1] if x else cells[y - 1, x] if y else 0)
    left, above, corner = int(cells[y, x - 1]), int(cells[y - 1, x]), int(cells[y - 1, x - 1])
    return min(max(left + above - corner, min(left, above)), max(left, above))


def stored(frame: QuickFrame) -> tuple[dict[str, Any], NDArray[np.float64]]:
    about = json.loads(frame.about)
    return about, about["base"] + about["step"] * undone(frame.data, about["rows"], about["columns"])


@given(arrays.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_prediction_is_undone_without_loss(values: NDArray[np.uint16]) -> None:
    assert (undone(deflated(residuals(values)), *values.shape) == values).all()


def test_the_estimate_of_bits_is_near_what_deflate_needs() -> None:
    noise = np.random.default_rng(1).normal(1000, 12, (200, 300)).astype(np.uint16)
    rest = residuals(noise)
    assert bits(rest) == pytest.approx(8 * len(deflated(rest)) / noise.size, abs=0.6)


@pytest.mark.parametrize("signed", [0, 1])
def test_a_frame_with_room_is_exact(tmp_path: Path, signed: int) -> None:
    path = dicom.save(dicom.image(PixelRepresentation=signed), tmp_path / "one")
    [frame] = quick_look(QuickPlan(path, MUCH)).frames
    about, values = stored(frame)
    assert about["step"] == 1
    assert (values == read_frame(path).pixels).all()


def test_floating_point_and_wide_integers_keep_what_an_eye_can_see(tmp_path: Path) -> None:
    real = np.linspace(-1.5, 2.5, 48 * 40, dtype="<f4").reshape(48, 40)
    image = dicom.image(BitsAllocated=32, FloatPixelData=real.tobytes())
    del image.PixelData, image.BitsStored, image.HighBit, image.PixelRepresentation
    [frame] = quick_look(QuickPlan(dicom.save(image, tmp_path / "one"), MUCH)).frames
    assert np.abs(stored(frame)[1] - real).max() < 4 / 65535


@pytest.mark.parametrize("room", [100_000, 30_000, 12_000, 5_000, 2_000])
def test_a_frame_takes_no_more_than_its_room_and_says_what_it_lost(tmp_path: Path, room: int) -> None:
    path = write_ct(tmp_path, slices=1, rows=256)[0]
    [frame] = quick_look(QuickPlan(path, room)).frames
    about, values = stored(frame)
    assert len(frame.data) <= room
    assert about["size"] == [256, 256]
    assert about["spacing"] == [pytest.approx(400 / 256)] * 2
    k = 256 // about["rows"]
    whole = read_frame(path).pixels[: 256 // k * k, : 256 // k * k]
    means = whole.reshape(256 // k, k, 256 // k, k).mean(axis=(1, 3))
    assert np.abs(values - means).max() <= about["step"] / 2 + 1


def test_values_become_coarser_only_where_the_window_is_wide(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pixels = random.normal(1000, 40, (128, 128)).astype("<u2")
    for width, coarse in ((1500, True), (20, False)):
        image = dicom.image(Rows=128, Columns=128, WindowCenter=1000, WindowWidth=width, PixelData=pixels.tobytes())
        [frame] = quick_look(QuickPlan(dicom.save(image, tmp_path / "one"), 11_000)).frames
        assert (json.loads(frame.about)["step"] > 1) is coarse


def test_the_same_file_makes_the_same_bytes(tmp_path: Path) -> None:
    plan = QuickPlan(write_ct(tmp_path, slices=1, rows=128)[0], 8_000, thumbnail=True)
    assert quick_look(plan) == quick_look(plan)


def test_frames_come_in_portions_that_make_the_whole(tmp_path: Path) -> None:
    frames = (np.arange(45 * 48 * 40, dtype="<u2") % 4096).tobytes()
    path = dicom.save(dicom.image(NumberOfFrames=45, PixelData=frames), tmp_path / "film")
    plan = QuickPlan(path, MUCH, count=45, thumbnail=True)
    portions = [quick_look(one) for one in plan.portions()]
    joined = portions[0]
    for one in portions[1:]:
        joined = joined.followed_by(one)
    assert [len(one.frames) for one in portions] == [20, 20, 5]
    assert joined == quick_look(plan)


def test_colour_is_a_jpeg_within_its_room(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    image = dicom.image(Rows=64, Columns=64, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
                        BitsAllocated=8, BitsStored=8, HighBit=7, PixelData=pixels.tobytes())  # fmt: skip
    for room in (MUCH, 3_000):
        [frame] = quick_look(QuickPlan(dicom.save(image, tmp_path / "one"), room)).frames
        assert json.loads(frame.about)["coding"] == "jpeg"
        assert frame.data[:2] == b"\xff\xd8"
        assert len(frame.data) <= room


def test_documents_have_pages(tmp_path: Path) -> None:
    for write in (write_report, write_document):
        look = quick_look(QuickPlan(write(tmp_path), 0, thumbnail=True, pages=True))
        assert look.frames
        assert look.thumbnail[:2] == b"\xff\xd8"


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    path = dicom.save(dicom.image(PixelData=b"\0" * 10), tmp_path / "one")
    with pytest.raises(CannotShow):
        quick_look(QuickPlan(path, MUCH))


def test_portions_of_one_frame_are_the_plan_itself(tmp_path: Path) -> None:
    plan = QuickPlan(tmp_path, 1, thumbnail=True)
    assert list(plan.portions()) == [plan]
    assert QuickLook(()).followed_by(QuickLook((QuickFrame("", b""),))) == replace(
        QuickLook(()), frames=(QuickFrame("", b""),)
    )
