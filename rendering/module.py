"""The Image Pixel module of one frame (PS3.3 C.7.6.3), checked before anything is decoded by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rendering.elements import number, word
from rendering.errors import CannotShow

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Above this we do not decode: the largest radiographs have 25, digitised films 40 megapixels.
MAXIMUM_PIXELS = 128 * 1024 * 1024
FLOAT_TAGS = {0x7FE00008: 32, 0x7FE00009: 64}

_GREY = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422"})
_ALLOCATIONS = frozenset({1, 8, 16, 32, 64})


@dataclass(frozen=True, slots=True)
class PixelModule:
    """How the pixels are laid out. `bits_stored` and `high_bit` lie within `bits_allocated`."""

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    #: Floating point: Float or Double Float Pixel Data.
    real: bool
    #: Planar Configuration 1: all red, then all green, then all blue.
    planar: bool
    frames: int

    @property
    def span(self) -> tuple[int, int]:
        """The lowest and the highest value that a stored integer can have."""
        count = 1 << self.bits_stored
        return (-count // 2, count // 2 - 1) if self.signed else (0, count - 1)

    @property
    def unused_bits(self) -> int:
        """Bits of a cell, as a mask, that are no part of a stored integer."""
        stored_bits = ((1 << self.bits_stored) - 1) << (self.high_bit + 1 - self.bits_stored)
        return 0 if self.real else ((1 << self.bits_allocated) - 1) & ~stored_bits

    @property
    def subsampled(self) -> bool:
        """Whether native pixels share their chrominance in pairs (C.7.6.3.1.2, YBR_FULL_422)."""
        return self.photometric in {"YBR_FULL_422", "YBR_PARTIAL_422"}


def pixel_module(data_set: Dataset, tag: int) -> PixelModule:
    """The module of a header whose pixels stand in `tag`. Raises `CannotShow` for what no picture can be."""
    samples = number(data_set, "SamplesPerPixel", 1)
    allocated = FLOAT_TAGS.get(tag) or number(data_set, "BitsAllocated")
    stored = number(data_set, "BitsStored", allocated) or allocated
    module = PixelModule(
        rows=number(data_set, "Rows"),
        columns=number(data_set, "Columns"),
        samples=samples,
        photometric=_photometric(data_set, samples),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=number(data_set, "HighBit", stored - 1),
        signed=number(data_set, "PixelRepresentation") == 1,
        real=tag in FLOAT_TAGS,
        planar=number(data_set, "PlanarConfiguration") == 1,
        frames=max(1, number(data_set, "NumberOfFrames", 1)),
    )
    _check(module)
    return module


def _photometric(data_set: Dataset, samples: int) -> str:
    return word(data_set, "PhotometricInterpretation") or ("MONOCHROME2" if samples == 1 else "RGB")


def _check(module: PixelModule) -> None:
    if module.rows <= 0 or module.columns <= 0:
        raise CannotShow("its header gives the picture no size", "P04")
    if module.rows * module.columns > MAXIMUM_PIXELS:
        raise CannotShow("its picture is larger than we can show", "P05")
    if (module.photometric in _GREY, module.photometric in _COLOUR, module.samples) not in {
        (True, False, 1),
        (False, True, 3),
    }:
        raise CannotShow("its colour model is not one that we can show", "P06")
    if module.bits_allocated not in _ALLOCATIONS or not (
        0 < module.bits_stored <= module.high_bit + 1 <= module.bits_allocated
    ):
        raise CannotShow("its header describes impossible pixels", "P07")
