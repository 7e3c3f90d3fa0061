"""Pixel by pixel against dcmtk, which was right in every case where others were not."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage

from rendering.frame import read_frame
from rendering.montage import shown
from tests.rendering.judge import difference as between
from tests.rendering.judge import tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

UNSIGNED = np.arange(4096, dtype=np.uint16).reshape(64, 64)
SIGNED = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
BYTES = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOUR = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
WINDOW = {"WindowCenter": 1000, "WindowWidth": 800}
LINE = [int(4095 * (value / 1000) ** 2) for value in range(1001)]

GREY: dict[str, tuple[np.ndarray[Any, Any], dict[str, Any]]] = {
    "linear": (UNSIGNED, {"BitsStored": 12, **WINDOW}),
    "linear, width 1": (UNSIGNED, {"BitsStored": 12, "WindowCenter": 1000, "WindowWidth": 1}),
    "linear, width 2": (UNSIGNED, {"BitsStored": 12, "WindowCenter": 1000, "WindowWidth": 2}),
    "linear, fractions": (UNSIGNED, {"BitsStored": 12, "WindowCenter": 1000.5, "WindowWidth": 333.3}),
    "first of several windows": (UNSIGNED, {"BitsStored": 12, "WindowCenter": [1000, 9], "WindowWidth": [800, 9]}),
    "linear exact": (UNSIGNED, {"BitsStored": 12, "VOILUTFunction": "LINEAR_EXACT", **WINDOW}),
    "CT": (SIGNED, {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}),
    "negative slope": (UNSIGNED, {"BitsStored": 12, "RescaleSlope": -1.5, "RescaleIntercept": 3000, **WINDOW}),
    "slope of a fraction": (UNSIGNED, {"BitsStored": 12, "RescaleSlope": 0.37, "RescaleIntercept": -12.5, **WINDOW}),
    "MONOCHROME1": (UNSIGNED, {"BitsStored": 12, "PhotometricInterpretation": "MONOCHROME1", **WINDOW}),
    "12 bits signed": (
        (SIGNED & 0xFFF).astype(np.uint16),
        {"BitsStored": 12, "PixelRepresentation": 1, "WindowCenter": 0, "WindowWidth": 1000},
    ),
    "overlay in the high bits": (UNSIGNED | 0xA000, {"BitsStored": 12, **WINDOW}),
    "high bit 15": (UNSIGNED << 4, {"BitsStored": 12, "HighBit": 15, **WINDOW}),
}


@pytest.fixture
def difference(written: Callable[[Dataset], Path], dcmtk: Callable[..., Any]) -> Callable[..., int]:
    """`difference(ds, *options)`: the largest difference in levels between us and dcmtk with those options."""

    def judged(ds: Dataset, *options: str) -> int:
        path = written(ds)
        return between(np.asarray(shown(read_frame(path))), dcmtk(path, *options))

    return judged


@pytest.mark.parametrize("case", GREY)
def test_grey_is_what_dcmtk_shows(case: str, image: Callable[..., Dataset], difference: Callable[..., int]) -> None:
    pixels, attributes = GREY[case]
    assert difference(image(pixels, **attributes), "+Wi", "1") <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE"])
def test_the_presentation_lut_shape_decides_before_the_photometric_interpretation(
    photometric: str,
    shape: str,
    image: Callable[..., Dataset],
    difference: Callable[..., int],
) -> None:
    given = {"PhotometricInterpretation": photometric, "PresentationLUTShape": shape}
    assert difference(image(UNSIGNED, BitsStored=12, **given, **WINDOW), "+Wi", "1") <= 1


def test_sigmoid_is_what_dcmtk_shows(image: Callable[..., Dataset], difference: Callable[..., int]) -> None:
    assert difference(image(UNSIGNED, BitsStored=12, VOILUTFunction="SIGMOID", **WINDOW), "+Wi", "1", "+Wfs") <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_8_bits_without_a_window_are_shown_as_they_are(
    photometric: str, image: Callable[..., Dataset], difference: Callable[..., int]
) -> None:
    assert difference(image(BYTES, PhotometricInterpretation=photometric)) <= 1


@pytest.mark.parametrize(
    ("pixels", "attributes", "first", "entries", "bits"),
    [
        (BYTES, {}, 0, [int(65535 * (value / 255) ** 0.5) for value in range(256)], 16),
        (BYTES, {}, 0, [int(255 * (value / 255) ** 0.5) for value in range(256)], 8),
        (UNSIGNED, {"BitsStored": 12}, 500, LINE, 12),
        (UNSIGNED, {"BitsStored": 12, "RescaleSlope": 0.5, "RescaleIntercept": -100}, 500, LINE, 12),
        (SIGNED, {}, -500, LINE, 12),
    ],
)
def test_a_voi_lut_is_what_dcmtk_shows(
    *,
    pixels: Any,
    attributes: dict[str, Any],
    first: int,
    entries: list[int],
    bits: int,
    image: Callable[..., Dataset],
    lut: Callable[..., Dataset],
    difference: Callable[..., int],
) -> None:
    assert difference(image(pixels, **attributes, VOILUTSequence=[lut(first, entries, bits)]), "+Wl", "1") <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("pixels", "first"), [(UNSIGNED, 100), (SIGNED, -1000)])
def test_a_modality_lut_comes_before_the_window(
    *,
    photometric: str,
    pixels: Any,
    first: int,
    image: Callable[..., Dataset],
    lut: Callable[..., Dataset],
    difference: Callable[..., int],
) -> None:
    item = lut(first, [int(4095 * (value / 2000) ** 0.5) for value in range(2001)], 12)
    item.ModalityLUTType = "US"
    given = {"ModalityLUTSequence": [item], "WindowCenter": 2000, "WindowWidth": 3000}
    assert difference(image(pixels, PhotometricInterpretation=photometric, **given), "+Wi", "1") <= 1


def by_the_equations(samples: np.ndarray[Any, Any], *, partial: bool) -> np.ndarray[Any, Any]:
    """C.7.6.3.1.2, and for YBR_PARTIAL the equations of the editions that had it, turned round."""
    scale = [[0.257, 0.504, 0.098], [-0.148, -0.291, 0.439], [0.439, -0.368, -0.071]]
    if not partial:
        scale = [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]]
    offset = np.array([16 if partial else 0, 128, 128])
    return ((samples - offset) @ np.linalg.inv(np.array(scale)).T).clip(0, 255)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize(("photometric", "tolerance"), [("RGB", 0), ("YBR_FULL", 2)])
def test_colour_is_what_dcmtk_shows(
    *,
    planar: int,
    photometric: str,
    tolerance: int,
    image: Callable[..., Dataset],
    difference: Callable[..., int],
) -> None:
    ds = image(COLOUR, PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    if planar:
        ds.PixelData = np.moveaxis(COLOUR, 2, 0).tobytes()
    # dcmtk computes YBR with integers of 8 bits, we by the equations.
    assert difference(ds) <= tolerance


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_native_pairs_of_ybr_are_what_dcmtk_shows(
    photometric: str, image: Callable[..., Dataset], written: Callable[[Dataset], Path], dcmtk: Callable[..., Any]
) -> None:
    """dcmtk computes in whole numbers and is up to 2 levels off; ours is within 1 of the equations themselves."""
    ds = image(COLOUR, PhotometricInterpretation=photometric)
    left, right = COLOUR[:, 0::2], COLOUR[:, 1::2]
    ds.PixelData = np.stack([left[..., 0], right[..., 0], left[..., 1], left[..., 2]], axis=-1).tobytes()
    path = written(ds)
    ours = np.asarray(shown(read_frame(path)))
    assert between(ours, dcmtk(path)) <= 2
    shared = np.concatenate([COLOUR[..., :1], np.repeat(left[..., 1:], 2, axis=1)], axis=-1)
    assert np.abs(ours - by_the_equations(shared, partial="PARTIAL" in photometric)).max() <= 1


@pytest.mark.parametrize(
    ("pixels", "bits", "entries", "first"),
    [(BYTES, 16, 256, 0), (BYTES, 8, 256, 0), (BYTES, 16, 100, 50), (UNSIGNED, 16, 4096, 0)],
)
def test_a_palette_is_what_dcmtk_shows(
    *,
    pixels: Any,
    bits: int,
    entries: int,
    first: int,
    image: Callable[..., Dataset],
    difference: Callable[..., int],
) -> None:
    ds = image(pixels, PhotometricInterpretation="PALETTE COLOR")
    for seed, colour in enumerate(("Red", "Green", "Blue")):
        data = np.random.default_rng(seed).integers(0, 1 << bits, entries).astype("<u2" if bits > 8 else "u1")
        ds.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [entries, first, bits])
        setattr(ds, f"{colour}PaletteColorLookupTableData", data.tobytes())
    assert difference(ds) == 0


PLANE = np.random.default_rng(3).random((64, 64)) < 0.1
#: Elements of an overlay group (C.9.2).
ROWS, COLUMNS, FRAMES, TYPE, ORIGIN, FIRST, ALLOCATED, BIT, DATA = (
    0x10, 0x11, 0x15, 0x40, 0x50, 0x51, 0x100, 0x102, 0x3000,
)  # fmt: skip
VRS = {TYPE: "CS", ORIGIN: "SS", FRAMES: "IS", DATA: "OW"}


def overlay(ds: Dataset, plane: Any, *, group: int = 0x6000, **more: Any) -> Dataset:
    """Adds a plane, or several; `more` replaces elements, None leaves them out."""
    elements = {ROWS: plane.shape[-2], COLUMNS: plane.shape[-1], TYPE: "G", ORIGIN: [1, 1], ALLOCATED: 1, BIT: 0}
    packed = np.packbits(plane, bitorder="little").tobytes()
    elements |= {DATA: packed + b"\0" * (len(packed) % 2)} | more.get("elements", {})
    for element, value in elements.items():
        if value is not None:
            ds.add_new((group, element), VRS.get(element, "US"), value)
    return ds


@pytest.mark.parametrize("origin", [[1, 1], [-3, 5], [30, -2], [64, 64], [100, 100], [-70, 1]])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_overlays_are_drawn_where_dcmtk_draws_them(
    origin: list[int], photometric: str, image: Callable[..., Dataset], difference: Callable[..., int]
) -> None:
    ds = image(UNSIGNED, BitsStored=12, PhotometricInterpretation=photometric, **WINDOW)
    assert difference(overlay(ds, PLANE[:50, :60], elements={ORIGIN: origin}), "+Wi", "1") <= 1


def test_several_overlays_are_all_drawn(image: Callable[..., Dataset], difference: Callable[..., int]) -> None:
    ds = overlay(image(UNSIGNED, BitsStored=12, **WINDOW), PLANE)
    assert difference(overlay(ds, PLANE.T, group=0x601E), "+Wi", "1") <= 1


@pytest.mark.parametrize(("shift", "high", "bit"), [(0, 11, 12), (0, 11, 15), (4, 15, 0), (4, 15, 3), (2, 13, 15)])
def test_overlays_in_unused_bits_of_the_pixels_are_drawn(
    *, shift: int, high: int, bit: int, image: Callable[..., Dataset], difference: Callable[..., int]
) -> None:
    cells = (UNSIGNED << shift) | (PLANE.astype(np.uint16) << bit)
    ds = image(cells, BitsStored=12, HighBit=high, **WINDOW)
    assert difference(overlay(ds, PLANE, elements={ALLOCATED: 16, BIT: bit, DATA: None}), "+Wi", "1") <= 1


def test_a_bit_that_belongs_to_the_pixels_is_no_overlay(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    """dcmtk draws it: a header's mistake, and white noise all over the picture."""
    ds = image(UNSIGNED, BitsStored=12, **WINDOW)
    frame = read_frame(written(overlay(ds, PLANE, elements={ALLOCATED: 16, BIT: 3, DATA: None})))
    assert frame.graphics is None


@pytest.mark.parametrize("option", ["+ti", "+tb", "+td"])
def test_overlays_and_tables_are_the_same_in_every_byte_order(
    *, option: str, image: Callable[..., Dataset], lut: Callable[..., Dataset], written: Any, tmp_path: Path
) -> None:
    tables = {"ModalityLUTSequence": [lut(0, LINE, 12, vr="OW")], "VOILUTSequence": [lut(0, LINE, 12, vr="OW")]}
    for one in tables.values():
        one[0]["LUTData"].value = np.array(LINE, "<u2").tobytes()
    path, turned = written(overlay(image(UNSIGNED, BitsStored=12, **tables), PLANE)), tmp_path / "turned.dcm"
    subprocess.run([tool("dcmconv"), option, path, turned], check=True)
    assert np.array_equal(np.asarray(shown(read_frame(path))), np.asarray(shown(read_frame(turned))))


@pytest.mark.parametrize("frame", range(4))
def test_several_planes_lie_on_as_many_frames(
    frame: int, image: Callable[..., Dataset], written: Callable[[Dataset], Path], dcmtk: Callable[..., Any]
) -> None:
    ds = image(UNSIGNED, BitsStored=12, NumberOfFrames=4, **WINDOW)
    ds.PixelData = np.stack([UNSIGNED, UNSIGNED[::-1], UNSIGNED.T, UNSIGNED]).tobytes()
    path = written(overlay(ds, np.stack([PLANE, PLANE.T]), elements={FRAMES: 2, FIRST: 2}))
    ours = np.asarray(shown(read_frame(path, frame)))
    assert between(ours, dcmtk(path, "+Wi", "1", "+F", str(frame + 1))) <= 1
    assert (read_frame(path, frame).graphics is not None) == (frame in {1, 2})


def test_a_region_of_interest_does_not_cover_the_picture(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    """dcmtk darkens all but the region. C.9.2.1.1 leaves it open, and the picture must be seen."""
    ds = image(UNSIGNED, BitsStored=12, **WINDOW)
    assert read_frame(written(overlay(ds, PLANE, elements={TYPE: "R"}))).graphics is None


def test_an_overlay_on_colour_is_white(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    """dcmtk draws none on colour; C.9.2 makes no difference between the two."""
    seen = np.asarray(shown(read_frame(written(overlay(image(COLOUR), PLANE[:40, :50])))))
    assert (seen[PLANE[:40, :50]] == 255).all()
    assert np.array_equal(seen[~PLANE[:40, :50]], COLOUR[~PLANE[:40, :50]])


@pytest.mark.parametrize("relationship", ["LIN", "LOG", "DISP"])
@pytest.mark.parametrize(
    "sop_class", [XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage], ids=lambda one: one.name
)
@pytest.mark.parametrize("table", [True, False])
def test_the_modality_lut_of_angiograms_is_not_for_the_eye(
    *,
    table: bool,
    sop_class: str,
    relationship: str,
    image: Callable[..., Dataset],
    lut: Callable[..., Dataset],
    difference: Callable[..., int],
) -> None:
    transform: dict[str, Any] = {"RescaleSlope": -1, "RescaleIntercept": 4095}
    if table:
        item = lut(0, list(range(4095, -1, -1)), 12)
        item.ModalityLUTType = "US"
        transform = {"ModalityLUTSequence": [item]}
    ds = image(UNSIGNED, BitsStored=12, SOPClassUID=sop_class, PixelIntensityRelationship=relationship, **WINDOW)
    for keyword, value in transform.items():
        setattr(ds, keyword, value)
    assert difference(ds, "+Wi", "1") <= 1


@pytest.mark.parametrize("vr", ["US", "SS"])
def test_a_voi_lut_may_begin_below_zero_although_stored_values_do_not(
    vr: str, image: Callable[..., Dataset], lut: Callable[..., Dataset], difference: Callable[..., int]
) -> None:
    """C.11.2.1.1: its first value is signed where modality values can be negative."""
    item = lut(0, LINE, 12)
    item.add_new("LUTDescriptor", vr, [1001, -500 if vr == "SS" else 65_036, 12])
    ds = image(UNSIGNED, BitsStored=12, RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=[item])
    assert difference(ds, "+Wl", "1") <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_one_bit_is_black_or_white(
    photometric: str, image: Callable[..., Dataset], difference: Callable[..., int]
) -> None:
    """Without a window dcmtk shows 1 as middle grey; by C.7.6.3.1.2 the largest value is white."""
    ds = image(PLANE.astype(np.uint8), PhotometricInterpretation=photometric, BitsAllocated=1, BitsStored=1)
    ds.PixelData = np.packbits(PLANE, bitorder="little").tobytes()
    assert difference(ds, "+Wm") == 0


def test_six_bits_of_a_byte_reach_white(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    """Without a window dcmtk shifts them, so that the brightest is 252; by C.7.6.3.1.2 it is white."""
    seen = np.asarray(shown(read_frame(written(image(BYTES & 63, BitsStored=6)))))
    assert (seen.min(), seen.max()) == (0, 255)


@pytest.mark.parametrize(
    ("pixels", "attributes"),
    [
        (COLOUR.astype(np.uint16) << 8, {}),
        (COLOUR.astype(np.uint16) << 4, {"BitsStored": 12}),
        (COLOUR.astype(np.uint16) << 8, {"BitsStored": 12, "HighBit": 15}),
        (COLOUR & 63, {"BitsStored": 6}),
        (COLOUR.astype(np.uint16) << 8, {"PhotometricInterpretation": "YBR_FULL"}),
    ],
    ids=["16 bits", "12 bits", "high bit 15", "6 bits", "16 bits, YBR"],
)
def test_colour_of_any_depth_is_what_dcmtk_shows(
    pixels: Any, attributes: dict[str, Any], image: Callable[..., Dataset], difference: Callable[..., int]
) -> None:
    assert difference(image(pixels, **attributes)) <= 1


def test_padding_is_black_also_where_dcmtk_shows_its_value(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path], dcmtk: Callable[..., Any]
) -> None:
    """C.7.5.1.1.2 leaves to the display what padding looks like: a white border would blind whoever reads at night."""
    pixels = UNSIGNED.copy()
    pixels[:20] = 4095
    path = written(image(pixels, BitsStored=12, PixelPaddingValue=4095, **WINDOW))
    ours, theirs = np.asarray(shown(read_frame(path))), dcmtk(path, "+Wi", "1")
    assert not ours[:20].any()
    assert between(ours[20:-1], theirs[20:-1]) <= 1
