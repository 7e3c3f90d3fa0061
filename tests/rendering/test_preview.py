"""The finished picture: what the room's clients need of it, within its limits."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

import blurhash_rs
import numpy as np
import pytest
from PIL import Image

from rendering.annotate import Bar, bar, captioned, room, text_size
from rendering.errors import CannotShow
from rendering.frame import read_frame
from rendering.letters import font
from rendering.montage import shown
from rendering.orientation import Orientation
from rendering.preview import (
    LONG_EDGE,
    MAXIMUM_BYTES,
    THUMBNAIL_BYTES,
    THUMBNAIL_EDGE,
    Preview,
    PreviewPlan,
    Tile,
    pictured,
    render,
)
from rendering.safely import guarded
from rendering.spacing import Plane, Spacing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

AXIAL = Orientation("L", "P")
RAMP = np.linspace(0, 4095, 600 * 500).reshape(600, 500).astype(np.uint16)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["JPEG"])


def one(path: Path, caption: str = "Right ankle · AP") -> Preview:
    return render(PreviewPlan("view/1", (Tile(path),), caption, "An ankle."))


@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(0).integers(0, 4096, (2500, 2048), dtype=np.uint16),
        np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), dtype=np.uint8),
        np.zeros((1, 1), np.uint8),
        np.zeros((3, 900), np.uint8),
        np.zeros((900, 3), np.uint8),
    ],
    ids=["radiograph of noise", "colour noise", "one pixel", "very wide", "very tall"],
)
def test_every_preview_keeps_its_limits_and_tells_its_true_size(
    pixels: Any, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    preview = one(written(image(pixels)))
    picture, thumbnail = opened(preview.data), opened(preview.thumbnail)
    assert picture.size == (preview.width, preview.height)
    assert max(picture.size) <= LONG_EDGE
    assert len(preview.data) <= MAXIMUM_BYTES
    assert thumbnail.size == (preview.thumbnail_width, preview.thumbnail_height)
    assert max(thumbnail.size) <= THUMBNAIL_EDGE
    assert len(preview.thumbnail) <= THUMBNAIL_BYTES
    assert len(preview.blurhash) >= 6
    assert preview.alt_text == "An ankle."
    assert pickle.loads(pickle.dumps(preview)) == preview  # noqa: S301 our own


def test_the_caption_never_covers_the_picture(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    white = image(np.full((600, 500), 255, np.uint8), PixelSpacing=[0.15, 0.15])
    seen = np.asarray(opened(one(written(white)).data).convert("L"))
    assert (seen[:600] > 250).all()
    assert seen[604:].mean() < 60


@pytest.mark.parametrize(("photometric", "left_is_darker"), [("MONOCHROME2", True), ("MONOCHROME1", False)])
def test_the_picture_is_the_right_way_up(
    photometric: str, *, left_is_darker: bool, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    window = {"WindowCenter": 2048, "WindowWidth": 4096, "BitsStored": 12}
    preview = one(written(image(RAMP, PhotometricInterpretation=photometric, **window)))
    seen = np.asarray(opened(preview.data).convert("L")).astype(int)
    assert (seen[5].mean() < seen[590].mean()) == left_is_darker


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("shape", "first"), [("IDENTITY", 0), ("INVERSE", 255)])
def test_the_presentation_lut_shape_decides_the_polarity(
    photometric: str, shape: str, first: int, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    given = {"PhotometricInterpretation": photometric, "PresentationLUTShape": shape, "BitsStored": 12}
    seen = shown(read_frame(written(image(RAMP, **given, WindowCenter=2048, WindowWidth=4096))))
    assert np.asarray(seen)[0, 0] == first


@pytest.mark.parametrize(("spacing", "ratio"), [([1.0, 0.5], 1200 / 500), ([0.5, 1.0], 300 / 500)])
def test_pixels_that_are_not_square_are_shown_in_their_true_shape(
    spacing: list[float], ratio: float, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    white = image(np.full((600, 500), 255, np.uint8), PixelSpacing=spacing)
    seen = np.asarray(opened(one(written(white)).data).convert("L")) > 128
    height, width = seen[:, seen.shape[1] // 2].argmin(), seen[0].sum()
    assert height / width == pytest.approx(ratio, rel=0.02)


def test_a_sheet_with_a_bad_tile_says_so_and_shows_the_others(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path], tmp_path: Path
) -> None:
    good, bad = written(image(RAMP, BitsStored=12)), tmp_path / "bad"
    bad.write_bytes(b"nothing")
    plan = PreviewPlan("sheet/1", (Tile(good, 0, "1"), Tile(bad, 0, "2"), Tile(good, 0, "3")), "CT", "CT")
    assert render(plan).problems == ((1, "it holds no picture"),)


def test_a_sheet_without_any_picture_cannot_be_shown(tmp_path: Path) -> None:
    for tiles in ((), (Tile(tmp_path / "gone"), Tile(tmp_path / "gone"))):
        with pytest.raises(CannotShow):
            render(PreviewPlan("sheet/1", tiles))


@pytest.mark.parametrize("cut", range(0, 1500, 97))
def test_a_cut_file_is_refused_in_words_and_not_with_a_trace(
    cut: int, image: Callable[..., Dataset], written: Callable[[Dataset], Path], tmp_path: Path
) -> None:
    whole = written(image(RAMP[:20, :20], BitsStored=12)).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(whole[: min(cut, len(whole) - 1)])
    with pytest.raises(CannotShow):
        one(path)


def test_a_panic_in_rust_is_a_damaged_picture_and_an_interrupt_is_not() -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(CannotShow, match="P18"), guarded():
        raise panic
    with pytest.raises(KeyboardInterrupt), guarded():
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("spacing", "width", "text", "pixels"),
    [
        (Spacing(0.15, 0.15, Plane.DETECTOR), 2048, "5 cm at detector", 333),
        (Spacing(0.7, 0.7), 512, "10 cm", 143),
        (Spacing(0.01, 0.01), 800, "2 mm", 200),
    ],
)
def test_the_scale_bar_is_round_and_fits(spacing: Spacing, width: int, text: str, pixels: int) -> None:
    found = bar(spacing, width)
    assert found == Bar(pixels, text)


def test_no_spacing_means_no_bar() -> None:
    assert bar(None, 1000) is None
    assert bar(Spacing(900.0, 900.0), 100) is None


SIZES = [(1600, 900), (1600, 1600), (1180, 1448), (512, 512), (300, 1448), (40, 1448), (2560, 2000), (512, 100)]


@pytest.mark.parametrize("oriented", [AXIAL, None])
@pytest.mark.parametrize("size", SIZES)
def test_the_words_are_readable_on_a_phone(size: tuple[int, int], oriented: Orientation | None) -> None:
    whole = captioned(Image.new("L", size), "Right ankle · AP", Bar(120, "5 cm at detector"), oriented)
    # A phone shows a picture 360 points wide, and at most some 640 high; the warning is the smallest of the words.
    scale = min(360 / whole.width, 640 / whole.height)
    low, high = font(round(text_size(*size) * 0.84)).getbbox("P")[1::2]
    assert text_size(*size) * scale >= 13
    assert text_size(*size) * 0.84 * scale >= 11
    # Capitals of eleven points.
    assert (high - low) * scale >= 7.5


@pytest.mark.parametrize("edge", [LONG_EDGE, 2560])
@pytest.mark.parametrize("shape", [(4, 3), (1, 1), (3, 4), (2, 3)])
@pytest.mark.parametrize("oriented", [AXIAL, None])
def test_a_picture_leaves_room_for_what_stands_beside_it(
    edge: int, shape: tuple[int, int], oriented: Orientation | None
) -> None:
    wide, high = room(edge, oriented=oriented is not None)
    scale = min(wide / shape[0], high / shape[1])
    fitted = (round(shape[0] * scale), round(shape[1] * scale))
    assert max(captioned(Image.new("L", fitted), "Right ankle", None, oriented).size) <= edge


@pytest.mark.parametrize("state", ["L", "RGB"])
def test_orientation_letters_stand_beside_the_picture_and_never_over_it(state: str) -> None:
    white = Image.new(state, (600, 500), "white")
    whole = np.asarray(captioned(white, "CT head", None, AXIAL).convert("L"))
    left = whole.shape[1] - 600
    top = int((whole[:, -1] > 250).argmax())
    assert (whole[top : top + 500, left:] == 255).all()
    assert whole[: top + 500, : left - 1].max() == whole[:top, left:].max() == 240
    assert whole[: top // 3, : left // 3].max() == 0


def test_slices_of_one_stack_have_letters_once_and_of_several_planes_none(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    axial, other, sagittal = (
        written(image(RAMP, BitsStored=12, ImageOrientationPatient=plane))
        for plane in ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1])
    )
    for second, expected in ((other, AXIAL), (sagittal, None)):
        plan = PreviewPlan("sheet/1", (Tile(axial, 0, "1"), Tile(second, 0, "2")), "MR", "MR")
        assert pictured(plan)[0].orientation == expected


def test_the_ground_is_dark_in_the_picture_and_in_what_stands_for_it_meanwhile(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    black = image(np.zeros((600, 500), np.uint8), WindowCenter=128, WindowWidth=256)
    preview = one(written(black))
    for data in (preview.data, preview.thumbnail):
        assert np.asarray(opened(data)).mean() < 16
    # The first part of a blurhash after its size and its contrast is the mean colour.
    mean = blurhash_rs.blurhash_decode(preview.blurhash, 8, 8)
    assert np.asarray(mean).max() < 64
