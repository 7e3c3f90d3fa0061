"""Files to frames: every layout that the standard allows, and the guard before the decoders."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from rendering import header
from rendering.codestream import Announced, announced
from rendering.errors import CannotShow
from rendering.frame import read_frame
from rendering.montage import shown
from rendering.reduce import box_mean, factor, sampled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOISE = np.random.default_rng(7)
UNSIGNED = NOISE.integers(0, 4096, (48, 40), dtype=np.uint16)
SIGNED = NOISE.integers(-2048, 2048, (48, 40), dtype=np.int16)


def test_only_the_asked_frame_is_read(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    frames = NOISE.integers(0, 4096, (5, 48, 40), dtype=np.uint16)
    ds = image(frames[0], NumberOfFrames=5)
    ds.PixelData = frames.tobytes()
    path = written(ds)
    for index in range(5):
        assert np.array_equal(read_frame(path, index).pixels, frames[index])
    with pytest.raises(CannotShow, match="P13"):
        read_frame(path, 5)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_native_syntaxes_give_the_same_pixels(
    syntax: UID, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(SIGNED)
    ds.file_meta.TransferSyntaxUID = syntax
    frame = read_frame(written(ds))
    assert frame.pixels.dtype == np.int16
    assert np.array_equal(frame.pixels, SIGNED)


def test_big_endian_words_are_turned(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    ds = image(UNSIGNED)
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.PixelData = UNSIGNED.byteswap().tobytes()
    assert np.array_equal(read_frame(written(ds)).pixels, UNSIGNED)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("pixels", [UNSIGNED, SIGNED])
def test_lossless_syntaxes_give_the_same_pixels(
    syntax: UID, pixels: Any, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(pixels)
    ds.compress(syntax)
    frame = read_frame(written(ds))
    assert frame.pixels.dtype == pixels.dtype
    assert np.array_equal(frame.pixels, pixels)


@pytest.mark.parametrize("pixels", [UNSIGNED, SIGNED])
def test_htj2k_gives_the_same_pixels(
    pixels: Any, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(pixels)
    ds.file_meta.TransferSyntaxUID = HTJ2KLossless
    ds.PixelData = encapsulate([bytes(imagecodecs.htj2k_encode(pixels))])
    ds["PixelData"].is_undefined_length = True
    frame = read_frame(written(ds))
    assert frame.pixels.dtype == pixels.dtype
    assert np.array_equal(frame.pixels, pixels)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, JPEG2000Lossless])
def test_a_smaller_decode_is_near_the_mean_of_its_blocks(
    syntax: UID, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    down, across = np.mgrid[0:512, 0:384]
    smooth = (2000 + 1999 * np.sin(across / 30) * np.cos(down / 40)).astype(np.uint16)
    ds = image(smooth, BitsStored=12)
    if syntax == HTJ2KLossless:
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate([bytes(imagecodecs.htj2k_encode(smooth))])
        ds["PixelData"].is_undefined_length = True
    else:
        ds.compress(syntax)
    small = read_frame(written(ds), edge=256).pixels
    assert small.shape == (256, 192)
    assert np.abs(small.astype(int) - box_mean(smooth, 2).astype(int)).max() < 60


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_without_preamble_and_meta_is_read(
    *, little: bool, implicit: bool, image: Callable[..., Dataset], tmp_path: Path
) -> None:
    if implicit and not little:
        return  # there is no such encoding
    ds = image(UNSIGNED)
    del ds.file_meta
    if not little:
        ds.PixelData = UNSIGNED.byteswap().tobytes()
    path = tmp_path / "bare"
    dcmwrite(path, ds, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    assert np.array_equal(read_frame(path).pixels, UNSIGNED)


def test_a_deflated_file_is_not_inflated_without_limit(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = image(np.zeros((512, 512), np.uint16))
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = written(ds)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(header, "INFLATED_LIMIT", 100_000)
    with pytest.raises(CannotShow, match="P02"):
        read_frame(path)


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"Rows": 0}, "P04"),
        ({"Rows": 65535, "Columns": 65535}, "P05"),
        ({"SamplesPerPixel": 4}, "P06"),
        ({"PhotometricInterpretation": "CMYK"}, "P06"),
        ({"BitsAllocated": 12}, "P07"),
        ({"BitsStored": 17}, "P07"),
        ({"Rows": 4800}, "P08"),
        ({"NumberOfFrames": 2}, ""),
    ],
)
def test_an_impossible_header_is_refused_before_anything_is_allocated(
    attributes: dict[str, Any], code: str, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    path = written(image(UNSIGNED, **attributes))
    if not code:
        assert read_frame(path).pixels.shape == UNSIGNED.shape
        return
    with pytest.raises(CannotShow, match=code):
        read_frame(path)


def test_an_unknown_compression_is_refused(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    ds = image(UNSIGNED)
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.100")
    ds.PixelData = encapsulate([b"\0" * 64])
    ds["PixelData"].is_undefined_length = True
    with pytest.raises(CannotShow, match="P14"):
        read_frame(written(ds))


def test_a_codestream_that_disagrees_with_the_header_never_reaches_the_decoder(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.zeros((48, 40), np.uint8))
    huge = b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 11, 8, 60_000, 60_000, 1) + b"\x01\x11\x00"
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = encapsulate([huge])
    ds["PixelData"].is_undefined_length = True
    with pytest.raises(CannotShow, match="P11"):
        read_frame(written(ds))


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xc0\0", b"nonsense", b"\xff\x4f\xff\x51"]
)
def test_a_cut_codestream_announces_nothing(data: bytes) -> None:
    assert announced(data) is None


def test_a_jpeg_announces_its_size_and_its_colour() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (30, 20)).save(stream, "JPEG")
    assert announced(stream.getvalue()) == Announced(20, 30, 3, 8, says_colour=True, process=0xC0)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4"])
@pytest.mark.parametrize("k", [1, 2, 3, 7])
@pytest.mark.parametrize("shape", [(64, 48), (65, 50), (33, 30, 3)])
def test_box_mean_is_the_rounded_mean_of_each_block(dtype: str, k: int, shape: tuple[int, ...]) -> None:
    kind = np.dtype(dtype)
    low, high = (-30_000, 30_000) if kind.kind == "i" else (0, 255 if kind.itemsize == 1 else 65_535)
    pixels = NOISE.integers(low, high, shape).astype(kind)
    rows, columns = shape[0] // k, shape[1] // k
    blocks = pixels[: rows * k, : columns * k].reshape(rows, k, columns, k, *shape[2:]).astype(float)
    mean = blocks.mean(axis=(1, 3))
    expected = mean if kind.kind == "f" else np.floor(mean + 0.5)
    assert np.abs(box_mean(pixels, k) - expected).max() < (0.01 if kind.kind == "f" else 0.5)


@pytest.mark.parametrize(
    ("rows", "columns", "edge", "k"), [(2500, 2048, 1450, 1), (512, 512, 250, 2), (10, 10, 100, 1)]
)
def test_the_factor_never_goes_below_the_edge(rows: int, columns: int, edge: int, k: int) -> None:
    assert factor(rows, columns, edge) == k


def test_padding_does_not_bleed_into_the_picture_beside_it(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    pixels = np.full((60, 60), 1000, np.uint16)
    pixels[:, :21] = 65535
    frame = read_frame(written(image(pixels, PixelPaddingValue=65535)), edge=20)
    assert frame.pixels.shape == (20, 20)
    assert (frame.pixels == 1000).all()
    assert frame.blank is not None
    assert np.array_equal(frame.blank, sampled(pixels == 65535, 3))


def test_a_padding_value_in_the_midst_of_the_picture_punches_no_hole(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    frame = read_frame(written(image(UNSIGNED, PixelPaddingValue=int(UNSIGNED[10, 10]))))
    assert frame.grey is not None
    assert frame.grey.padding is None


def test_enhanced_objects_have_windows_and_spacing_of_their_own_for_each_frame(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(UNSIGNED, NumberOfFrames=2)
    ds.PixelData = UNSIGNED.tobytes() * 2
    items = []
    for place in range(2):
        item, measures, window, values = Dataset(), Dataset(), Dataset(), Dataset()
        measures.PixelSpacing = [0.5 + place, 0.5 + place]
        window.WindowCenter, window.WindowWidth = 100 + place, 50
        values.RescaleSlope, values.RescaleIntercept = 2, place
        item.PixelMeasuresSequence, item.FrameVOILUTSequence = [measures], [window]
        item.PixelValueTransformationSequence = [values]
        items.append(item)
    ds.PerFrameFunctionalGroupsSequence = items
    frame = read_frame(written(ds), 1)
    assert frame.grey is not None
    assert frame.spacing is not None
    assert (frame.grey.voi.centre, frame.grey.modality.intercept) == (101, 1)  # type: ignore[union-attr]
    assert frame.spacing.row == 1.5


def test_the_inflate_limit_stops_a_real_bomb(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    ds = image(UNSIGNED)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = written(ds)
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = path.read_bytes()
    meta = start[: 132 + 12 + struct.unpack_from("<I", start, 140)[0]]
    with path.open("wb") as stream:
        stream.write(meta)
        for _ in range(300):
            stream.write(engine.compress(bytes(1 << 20)))
        stream.write(engine.flush())
    assert path.stat().st_size < 1 << 20
    with pytest.raises(CannotShow, match="P02"):
        read_frame(path)


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
def test_floating_point_is_shown_with_its_padding_black(
    keyword: str, dtype: str, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    values = np.linspace(-1, 1, 400).reshape(20, 20).astype(dtype)
    values[0], values[1, 0] = -99, np.nan
    ds = image(np.zeros((20, 20), np.uint16), BitsAllocated=32 if dtype == "f4" else 64)
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    setattr(ds, keyword, values.tobytes())
    setattr(ds, keyword.replace("PixelData", "PixelPaddingValue"), -99.0)
    frame = read_frame(written(ds))
    assert np.array_equal(frame.pixels, values, equal_nan=True)
    seen = np.asarray(shown(frame)).astype(int)
    assert not seen[0].any()
    assert seen[1, 0] == 0
    assert (np.diff(seen[2:].ravel()) >= 0).all()
    assert seen.max() == 255


def test_a_frame_of_an_enhanced_object_may_have_a_voi_table_of_its_own(
    image: Callable[..., Dataset], lut: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(UNSIGNED, NumberOfFrames=2)
    ds.PixelData = UNSIGNED.tobytes() * 2
    groups = []
    for white in (10, 20):
        group, item = Dataset(), Dataset()
        item.VOILUTSequence = [lut(0, [0, white], 8)]
        group.FrameVOILUTSequence = [item]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups
    tables = [read_frame(written(ds), index).grey.voi for index in range(2)]  # type: ignore[union-attr]
    assert [int(table.entries[1]) for table in tables] == [10, 20]  # type: ignore[union-attr]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
def test_a_frame_made_smaller_as_it_is_read_is_the_mean_of_the_whole(
    dtype: str,
    syntax: UID,
    image: Callable[..., Dataset],
    written: Callable[[Dataset], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rendering.native._PART", 1000)
    low, high = (-30_000, 30_000) if dtype == "i2" else (0, 255 if dtype == "u1" else 65_535)
    frames = NOISE.integers(low, high, (3, 101, 67)).astype(dtype)
    ds = image(frames[0], NumberOfFrames=3)
    ds.file_meta.TransferSyntaxUID = syntax
    stored = frames.byteswap() if syntax == ExplicitVRBigEndian and dtype != "u1" else frames
    ds.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    path = written(ds)
    for index, frame in enumerate(frames):
        assert np.array_equal(read_frame(path, index, edge=33).pixels, box_mean(frame, 3))
