"""Pixel by pixel against dcmtk, which was right in every case where others were not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rendering.frame import read_frame
from rendering.montage import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

#: Not the tools of the same names that pynetdicom installs.
DCMTK = Path("/usr/bin")

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

    def between(ds: Dataset, *options: str) -> int:
        path = written(ds)
        ours = np.asarray(shown(read_frame(path)))
        return int(np.abs(ours.astype(int) - dcmtk(path, *options).astype(int)).max())

    return between


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


@pytest.mark.parametrize(
    ("tool", "options"),
    [
        ("dcmcjpeg", ["+e1"]),
        ("dcmcjpeg", ["+el"]),
        ("dcmcjpls", []),
        ("dcmcrle", []),
    ],
)
@pytest.mark.parametrize("pixels", [BYTES, UNSIGNED, SIGNED, COLOUR], ids=["8 bits", "12 bits", "signed", "colour"])
def test_what_dcmtk_compressed_is_shown_as_before(
    *,
    tool: str,
    options: list[str],
    pixels: Any,
    image: Callable[..., Dataset],
    written: Callable[[Dataset], Path],
    tmp_path: Path,
) -> None:
    if not (encoder := DCMTK / tool).exists():
        pytest.skip("dcmtk is not installed")
    compressed = tmp_path / "compressed.dcm"
    subprocess.run([encoder, *options, written(image(pixels)), compressed], check=True, capture_output=True)
    assert np.array_equal(read_frame(compressed).pixels, pixels)


@pytest.mark.parametrize("options", [["+eb", "+q", "95"], ["+eb", "+q", "95", "+s4"], ["+eb", "+cr"]])
def test_colour_of_baseline_jpeg_is_what_dcmtk_shows(
    *,
    options: list[str],
    image: Callable[..., Dataset],
    written: Callable[[Dataset], Path],
    dcmtk: Callable[..., Any],
    tmp_path: Path,
) -> None:
    if not (encoder := DCMTK / "dcmcjpeg").exists():
        pytest.skip("dcmtk is not installed")
    compressed = tmp_path / "compressed.dcm"
    smooth = np.stack(np.broadcast_arrays(*np.ogrid[0:200:64j, 0:250:80j], 90), axis=-1).astype(np.uint8)
    subprocess.run([encoder, *options, written(image(smooth)), compressed], check=True, capture_output=True)
    ours, theirs = read_frame(compressed).pixels.astype(int), dcmtk(compressed).astype(int)
    assert np.abs(ours - theirs).max() <= 3
    assert np.abs(ours - smooth.astype(int)).mean() < 8


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


def test_native_ybr_full_422_is_what_dcmtk_shows(image: Callable[..., Dataset], difference: Callable[..., int]) -> None:
    ds = image(COLOUR, PhotometricInterpretation="YBR_FULL_422")
    left, right = COLOUR[:, 0::2], COLOUR[:, 1::2]
    ds.PixelData = np.stack([left[..., 0], right[..., 0], left[..., 1], left[..., 2]], axis=-1).tobytes()
    assert difference(ds) <= 2


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


@pytest.mark.parametrize("origin", [(1, 1), (-3, 5), (30, -2)])
def test_overlays_are_drawn_where_dcmtk_draws_them(
    origin: tuple[int, int], image: Callable[..., Dataset], difference: Callable[..., int]
) -> None:
    ds = image(UNSIGNED, BitsStored=12, **WINDOW)
    plane = np.random.default_rng(3).random((50, 60)) < 0.1
    for element, vr, value in (
        (0x10, "US", 50),
        (0x11, "US", 60),
        (0x40, "CS", "G"),
        (0x50, "SS", list(origin)),
        (0x100, "US", 1),
        (0x102, "US", 0),
        (0x3000, "OW", np.packbits(plane, bitorder="little").tobytes() + b"\0"),
    ):
        ds.add_new((0x6000, element), vr, value)
    assert difference(ds, "+Wi", "1") <= 1
