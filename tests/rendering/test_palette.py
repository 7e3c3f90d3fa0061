"""Palettes: plain ones are judged by dcmtk, segmented ones by pydicom, supplemental ones by the standard's words."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from rendering.errors import CannotShow
from rendering.frame import read_frame
from rendering.montage import shown
from rendering.palette import expanded
from tests.rendering.judge import tool

if TYPE_CHECKING:
    from collections.abc import Callable

INDEXES = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOURS = ("Red", "Green", "Blue")
TABLES = np.random.default_rng(6).integers(0, 65_536, (3, 256)).astype("<u2")


def with_tables(ds: Dataset, tables: Any, first: int = 0, bits: int = 16) -> Dataset:
    for colour, table in zip(COLOURS, tables, strict=True):
        ds.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [len(table), first, bits])
        setattr(ds, f"{colour}PaletteColorLookupTableData", table.tobytes())
    return ds


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm"])
def test_a_segmented_palette_is_what_pydicom_expands(name: str) -> None:
    path = get_testdata_file(name)
    ds = pydicom.dcmread(str(path))
    theirs = apply_color_lut(ds.pixel_array, ds) >> 8
    assert np.array_equal(read_frame(Path(path)).pixels, theirs)


@pytest.mark.parametrize("bits", [8, 16])
def test_segments_are_discrete_linear_or_earlier_ones_again(bits: int) -> None:
    """C.7.9.2: three values, then four steps up to 30, and both again from the beginning."""
    offset = [0, 0] if bits == 16 else [0, 0, 0, 0]
    assert expanded([0, 3, 1, 2, 10, 1, 4, 30, 2, 2, *offset], 14, bits).tolist() == [
        *(1, 2, 10, 15, 20, 25, 30),
        *(1, 2, 10, 15, 20, 25, 30),
    ]


@given(st.lists(st.integers(0, 70) | st.integers(0, 65_535), max_size=40), st.sampled_from([8, 16]))
def test_damaged_segments_end_in_a_table_or_a_sentence(segments: list[int], bits: int) -> None:
    try:
        assert expanded(segments, 300, bits).size <= 300
    except CannotShow as error:
        assert error.code == "P19"  # noqa: PT017 either is right


@pytest.mark.parametrize("option", ["+ti", "+tb", "+td"])
@pytest.mark.parametrize("bits", [8, 16])
def test_palettes_are_the_same_in_every_byte_order(
    *, bits: int, option: str, image: Callable[..., Dataset], written: Any, tmp_path: Path
) -> None:
    tables = TABLES if bits == 16 else (TABLES >> 8).astype("u1")
    path = written(with_tables(image(INDEXES, PhotometricInterpretation="PALETTE COLOR"), tables, bits=bits))
    turned = tmp_path / "turned.dcm"
    subprocess.run([tool("dcmconv"), option, path, turned], check=True)
    expected = np.moveaxis(TABLES >> 8, 0, 1)[INDEXES]
    assert np.array_equal(read_frame(path).pixels, expected)
    assert np.array_equal(read_frame(turned).pixels, expected)


def test_signed_indexes_begin_below_zero(image: Callable[..., Dataset], written: Callable[[Dataset], Path]) -> None:
    ds = with_tables(image(INDEXES.view("i1"), PhotometricInterpretation="PALETTE COLOR"), TABLES)
    for colour in COLOURS:
        ds.add_new(f"{colour}PaletteColorLookupTableDescriptor", "SS", [256, -128, 16])
    expected = np.moveaxis(TABLES >> 8, 0, 1)[INDEXES.view("i1").astype(int) + 128]
    assert np.array_equal(read_frame(written(ds)).pixels, expected)


@pytest.mark.parametrize("missing", ["Descriptor", "Data"])
def test_a_palette_that_is_missing_is_said(
    missing: str, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = with_tables(image(INDEXES, PhotometricInterpretation="PALETTE COLOR"), TABLES)
    delattr(ds, f"GreenPaletteColorLookupTable{missing}")
    with pytest.raises(CannotShow, match="P19"):
        read_frame(written(ds))


@pytest.mark.parametrize("place", ["image", "frame type"])
def test_a_supplemental_palette_colours_the_upper_values_only(
    place: str, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    """A perfusion map: anatomy in grey up to 199, blood flow in colour from 200 (C.7.6.19)."""
    values = np.arange(400, dtype=np.uint16).reshape(20, 20)
    window = {"WindowCenter": 100, "WindowWidth": 200, "VOILUTFunction": "LINEAR_EXACT"}
    ds = with_tables(image(values, **window), TABLES[:, :200], first=200)
    kind = Dataset()
    kind.PixelPresentation = "COLOR"
    if place == "image":
        ds.PixelPresentation = "COLOR"
    else:
        groups = Dataset()
        groups.CTImageFrameTypeSequence = [kind]
        ds.SharedFunctionalGroupsSequence = [groups]
    seen = np.asarray(shown(read_frame(written(ds)))).astype(int)
    assert np.array_equal(seen[values >= 200], np.moveaxis(TABLES[:, :200] >> 8, 0, 1))
    grey = seen[values < 200]
    assert (grey == grey[:, :1]).all()
    assert np.abs(grey[:, 0] - np.arange(200) * 255 / 200).max() <= 0.5


def test_a_palette_beside_a_grey_picture_is_not_applied(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = with_tables(image(np.arange(400, dtype=np.uint16).reshape(20, 20)), TABLES, first=200)
    assert read_frame(written(ds)).grey is not None
