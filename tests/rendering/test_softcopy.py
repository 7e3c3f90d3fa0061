"""Presentation states: pixel by pixel against dcmtk's, and the standard's words for the rest."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rendering.drawing import drawn
from rendering.frame import read_frame
from rendering.marks import MOST_MARKS, Line, Words, readable
from rendering.montage import shown
from tests.rendering import states

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

JUDGE = Path("/usr/bin/dcmp2pgm")
RAMP = np.arange(60 * 80, dtype=np.uint16).reshape(60, 80) % 4096
SIGNED = (RAMP.astype(np.int32) - 2048).astype(np.int16)
WINDOW = [states.window(1000, 800)]
CURVE = [int(4095 * (place / 1000) ** 2) for place in range(1001)]


@pytest.fixture
def judged(written: Callable[[Dataset], Path], tmp_path: Path) -> Callable[[Dataset, Dataset], int]:
    """The largest difference in levels between us and dcmtk, shapes being equal."""
    if not JUDGE.exists():
        pytest.skip("dcmtk is not installed")

    def between(image: Dataset, state: Dataset, frame: int = 0) -> int:
        ours = np.asarray(shown(read_frame(written(image), frame, state=state)))
        target = tmp_path / "judge.pgm"
        command = [JUDGE, "-p", written(state), "-f", str(frame + 1), written(image), target]
        subprocess.run(command, check=True, capture_output=True)
        theirs = np.asarray(Image.open(io.BytesIO(target.read_bytes())))
        assert ours.shape == theirs.shape
        return int(np.abs(ours.astype(int) - theirs.astype(int)).max())

    return between


GREYS: dict[str, dict[str, Any]] = {
    "window": {"SoftcopyVOILUTSequence": WINDOW},
    "rescale": {"RescaleSlope": 2, "RescaleIntercept": -500, "RescaleType": "US", "SoftcopyVOILUTSequence": WINDOW},
    "nothing": {},
    "inverse": {"PresentationLUTShape": "INVERSE", "SoftcopyVOILUTSequence": WINDOW},
}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("pixels", [RAMP, SIGNED], ids=["unsigned", "signed"])
@pytest.mark.parametrize("case", GREYS)
def test_grey_is_what_dcmtk_shows_under_the_state(
    *, case: str, pixels: Any, photometric: str, image: Callable[..., Dataset], judged: Callable[..., int]
) -> None:
    bits = {"BitsStored": 12} if pixels is RAMP else {}
    ds = image(pixels, PhotometricInterpretation=photometric, WindowCenter=50, WindowWidth=9, **bits)
    assert judged(ds, states.make_state(ds, **GREYS[case])) <= 1


def test_a_voi_lut_of_the_state(image: Callable[..., Dataset], lut: Any, judged: Callable[..., int]) -> None:
    ds = image(RAMP, BitsStored=12)
    voi = states.of(VOILUTSequence=[lut(500, CURVE, 12)])
    assert judged(ds, states.make_state(ds, SoftcopyVOILUTSequence=[voi])) <= 1


def test_a_modality_lut_of_the_state(image: Callable[..., Dataset], lut: Any, judged: Callable[..., int]) -> None:
    ds = image(RAMP, BitsStored=12)
    item = lut(100, [int(4095 * (value / 2000) ** 0.5) for value in range(2001)], 12)
    item.ModalityLUTType = "US"
    given = {"ModalityLUTSequence": [item], "SoftcopyVOILUTSequence": [states.window(2000, 3000)]}
    assert judged(ds, states.make_state(ds, **given)) <= 1


def test_a_presentation_lut_of_the_state(image: Callable[..., Dataset], lut: Any, judged: Callable[..., int]) -> None:
    ds = image(RAMP, BitsStored=12)
    table = lut(0, [int(65535 * (value / 1023) ** 2) for value in range(1024)], 16)
    state = states.make_state(ds, SoftcopyVOILUTSequence=WINDOW, PresentationLUTSequence=[table])
    del state.PresentationLUTShape
    assert judged(ds, state) <= 1


@pytest.mark.parametrize("flip", ["N", "Y"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turning_and_flipping(
    *, rotation: int, flip: str, image: Callable[..., Dataset], judged: Callable[..., int]
) -> None:
    ds = image(RAMP, BitsStored=12)
    given = {"ImageRotation": rotation, "ImageHorizontalFlip": flip, "SoftcopyVOILUTSequence": WINDOW}
    assert judged(ds, states.make_state(ds, **given)) <= 1


def seen(path: Path, state: Dataset, frame: int = 0) -> np.ndarray[Any, Any]:
    return np.asarray(shown(read_frame(path, frame, state=state)))


def test_a_sigmoid_of_the_state(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    # dcmp2pgm takes every window for a linear one: this is the formula of C.11.2.1.3.1.
    ds = image(RAMP, BitsStored=12)
    state = states.make_state(ds, SoftcopyVOILUTSequence=[states.window(1000, 800, VOILUTFunction="SIGMOID")])
    expected = 255 / (1 + np.exp(-4 * (RAMP.astype(float) - 1000) / 800))
    assert np.abs(seen(written(ds), state) - expected).max() <= 1


RECTANGLE = {
    "ShutterShape": "RECTANGULAR", "ShutterLeftVerticalEdge": 10, "ShutterRightVerticalEdge": 60,
    "ShutterUpperHorizontalEdge": 5, "ShutterLowerHorizontalEdge": 40,
}  # fmt: skip
CIRCLE = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [30, 40], "RadiusOfCircularShutter": 20}
POLYGON = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [3, 9, 10, 70, 55, 50, 40, 12]}
DOWN, ACROSS = np.mgrid[1:61, 1:81]
IN_RECTANGLE = (ACROSS >= 10) & (ACROSS <= 60) & (DOWN >= 5) & (DOWN <= 40)
IN_CIRCLE = (DOWN - 30) ** 2 + (ACROSS - 40) ** 2 <= 400
outline = ImageDraw.Draw(polygon := Image.new("1", (80, 60)))
outline.polygon([(8, 2), (69, 9), (49, 54), (11, 39)], 1)
SHUTTERS: dict[str, tuple[dict[str, Any], np.ndarray[Any, Any]]] = {
    "rectangle": (RECTANGLE, IN_RECTANGLE),
    "circle": (CIRCLE, IN_CIRCLE),
    "polygon": (POLYGON, np.asarray(polygon)),
    "two": ({**CIRCLE, **RECTANGLE, "ShutterShape": ["RECTANGULAR", "CIRCULAR"]}, IN_RECTANGLE & IN_CIRCLE),
}


@pytest.mark.parametrize("of_state", [True, False], ids=["of the state", "of the image"])
@pytest.mark.parametrize("case", SHUTTERS)
def test_a_shutter_covers_what_is_outside_it(
    *, case: str, of_state: bool, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    # dcmp2pgm draws none: the expectation is drawn here, by the words of C.7.6.11.
    given, inside = SHUTTERS[case]
    ds = image(np.full((60, 80), 255, np.uint8), **({} if of_state else given))
    state = states.make_state(ds, **given, ShutterPresentationValue=0x8000) if of_state else None
    levels = np.asarray(shown(read_frame(written(ds), state=state)))
    wrong = (levels == 255) != inside
    # How much of an edge belongs to a polygon is nobody's rule: half a pixel either way.
    assert wrong.sum() <= (inside.sum() ** 0.5 * 4 if case == "polygon" else 0)
    assert set(np.unique(levels)) == {0x80 if of_state else 0, 255}


@pytest.mark.parametrize(
    "broken",
    [
        {"ShutterShape": "RECTANGULAR", "ShutterLeftVerticalEdge": 70, "ShutterRightVerticalEdge": 10},
        {"ShutterShape": "CIRCULAR"},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 1]},
        {"ShutterShape": "BITMAP", "ShutterOverlayGroup": 0x6002},
        {"ShutterShape": "HEXAGONAL"},
    ],
)
def test_a_shutter_that_would_hide_everything_or_means_nothing_hides_nothing(
    broken: dict[str, Any], image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.full((60, 80), 255, np.uint8), **broken)
    assert (np.asarray(shown(read_frame(written(ds)))) == 255).all()


def test_the_state_decides_and_the_images_own_window_shutter_and_overlay_have_no_say(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.full((60, 80), 2000, np.uint16), BitsStored=12, WindowCenter=9, WindowWidth=2, **RECTANGLE)
    overlay(ds, np.ones((60, 80), bool))
    levels = seen(written(ds), states.make_state(ds, SoftcopyVOILUTSequence=[states.window(2000, 1000)]))
    assert set(np.unique(levels)) == {128}


def overlay(ds: Dataset, plane: np.ndarray[Any, Any], group: int = 0x6000) -> None:
    data = np.packbits(plane, bitorder="little").tobytes()
    for element, vr, value in (
        (0x10, "US", plane.shape[0]), (0x11, "US", plane.shape[1]), (0x40, "CS", "G"), (0x50, "SS", [1, 1]),
        (0x100, "US", 1), (0x102, "US", 0), (0x3000, "OW", data),
    ):  # fmt: skip
        ds.add_new((group, element), vr, value)


def test_overlays_are_drawn_where_the_state_activates_them(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    plane = np.zeros((60, 80), bool)
    plane[10:20, 30:40] = True
    ds = image(np.zeros((60, 80), np.uint8))
    overlay(ds, plane)
    state = states.make_state(ds)
    assert seen(written(ds), state).max() == 0
    state.add_new((0x6000, 0x1001), "CS", "LAYER")
    assert np.array_equal(seen(written(ds), state) == 255, plane)
    overlay(state, plane[::-1])
    assert np.array_equal(seen(written(ds), state) == 255, plane[::-1])
    state.ShutterShape, state.ShutterOverlayGroup = "BITMAP", 0x6000
    state.ShutterPresentationValue = 0x8000
    assert np.array_equal(seen(written(ds), state) == 0x80, plane[::-1])


ORIENTATIONS = [(rotation, flip) for rotation in (0, 90, 180, 270) for flip in ("N", "Y")]
AREAS = {"whole": (1, 1, 80, 60), "part": (21, 6, 60, 45), "beyond": (-19, -4, 100, 60)}


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize(("rotation", "flip"), ORIENTATIONS)
def test_an_annotation_stays_on_what_it_is_about_however_the_image_is_turned_and_cut(
    *, rotation: int, flip: str, area: str, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    pixels = np.zeros((60, 80), np.uint8)
    pixels[30, 50] = 255
    ds = image(pixels)
    left, top, right, bottom = AREAS[area]
    state = states.make_state(
        ds,
        ImageRotation=rotation,
        ImageHorizontalFlip=flip,
        DisplayedAreaSelectionSequence=[states.area(left, top, right, bottom)],
        GraphicAnnotationSequence=[states.annotation(graphics=[states.graphic("POINT", 50.5, 30.5)])],
    )
    frame = read_frame(written(ds), state=state)
    levels = np.asarray(shown(frame))
    assert levels.shape == ((bottom - top + 1, right - left + 1)[:: -1 if rotation in {90, 270} else 1])
    ((row, column),) = np.argwhere(levels == 255)
    (mark,) = frame.marks
    assert isinstance(mark, Line)
    assert mark.points[0] == pytest.approx(((column + 0.5) / levels.shape[1], (row + 0.5) / levels.shape[0]))


def test_turning_moves_the_corners_as_the_standard_says(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    # C.10.6: clockwise, and only then left and right are exchanged. C.10.4: corners are named as they come to lie.
    ds = image(np.array([[10, 20, 30], [40, 50, 60]], np.uint8))
    state = states.make_state(
        ds, ImageRotation=90, ImageHorizontalFlip="Y", DisplayedAreaSelectionSequence=[states.area(1, 1, 3, 2)]
    )
    assert seen(written(ds), state).tolist() == [[10, 40], [20, 50], [30, 60]]
    state.ImageHorizontalFlip = "N"
    state.DisplayedAreaSelectionSequence = [states.area(1, 2, 3, 1)]
    assert seen(written(ds), state).tolist() == [[40, 10], [50, 20], [60, 30]]


def test_the_ground_beyond_the_image_is_black_also_of_an_inverted_one(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.full((60, 80), 55, np.uint8), PhotometricInterpretation="MONOCHROME1")
    state = states.make_state(
        ds, PresentationLUTShape="INVERSE", DisplayedAreaSelectionSequence=[states.area(-9, 1, 90, 60)]
    )
    levels = seen(written(ds), state)
    assert (levels[:, 10:90] == 200).all()
    assert not levels[:, :10].any()
    assert not levels[:, 90:].any()


@pytest.mark.parametrize("corners", [(500, 500, 600, 600), (-(2**31), -(2**31), 2**31 - 1, 2**31 - 1)])
def test_an_area_without_sense_costs_nothing_and_hides_nothing(
    corners: tuple[int, int, int, int], image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.full((60, 80), 200, np.uint8))
    levels = seen(written(ds), states.make_state(ds, DisplayedAreaSelectionSequence=[states.area(*corners)]))
    assert (levels == 200).sum() == 60 * 80
    assert levels.size <= 9 * 60 * 80


def test_items_apply_to_the_images_and_frames_that_they_name(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.full((120, 80), 1000, np.uint16), BitsStored=12)
    ds.Rows, ds.NumberOfFrames = 60, 2
    here = states.of(ReferencedSOPClassUID=ds.SOPClassUID, ReferencedSOPInstanceUID=ds.SOPInstanceUID)
    other = states.of(ReferencedSOPClassUID=ds.SOPClassUID, ReferencedSOPInstanceUID="1.2.3")
    second = states.of(**{one.keyword: one.value for one in here}, ReferencedFrameNumber=2)
    state = states.make_state(
        ds,
        SoftcopyVOILUTSequence=[
            states.window(0, 10, ReferencedImageSequence=[other]),
            states.window(2000, 10, ReferencedImageSequence=[second]),
            states.window(1000, 1000, ReferencedImageSequence=[here]),
        ],
    )
    assert [int(seen(written(ds), state, frame).max()) for frame in (0, 1)] == [128, 0]


def test_a_zoomed_part_keeps_its_detail_in_a_preview(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.tile(np.array([[0, 255], [255, 0]], np.uint8), (400, 400)))
    part = states.make_state(ds, DisplayedAreaSelectionSequence=[states.area(101, 101, 300, 300)])
    whole = read_frame(written(ds), edge=200)
    assert (np.ptp(whole.pixels), whole.pixels.shape) == (0, (200, 200))
    cut = read_frame(written(ds), edge=200, state=part)
    assert (np.ptp(cut.pixels), cut.pixels.shape) == (255, (200, 200))


def test_the_aspect_of_the_state_and_of_a_turned_image(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(RAMP, BitsStored=12, PixelSpacing=[0.2, 0.1], Modality="CT")
    given = states.area(1, 1, 80, 60)
    del given.PresentationPixelAspectRatio
    frame = read_frame(
        written(ds), state=states.make_state(ds, ImageRotation=90, DisplayedAreaSelectionSequence=[given])
    )
    assert frame.aspect == pytest.approx(0.5)
    assert frame.spacing
    assert (frame.spacing.row, frame.spacing.column) == (0.1, 0.2)
    given.PresentationPixelSpacing = [0.3, 0.1]
    frame = read_frame(written(ds), state=states.make_state(ds, DisplayedAreaSelectionSequence=[given]))
    assert frame.aspect == pytest.approx(3)


@pytest.mark.parametrize("box", [(0.9, 0.9, 1.0, 1.0), (-3.0, -3.0, -2.0, -2.0), (0.2, 0.2, 0.3, 0.3)])
@pytest.mark.parametrize("words", ["short", "a long sentence " * 8, "x" * 200, "two\nlines"])
def test_words_are_within_the_picture_wherever_their_box_is(words: str, box: tuple[float, ...]) -> None:
    mark = Words(words, (box[:2], box[2:]))  # type: ignore[arg-type]
    blank = Image.new("L", (1000, 1000))
    drawing = np.asarray(drawn(blank, [mark]))
    assert (drawing > 200).sum() > 100
    edges = np.concatenate([drawing[0], drawing[-1], drawing[:, 0], drawing[:, -1]])
    assert edges.max() < 200


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a\r\nb", "a\nb"), ("a\x1b[0mb\x00", "a[0mb"), ("\u202eabc", "abc"), ("x" * 9999, "x" * 500), (None, "")],
)
def test_text_is_without_control_characters_and_bounded(given: str | None, kept: str) -> None:
    assert readable(given) == kept


def test_layers_are_drawn_in_their_order_and_marks_are_bounded(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.zeros((60, 80), np.uint8))
    many = [states.graphic("POLYLINE", 1, 1, 2, 2)] * (2 * MOST_MARKS)
    layers = [states.of(GraphicLayer=name, GraphicLayerOrder=order) for name, order in (("A", 2), ("B", 1))]
    above = states.annotation(layer="A", graphics=many)
    below = states.annotation(layer="B", texts=[states.text("first", 0, 0, 9, 9)])
    state = states.make_state(ds, GraphicLayerSequence=layers, GraphicAnnotationSequence=[above, below])
    marks = read_frame(written(ds), state=state).marks
    assert len(marks) == MOST_MARKS
    assert isinstance(marks[0], Words)


@pytest.mark.parametrize(
    ("kind", "points", "extent"),
    [
        ("CIRCLE", (40, 30, 50, 30), (30, 20, 50, 40)),
        ("ELLIPSE", (20, 30, 60, 30, 40, 25, 40, 35), (20, 25, 60, 35)),
        ("POLYLINE", (10, 10, 70, 50), (10, 10, 70, 50)),
        ("INTERPOLATED", (10, 30, 40, 10, 70, 30, 40, 50, 10, 30), (10, 10, 70, 50)),
    ],
)
def test_graphics_reach_as_far_as_their_points_say(
    *, kind: str, points: tuple[float, ...], extent: tuple[float, ...],
    image: Callable[..., Dataset], written: Callable[[Dataset], Path],
) -> None:  # fmt: skip
    ds = image(np.zeros((60, 80), np.uint8))
    state = states.make_state(
        ds, GraphicAnnotationSequence=[states.annotation(graphics=[states.graphic(kind, *points)])]
    )
    (mark,) = read_frame(written(ds), state=state).marks
    assert isinstance(mark, Line)
    xs, ys = ([point[axis] * size for point in mark.points] for axis, size in ((0, 80), (1, 60)))
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx(extent, abs=2.5 if kind == "INTERPOLATED" else 0.01)


def test_a_circle_is_round_to_the_eye_on_pixels_that_are_not_square(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.zeros((60, 80), np.uint8), PixelAspectRatio=[2, 1])
    state = states.make_state(
        ds,
        DisplayedAreaSelectionSequence=[states.area(1, 1, 80, 60, PresentationPixelAspectRatio=[2, 1])],
        GraphicAnnotationSequence=[states.annotation(graphics=[states.graphic("CIRCLE", 40, 30, 50, 30)])],
    )
    (mark,) = read_frame(written(ds), state=state).marks
    assert isinstance(mark, Line)
    xs, ys = ([point[axis] * size for point in mark.points] for axis, size in ((0, 80), (1, 60)))
    assert (max(xs) - min(xs), 2 * (max(ys) - min(ys))) == pytest.approx((20, 20), abs=0.01)


def test_colour_states_turn_cut_and_annotate(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    colour = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    ds = image(colour)
    state = states.make_state(
        ds, SOPClassUID="1.2.840.10008.5.1.4.1.1.11.2", ImageRotation=180, ImageHorizontalFlip="Y",
        DisplayedAreaSelectionSequence=[states.area(1, 1, 50, 20)],
    )  # fmt: skip
    assert np.array_equal(seen(written(ds), state), colour[:20][::-1])
