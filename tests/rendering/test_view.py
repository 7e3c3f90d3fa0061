from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import UltrasoundMultiFrameImageStorage

from rendering import cine
from rendering.errors import CannotShow
from rendering.look import Look
from rendering.preview import PreviewPlan, Tile, render
from rendering.view import FULL_BYTES, ZOOMED_BYTES, ViewPlan, view
from rendering.window import Window
from tests.rendering.conftest import make_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from rendering.preview import Preview

NOISE = np.random.default_rng(7)


def plan(*tiles: Tile, caption: str = "Ankle") -> PreviewPlan:
    return PreviewPlan("view/1", tiles, caption, "Ankle. Preview, not for primary interpretation.")


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(data_set: Dataset) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        data_set.save_as(path, enforce_file_format=True)
        return path

    return write


def moving(frames: NDArray[np.uint8], **more: Any) -> Dataset:
    """Frames x rows x columns (x 3) as one object."""
    made = make_image(frames[0], **more)
    made.SOPClassUID, made.NumberOfFrames, made.PixelData = (
        UltrasoundMultiFrameImageStorage,
        len(frames),
        frames.tobytes(),
    )
    return made


def opened(made: Preview) -> Image.Image:
    image = Image.open(io.BytesIO(made.data))
    assert image.size == (made.width, made.height)
    return image


def clip(path: Path, count: int, look: Look | None = None) -> Preview:
    tiles = [Tile(path, number, str(number + 1)) for number in range(count)]
    return view(ViewPlan(plan(*tiles), look or Look(), clip=True))


def frames_of(made: Preview) -> list[NDArray[np.uint8]]:
    image = opened(made)
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        found.append(np.asarray(image.convert("RGB")))
    return found


def test_full_has_every_pixel_as_it_is_seen_without_loss(file: Callable[..., Path]) -> None:
    pixels = NOISE.integers(0, 4096, (300, 200)).astype("<u2")
    path = file(make_image(pixels, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096))
    made = view(ViewPlan(plan(Tile(path)), Look(full=True)))
    assert made.mimetype == "image/png"
    seen = np.asarray(opened(made).convert("L"))
    expected = np.floor((pixels.astype(float) - 2047.5) / 4095 * 255 + 128).clip(0, 255)
    left = (seen.shape[1] - 200) // 2
    inner = seen[60:240, left + 60 : left + 140].astype(int)
    assert np.abs(inner - expected[60:240, 60:140]).max() <= 1


def test_full_that_is_too_large_for_a_message_says_so(
    file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(make_image(NOISE.integers(0, 256, (300, 300)).astype("u1")))
    monkeypatch.setattr("rendering.view.FULL_BYTES", 10_000)
    assert FULL_BYTES == 30_000_000
    with pytest.raises(CannotShow) as error:
        view(ViewPlan(plan(Tile(path)), Look(full=True)))
    assert error.value.code == "P41"


def test_a_zoom_has_the_native_pixels_of_its_part(file: Callable[..., Path]) -> None:
    """A preview of this radiograph has fewer pixels than it: its zoom has them all."""
    pixels = np.kron(NOISE.integers(0, 2, (1200, 1000)), np.ones((2, 2))).astype("u1") * 255
    path = file(make_image(pixels))
    made = view(ViewPlan(plan(Tile(path)), Look(zoom=2)))
    assert len(made.data) <= ZOOMED_BYTES
    assert made.width >= 1000
    seen = np.asarray(opened(made).convert("L")).astype(int)
    left = (seen.shape[1] - 1000) // 2
    inner = seen[500:700, left + 400 : left + 600]
    expected = pixels[1100:1300, 900:1100]
    assert ((inner > 128) == (expected > 128)).mean() > 0.99


def test_a_look_holds_for_every_tile_of_a_sheet(file: Callable[..., Path]) -> None:
    path = file(make_image(np.full((64, 64), 100, "<u2"), WindowCenter=100, WindowWidth=200))
    dark = view(ViewPlan(plan(*[Tile(path)] * 4), Look(Window(900, 100))))
    plain = render(plan(*[Tile(path)] * 4))
    assert np.asarray(opened(dark))[20, 20] < 20 < np.asarray(opened(plain))[20, 20]


def test_the_caption_says_the_window_that_was_used(file: Callable[..., Path]) -> None:
    path = file(make_image(np.arange(4096, dtype="<u2").reshape(64, 64), WindowCenter=40, WindowWidth=400))
    assert view(ViewPlan(plan(Tile(path)))).caption == "Ankle · W 400 C 40"
    assert view(ViewPlan(plan(Tile(path)), Look(Window(-600, 1500)))).caption == "Ankle · W 1500 C -600"


@pytest.mark.parametrize("look", [Look(), Look(zoom=2), Look(full=True)])
def test_a_damaged_file_is_a_sentence(file: Callable[..., Path], look: Look) -> None:
    broken = make_image(np.zeros((64, 64), "<u2"))
    broken.PixelData = broken.PixelData[:100]
    path = file(broken)
    with pytest.raises(CannotShow):
        view(ViewPlan(plan(Tile(path)), look))
    with pytest.raises(CannotShow):
        view(ViewPlan(plan(Tile(path), Tile(path)), look, clip=True))


# Clips


def test_a_clip_shows_frame_after_frame_and_its_poster_is_still(file: Callable[..., Path]) -> None:
    frames = np.repeat(np.arange(10, 250, 30, dtype="u1"), 200 * 200).reshape(8, 200, 200)
    made = clip(file(moving(frames)), 8)
    levels = [int(one[one.shape[0] // 3, one.shape[1] // 2, 0]) for one in frames_of(made)]
    assert levels == [10, 40, 70, 100, 130, 160, 190, 220]
    poster = Image.open(io.BytesIO(made.thumbnail))
    assert (made.mimetype, poster.format, getattr(poster, "n_frames", 1)) == ("image/gif", "JPEG", 1)


def test_one_damaged_frame_costs_itself_alone(file: Callable[..., Path]) -> None:
    frames = np.repeat(np.arange(10, 250, 30, dtype="u1"), 200 * 200).reshape(8, 200, 200)
    short = moving(frames)
    short.PixelData = short.PixelData[: 5 * 200 * 200]
    assert len(frames_of(clip(file(short), 8))) == 5


@pytest.mark.parametrize(
    ("said", "milliseconds"),
    [
        ({"FrameTime": 50}, 50),
        ({"CineRate": 25}, 40),
        ({"RecommendedDisplayFrameRate": 10}, 100),
        ({"FrameTime": 0}, cine.PAUSE),
        ({"FrameTime": 1}, cine.FASTEST),
        ({"FrameTime": 60_000}, cine.SLOWEST),
        ({}, cine.PAUSE),
    ],
)
def test_a_clip_runs_as_fast_as_it_was_recorded(
    file: Callable[..., Path], said: dict[str, Any], milliseconds: float
) -> None:
    frames = np.zeros((8, 32, 32), "u1")
    assert cine.pause(file(moving(frames, **said)), 8, 8) == milliseconds


def test_frames_that_are_left_out_are_waited_for(file: Callable[..., Path]) -> None:
    assert cine.pause(file(moving(np.zeros((8, 32, 32), "u1"), FrameTime=50)), 8, 4) == 100


def test_flow_that_lights_up_in_one_frame_keeps_its_colour(file: Callable[..., Path]) -> None:
    """Hazard: a table of colours made of other frames would show red flow as grey."""
    grey = np.repeat(NOISE.integers(0, 200, (40, 200, 200, 1)), 3, axis=3).astype("u1")
    grey[17, 60:70, 90:110] = (230, 30, 20)
    grey[23, 60:70, 90:110] = (20, 30, 230)
    made = frames_of(clip(file(moving(grey)), 40))
    place = (made[0].shape[1] * 65 // 200, made[0].shape[1] // 2)
    red, blue = made[17][place].astype(int), made[23][place].astype(int)
    assert red[0] - max(red[1], red[2]) > 120
    assert blue[2] - max(blue[0], blue[1]) > 120


def test_a_clip_of_noise_keeps_within_its_bytes(file: Callable[..., Path]) -> None:
    frames = NOISE.integers(0, 256, (60, 512, 512)).astype("u1")
    made = clip(file(moving(frames)), 60)
    assert len(made.data) < 1.3 * cine.MOST_BYTES
    assert max(made.width, made.height) >= 256


def test_a_window_that_nobody_gave_is_one_for_the_whole_clip(file: Callable[..., Path]) -> None:
    """Frame by frame it would flicker: contrast medium that comes in would darken everything else."""
    frames = np.tile(np.arange(200, dtype="<u2") * 4 + 100, (6, 200, 1))
    frames[3:, 40:60, 40:60] = 4000
    made = make_image(frames[0], BitsStored=12, HighBit=11)
    made.NumberOfFrames, made.PixelData = 6, frames.tobytes()
    shown = frames_of(clip(file(made), 6))
    assert np.abs(shown[0][400].astype(int) - shown[5][400].astype(int)).max() <= 2


def test_slices_of_other_shapes_are_fitted_in(file: Callable[..., Path]) -> None:
    first, second = file(make_image(np.full((100, 100), 200, "u1"))), file(make_image(np.full((50, 100), 200, "u1")))
    made = view(ViewPlan(plan(Tile(first), Tile(second)), clip=True))
    assert len(frames_of(made)) == 2
