"""Every transfer syntax in common use, with every frame found: as before it, or as a second decoder has it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from rendering.frame import read_frame
from rendering.montage import shown
from tests.rendering.judge import difference, tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

FRAMES, ROWS, COLUMNS = 3, 37, 46
NOISE = np.random.default_rng(4)
DOWN, ACROSS = np.mgrid[0:ROWS, 0:COLUMNS]
#: From 0 to 1, smooth with some noise, another for each frame and colour.
SMOOTH = np.stack(
    [
        [0.5 + 0.4 * np.sin(ACROSS / (7 + colour) + frame) * np.cos(DOWN / 9 - colour) for colour in range(3)]
        for frame in range(FRAMES)
    ]
) + NOISE.normal(0, 0.01, (FRAMES, 3, ROWS, COLUMNS))


def grey(bits: int, dtype: str, low: int = 0) -> np.ndarray[Any, Any]:
    return (low + (SMOOTH[:, 0] * ((1 << bits) - 1)).clip(0, (1 << bits) - 1)).astype(dtype)


COLOUR = np.moveaxis((SMOOTH * 255).clip(0, 255).astype(np.uint8), 1, -1)
PIXELS: dict[str, tuple[np.ndarray[Any, Any], dict[str, Any]]] = {
    "8 bits": (grey(8, "u1"), {}),
    "10 of 16 bits": (grey(10, "u2"), {"BitsStored": 10}),
    "12 of 16 bits": (grey(12, "u2"), {"BitsStored": 12}),
    "16 bits": (grey(16, "u2"), {}),
    "16 bits, signed": (grey(16, "i4", -32_768).astype("i2"), {}),
    "12 of 16 bits, signed": (
        (grey(12, "i4", -2048) & 0xFFF).astype("u2"),
        {"BitsStored": 12, "PixelRepresentation": 1},
    ),
    "colour": (COLOUR, {}),
    "colour, plane by plane": (COLOUR, {"PlanarConfiguration": 1}),
}
GREY = [name for name in PIXELS if "colour" not in name]


@pytest.fixture
def frames(image: Callable[..., Dataset]) -> Callable[[str], Dataset]:
    """A data set of three frames of pixels of that kind, native and explicit little endian."""

    def make(kind: str) -> Dataset:
        pixels, attributes = PIXELS[kind]
        ds = image(pixels[0], NumberOfFrames=FRAMES, **attributes)
        planes = np.moveaxis(pixels, -1, 1) if ds.get("PlanarConfiguration") else pixels
        data = planes.tobytes()
        ds.PixelData = data + b"\0" * (len(data) % 2)
        return ds

    return make


def expected(kind: str, frame: int) -> np.ndarray[Any, Any]:
    """The stored values, signed where they are."""
    pixels, attributes = PIXELS[kind]
    values = pixels[frame].astype(np.int64)
    return np.where(values >= 2048, values - 4096, values) if "PixelRepresentation" in attributes else values


def encoded(ds: Dataset, written: Any, folder: Path, name: str, *options: str) -> Path:
    target = folder / "encoded.dcm"
    subprocess.run([tool(name), *options, written(ds), target], check=True, capture_output=True)
    return target


def encapsulated(ds: Dataset, syntax: UID, codestreams: list[bytes], *, extended: bool = False) -> Dataset:
    ds.file_meta.TransferSyntaxUID = syntax
    if extended:
        ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(codestreams)
    else:
        ds.PixelData = encapsulate(codestreams)
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    return ds


def all_frames(path: Path) -> list[np.ndarray[Any, Any]]:
    return [read_frame(path, frame).pixels for frame in range(FRAMES)]


def assert_lossless(path: Path, kind: str) -> None:
    for frame, pixels in enumerate(all_frames(path)):
        assert np.array_equal(pixels, expected(kind, frame))


#: dcmtk's encoders, with fragments and without an offset table too (PS3.5 A.4).
LOSSLESS = [
    ("dcmconv", "+te"), ("dcmconv", "+ti"), ("dcmconv", "+tb"), ("dcmconv", "+td"), ("dcmcrle",),
    ("dcmcrle", "-ot"), ("dcmcjpeg", "+e1"), ("dcmcjpeg", "+e1", "-ot"), ("dcmcjpeg", "+e1", "+fs", "1"),
    *(("dcmcjpeg", "+el", "+sv", str(predictor)) for predictor in range(1, 8)),
    ("dcmcjpls",), ("dcmcjpls", "-ot"), ("dcmcjpls", "+fs", "1"),
    ("dcmcjpls", "+il"), ("dcmcjpls", "+is"), ("dcmcjpls", "+in"),
]  # fmt: skip


@pytest.mark.parametrize("kind", PIXELS)
@pytest.mark.parametrize("way", LOSSLESS, ids=" ".join)
def test_what_dcmtk_writes_without_loss_comes_out_as_it_went_in(
    way: tuple[str, ...], kind: str, frames: Any, written: Any, tmp_path: Path
) -> None:
    if way[0] == "dcmcjpeg" and kind == "colour, plane by plane":
        pytest.skip("dcmcjpeg takes the planes of all frames for those of one; dcmdjpeg gives back the same as we do")
    assert_lossless(encoded(frames(kind), written, tmp_path, *way), kind)


def codestream(kind: str, frame: int, codec: str, *, colour_transform: bool = False) -> bytes:
    values = expected(kind, frame)
    width = PIXELS[kind][0].dtype.itemsize
    signed = values.min() < 0 or "signed" in kind
    samples = values.astype(f"{'i' if signed else 'u'}{width}")
    if codec == "HTJ2K":
        return bytes(imagecodecs.htj2k_encode(samples, reversible=True, rgb=colour_transform or None))
    options = {"bitspersample": 12} if "12 of" in kind else {"bitspersample": 10} if "10 of" in kind else {}
    return bytes(
        imagecodecs.jpeg2k_encode(samples, codecformat="j2k", reversible=True, level=0, mct=colour_transform, **options)
    )


@pytest.mark.parametrize("extended", [False, True], ids=["basic offset table", "extended offset table"])
@pytest.mark.parametrize("kind", [*GREY, "colour"])
@pytest.mark.parametrize(
    ("syntax", "codec"),
    [
        (JPEG2000Lossless, "JPEG 2000"),
        (JPEG2000, "JPEG 2000"),
        (HTJ2KLossless, "HTJ2K"),
        (HTJ2KLosslessRPCL, "HTJ2K"),
        (HTJ2K, "HTJ2K"),
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_wavelets_without_loss_come_out_as_they_went_in(
    *, syntax: UID, codec: str, kind: str, extended: bool, frames: Any, written: Any
) -> None:
    streams = [codestream(kind, frame, codec) for frame in range(FRAMES)]
    assert_lossless(written(encapsulated(frames(kind), syntax, streams, extended=extended)), kind)


@pytest.mark.parametrize("photometric", ["YBR_RCT", "RGB", "YBR_FULL"])
@pytest.mark.parametrize("codec", ["JPEG 2000", "HTJ2K"])
def test_the_colour_transform_is_undone_once_whatever_the_header_calls_it(
    codec: str, photometric: str, frames: Any, written: Any
) -> None:
    ds = frames("colour")
    ds.PhotometricInterpretation = photometric
    streams = [codestream("colour", frame, codec, colour_transform=True) for frame in range(FRAMES)]
    syntax = HTJ2KLossless if codec == "HTJ2K" else JPEG2000Lossless
    assert_lossless(written(encapsulated(ds, syntax, streams)), "colour")


@pytest.mark.parametrize("kind", ["8 bits", "12 of 16 bits", "16 bits", "16 bits, signed", "colour"])
def test_lossy_jpeg_2000_is_what_another_decoder_shows(kind: str, frames: Any, written: Any) -> None:
    ds = frames(kind)
    colour = kind == "colour"
    if colour:
        ds.PhotometricInterpretation = "YBR_ICT"
    samples = [expected(kind, frame).astype(PIXELS[kind][0].dtype) for frame in range(FRAMES)]
    streams = [
        bytes(imagecodecs.jpeg2k_encode(one, codecformat="j2k", reversible=False, level=40, mct=colour))
        for one in samples
    ]
    for frame, pixels in enumerate(all_frames(written(encapsulated(ds, JPEG2000, streams)))):
        theirs = imagecodecs.jpeg2k_decode(streams[frame])
        if "12" in kind:  # what overshoots the stored bits is white: cut to them it would be black
            theirs = np.minimum(theirs, 4095)
        assert np.abs(pixels.astype(np.int64) - theirs).max() <= 1
        assert np.abs(pixels - expected(kind, frame)).max() > 0


def test_native_ybr_is_the_same_in_every_byte_order(frames: Any, written: Any, tmp_path: Path) -> None:
    ds = frames("colour")
    ds.PhotometricInterpretation = "YBR_FULL"
    reference = all_frames(written(ds))
    for option in ("+ti", "+tb", "+td"):
        turned = all_frames(encoded(ds, written, tmp_path, "dcmconv", option))
        assert all(np.array_equal(one, other) for one, other in zip(reference, turned, strict=True))


LOSSY_COLOUR = [["+eb", "+s4"], ["+eb", "+s2"], ["+eb", "+n1"], ["+eb", "+np"], ["+eb", "+cr"], ["+ee", "+s4"]]
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


@pytest.mark.parametrize("quality", ["40", "95"])
@pytest.mark.parametrize("options", LOSSY_COLOUR, ids=" ".join)
def test_lossy_jpeg_in_colour_is_what_dcmtk_shows(
    *, options: list[str], quality: str, image: Any, written: Any, dcmtk: Any, tmp_path: Path
) -> None:
    """Baseline and extended, 4:4:4, 4:2:2 and 4:2:0, as YCbCr and as RGB."""
    path = encoded(image(COLOUR[0]), written, tmp_path, "dcmcjpeg", *options, "+q", quality)
    assert difference(np.asarray(shown(read_frame(path))), dcmtk(path)) == 0


@pytest.mark.parametrize("quality", ["40", "95"])
@pytest.mark.parametrize(("option", "kind"), [("+eb", "8 bits"), ("+ee", "8 bits"), ("+ee", "12 of 16 bits")])
def test_lossy_jpeg_in_grey_is_what_dcmtk_shows(
    *, option: str, kind: str, quality: str, image: Any, written: Any, dcmtk: Any, tmp_path: Path
) -> None:
    ds = image(PIXELS[kind][0][0], **PIXELS[kind][1], **(WINDOW if "12" in kind else {}))
    path = encoded(ds, written, tmp_path, "dcmcjpeg", option, "+q", quality)
    shows = ["+Wi", "1"] if "12" in kind else []
    assert difference(np.asarray(shown(read_frame(path))), dcmtk(path, *shows)) <= 1


@pytest.mark.parametrize("kind", ["8 bits", "12 of 16 bits", "16 bits", "colour"])
@pytest.mark.parametrize("deviation", [1, 5])
def test_near_lossless_jpeg_ls_keeps_to_its_deviation_and_is_what_dcmtk_decodes(
    *, deviation: int, kind: str, image: Any, written: Any, tmp_path: Path
) -> None:
    pixels, attributes = PIXELS[kind]
    near = encoded(image(pixels[0], **attributes), written, tmp_path, "dcmcjpls", "+en", "+md", str(deviation))
    native = tmp_path / "native.dcm"
    subprocess.run([tool("dcmdjpls"), near, native], check=True, capture_output=True)
    ours = read_frame(near).pixels
    assert np.array_equal(ours, read_frame(native).pixels)
    assert 0 < np.abs(ours.astype(int) - pixels[0]).max() <= deviation


@pytest.mark.parametrize("kind", ["16 bits, signed", "12 of 16 bits, signed"])
@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEGLSNearLossless])
def test_signed_jpeg_ls_is_signed(syntax: UID, kind: str, frames: Any, written: Any) -> None:
    pixels = PIXELS[kind][0].view("u2") & (0xFFF if "12" in kind else 0xFFFF)
    streams = [bytes(imagecodecs.jpegls_encode(one)) for one in pixels]
    assert_lossless(written(encapsulated(frames(kind), syntax, streams)), kind)
