"""Whatever a header says: a picture or one considered sentence, and never the wrong polarity."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from rendering.errors import CannotShow
from rendering.frame import read_frame
from rendering.montage import shown
from rendering.preview import PreviewPlan, Tile, render
from rendering.safely import guarded
from tests.rendering.conftest import make_image, make_lut

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

#: Not a considered sentence but what the last net caught.
UNFORESEEN = {"P15", "P17", "P18"}
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


# --- Files byte by byte, so that an element may hold what pydicom would refuse to write ---

SHORT = ("US", "SS", "CS", "DS", "IS", "UI", "FL", "FD")


def element(tag: int, vr: str, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    head = tag.to_bytes(4, "little")[2:] + tag.to_bytes(4, "little")[:2] + vr.encode()
    return (
        head + (len(value).to_bytes(2, "little") if vr in SHORT else b"\0\0" + len(value).to_bytes(4, "little")) + value
    )


def part_10(elements: dict[int, tuple[str, bytes]], syntax: str) -> bytes:
    meta = element(0x00020010, "UI", syntax.encode())
    group = element(0x00020000, "UL", b"")[:4] + b"UL\x04\x00" + len(meta).to_bytes(4, "little")
    body = b"".join(element(tag, *elements[tag]) for tag in sorted(elements))
    return bytes(128) + b"DICM" + group + meta + body


def us(*values: int) -> bytes:
    return b"".join((value & 0xFFFF).to_bytes(2, "little") for value in values)


VALID: dict[str, tuple[str, bytes]] = {
    "Modality": ("CS", b"OT"),
    "SamplesPerPixel": ("US", us(1)),
    "PhotometricInterpretation": ("CS", b"MONOCHROME2"),
    "Rows": ("US", us(12)),
    "Columns": ("US", us(10)),
    "BitsAllocated": ("US", us(16)),
    "BitsStored": ("US", us(12)),
    "HighBit": ("US", us(11)),
    "PixelRepresentation": ("US", us(0)),
}
PIXELS = np.random.default_rng(8).integers(0, 4096, (4, 12, 10), dtype=np.uint16).tobytes()

photometrics = st.sampled_from([
    b"MONOCHROME1", b"MONOCHROME2", b"RGB", b"PALETTE COLOR", b"YBR_FULL", b"YBR_FULL_422", b"YBR_PARTIAL_422",
    b"YBR_PARTIAL_420", b"YBR_RCT", b"YBR_ICT", b"CMYK", b"", b"\xff\xfe", b"XYB",
])  # fmt: skip
numbers = st.integers(0, 70) | st.integers(0, 65_535)
words = st.lists(numbers, max_size=4).map(lambda some: us(*some))
decimals = st.lists(
    st.sampled_from(
        [b"0", b"1", b"-1", b"1e308", b"-1e400", b"nan", b"inf", b"x", b"", b"1.5", b"40", b"400", b"1e-300"]
    )
    | st.floats(-1e6, 1e6).map(lambda value: f"{value:.6g}".encode()),
    max_size=4,
).map(b"\\".join)
octets = st.binary(max_size=64)
tables = st.lists(numbers, max_size=40).map(lambda some: us(*some))

CHANGES: dict[str, tuple[str, st.SearchStrategy[bytes]]] = {
    "SamplesPerPixel": ("US", st.sampled_from([us(1), us(3), us(3), us(4), us(0), b""])),
    "PhotometricInterpretation": ("CS", photometrics),
    "Rows": ("US", words),
    "Columns": ("US", words),
    "BitsAllocated": ("US", st.sampled_from([us(1), us(8), us(16), us(32), us(64), us(12), us(0), us(65_535), b""])),
    "BitsStored": ("US", words),
    "HighBit": ("US", words),
    "PixelRepresentation": ("US", st.sampled_from([us(0), us(1), us(2), b""])),
    "PlanarConfiguration": ("US", st.sampled_from([us(0), us(1), us(9)])),
    "NumberOfFrames": ("IS", st.sampled_from([b"1", b"2", b"4", b"0", b"-3", b"1.5", b"many", b"99999999999", b""])),
    "WindowCenter": ("DS", decimals),
    "WindowWidth": ("DS", decimals),
    "VOILUTFunction": ("CS", st.sampled_from([b"LINEAR", b"LINEAR_EXACT", b"SIGMOID", b"OTHER", b""])),
    "RescaleSlope": ("DS", decimals),
    "RescaleIntercept": ("DS", decimals),
    "PixelPaddingValue": ("US", words),
    "PixelPaddingRangeLimit": ("US", words),
    "PixelSpacing": ("DS", decimals),
    "PixelAspectRatio": ("IS", decimals),
    "ImagerPixelSpacing": ("DS", decimals),
    "EstimatedRadiographicMagnificationFactor": ("DS", decimals),
    "PresentationLUTShape": ("CS", st.sampled_from([b"IDENTITY", b"INVERSE", b"LIN OD", b""])),
    "LossyImageCompression": ("CS", st.sampled_from([b"00", b"01", b"x"])),
    "LossyImageCompressionRatio": ("DS", decimals),
    "PixelPresentation": ("CS", st.sampled_from([b"COLOR", b"MONOCHROME"])),
    "RedPaletteColorLookupTableDescriptor": ("US", words),
    "GreenPaletteColorLookupTableDescriptor": ("US", words),
    "BluePaletteColorLookupTableDescriptor": ("US", words),
    "RedPaletteColorLookupTableData": ("OW", tables),
    "GreenPaletteColorLookupTableData": ("OW", tables),
    "SegmentedBluePaletteColorLookupTableData": ("OW", tables),
    "OverlayRows": ("US", words),
    "OverlayColumns": ("US", words),
    "OverlayType": ("CS", st.sampled_from([b"G", b"R", b""])),
    "OverlayOrigin": ("SS", words),
    "OverlayBitPosition": ("US", words),
    "NumberOfFramesInOverlay": ("IS", st.sampled_from([b"1", b"2", b"-1", b"", b"x"])),
    "ImageFrameOrigin": ("US", words),
    "OverlayData": ("OW", octets),
    "ShutterShape": ("CS", st.sampled_from([b"RECTANGULAR", b"CIRCULAR", b"POLYGONAL", b"BITMAP"])),
    "CenterOfCircularShutter": ("IS", decimals),
    "RadiusOfCircularShutter": ("IS", decimals),
    "VerticesOfThePolygonalShutter": ("IS", decimals),
}
OVERLAYS = {"OverlayRows", "OverlayColumns", "OverlayType", "OverlayOrigin", "OverlayBitPosition", "OverlayData",
            "NumberOfFramesInOverlay", "ImageFrameOrigin"}  # fmt: skip
OVERLAY_ELEMENTS = {"OverlayRows": 0x10, "OverlayColumns": 0x11, "OverlayType": 0x40, "OverlayOrigin": 0x50,
                    "OverlayBitPosition": 0x102, "OverlayData": 0x3000, "NumberOfFramesInOverlay": 0x15,
                    "ImageFrameOrigin": 0x51}  # fmt: skip


def tag_of(keyword: str) -> int:
    if keyword in OVERLAYS:
        return 0x60000000 | OVERLAY_ELEMENTS[keyword]
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return int(Tag(tag))


changes = st.lists(st.sampled_from(sorted(CHANGES)), max_size=6, unique=True).flatmap(
    lambda keywords: st.fixed_dictionaries({keyword: CHANGES[keyword][1] for keyword in keywords})
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("properties") / "image.dcm"


def refusal(path: Path, index: int = 0) -> str:
    """The code of the sentence with which the file is refused, or ""."""
    try:
        preview = render(PreviewPlan("view/1", (Tile(path, index),)))
    except CannotShow as error:
        return error.code
    assert Image.open(io.BytesIO(preview.data)).size == (preview.width, preview.height)
    return ""


@given(changes, st.integers(-1, 5), st.integers(0, len(PIXELS)))
@RELAXED
def test_any_header_is_a_picture_or_a_considered_sentence(
    place: Path, changed: dict[str, bytes], index: int, length: int
) -> None:
    elements = {tag_of(keyword): value for keyword, value in VALID.items()}
    elements |= {tag_of(keyword): (CHANGES[keyword][0], value) for keyword, value in changed.items()}
    elements[0x7FE00010] = ("OW", PIXELS[:length] if length % 3 == 0 else PIXELS)
    place.write_bytes(part_10(elements, ExplicitVRLittleEndian))
    assert refusal(place, index) not in UNFORESEEN


COMPRESSED = [RLELossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless]


@given(changes, st.sampled_from(COMPRESSED), st.binary(max_size=200), st.binary(max_size=40))
@RELAXED
def test_any_bytes_as_a_codestream_are_refused_in_one_sentence(
    place: Path, changed: dict[str, bytes], syntax: str, data: bytes, tail: bytes
) -> None:
    """What a decoder throws may be anything; it leaves as `CannotShow`."""
    elements = {tag_of(keyword): value for keyword, value in VALID.items()}
    elements |= {tag_of(keyword): (CHANGES[keyword][0], value) for keyword, value in changed.items()}
    fragment = data + b"\0" * (len(data) % 2)
    items = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0" + len(fragment).to_bytes(4, "little") + fragment + tail
    file = part_10(elements, syntax) + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + items
    place.write_bytes(file)
    refusal(place)


# --- Polarity ---


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, Any]:
    allocated = draw(st.sampled_from([8, 16, 16, 32]))
    stored = draw(st.integers(2, allocated))
    high = draw(st.integers(stored - 1, allocated - 1))
    signed = draw(st.booleans())
    return {"BitsStored": stored, "HighBit": high, "PixelRepresentation": int(signed), "allocated": allocated}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], int, int]:
    """A layout and two stored values, the darker one first."""
    layout = draw(layouts())
    count = 1 << layout["BitsStored"]
    low = -count // 2 if layout["PixelRepresentation"] else 0
    values = st.integers(low, low + count - 1)
    one, other = draw(values), draw(values)
    return layout, min(one, other), max(one, other)


slopes = st.sampled_from([1.0, -1.0, 0.01, -2.5, 1000.0])
windows = st.none() | st.tuples(
    st.floats(-5000, 70_000), st.floats(1, 70_000), st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"])
)
polarities = st.tuples(st.sampled_from(["MONOCHROME1", "MONOCHROME2"]), st.sampled_from([None, "IDENTITY", "INVERSE"]))


def halves(layout: dict[str, Any], left: int, right: int, edge: int) -> Dataset:
    """Left and right half of one value each."""
    allocated, stored = layout["allocated"], layout["BitsStored"]
    values = np.full((edge, edge), left, object)
    values[:, edge // 2 :] = right
    cells = (values & ((1 << stored) - 1)) << (layout["HighBit"] + 1 - stored)
    attributes = {keyword: value for keyword, value in layout.items() if keyword != "allocated"}
    return make_image(cells.astype(f"u{allocated // 8}"), **attributes)


def direction(slope: float, photometric: str, shape: str | None) -> int:
    inverted = shape == "INVERSE" if shape else photometric == "MONOCHROME1"
    return (1 if slope > 0 else -1) * (-1 if inverted else 1)


@given(pairs(), st.tuples(slopes, st.sampled_from([0.0, -1024.0, 12.5])), windows, polarities)
@example(({"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "allocated": 16}, 0, 4095), (1.0, 0.0), None,
         ("MONOCHROME1", None))  # fmt: skip
@RELAXED
def test_a_brighter_value_is_never_shown_darker(
    place: Path,
    pair: tuple[dict[str, Any], int, int],
    transform: tuple[float, float],
    window: tuple[float, float, str] | None,
    polarity: tuple[str, str | None],
) -> None:
    layout, low, high = pair
    ds = halves(layout, low, high, 16)
    ds.PhotometricInterpretation, shape = polarity
    ds.RescaleSlope, ds.RescaleIntercept = transform
    if shape:
        ds.PresentationLUTShape = shape
    if window:
        ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = f"{window[0]:.8g}", f"{window[1]:.8g}", window[2]
    ds.save_as(place, enforce_file_format=True)
    for edge in (16, 5):  # as it is, and reduced
        seen = np.asarray(shown(read_frame(place, edge=edge))).astype(int)
        assert (seen[:, -1] - seen[:, 0]).min() * direction(transform[0], *polarity) >= 0
        assert (seen[:, -1] - seen[:, 0]).max() * direction(transform[0], *polarity) >= 0
    if window is None and high > low and layout["BitsStored"] > 8:
        assert abs(int(seen[0, -1]) - int(seen[0, 0])) == 255


@given(pairs(), polarities, st.sampled_from([RLELossless, JPEGLSLossless, JPEG2000Lossless]))
@settings(RELAXED, max_examples=60)
def test_compression_does_not_turn_the_polarity(
    place: Path, pair: tuple[dict[str, Any], int, int], polarity: tuple[str, str | None], syntax: str
) -> None:
    layout, low, high = pair
    layout = layout | {"allocated": 16, "BitsStored": min(layout["BitsStored"], 16)}
    layout["HighBit"] = layout["BitsStored"] - 1
    count = 1 << layout["BitsStored"]
    bottom = -count // 2 if layout["PixelRepresentation"] else 0
    low, high = (bottom + (value - bottom) % count for value in (low, high))
    ds = halves(layout, min(low, high), max(low, high), 64)
    ds.PhotometricInterpretation, shape = polarity
    if shape:
        ds.PresentationLUTShape = shape
    native = _seen(ds, place)
    if layout["BitsStored"] < 9:
        return  # the encoders want the cells that the bits need
    pixels = ds.pixel_array
    ds.compress(syntax, pixels)
    assert np.array_equal(_seen(ds, place), native)


def _seen(ds: Dataset, place: Path) -> np.ndarray[Any, Any]:
    ds.save_as(place, enforce_file_format=True)
    with guarded():
        return np.asarray(shown(read_frame(place)))


@given(
    entries=st.lists(st.integers(0, 65_535), min_size=2, max_size=60).map(sorted),
    first=st.integers(-2000, 4000),
    as_modality=st.booleans(),
    polarity=polarities,
)
@settings(RELAXED, max_examples=60)
def test_rising_tables_keep_the_order_of_brightness(
    *, place: Path, entries: list[int], first: int, as_modality: bool, polarity: tuple[str, str | None]
) -> None:
    item = make_lut(first, entries, 16)
    ds = make_image(np.arange(4096, dtype=np.uint16).reshape(64, 64), BitsStored=12)
    ds.PhotometricInterpretation, shape = polarity
    if shape:
        ds.PresentationLUTShape = shape
    setattr(ds, "ModalityLUTSequence" if as_modality else "VOILUTSequence", [item])
    if not as_modality:
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1000
    steps = np.diff(_seen(ds, place).astype(int).ravel())
    assert (steps * direction(1, *polarity) >= 0).all()
