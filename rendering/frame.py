"""From a file and the index of a frame to its pixels: grey as stored values with their pipeline, colour as RGB.

Reads the header and the one frame, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.encaps import get_frame

from rendering.codecs import COMPRESSED, NATIVE, Decoded, decode
from rendering.colour import palette, rgb
from rendering.errors import CannotShow
from rendering.header import UNDEFINED_LENGTH, Header, opened
from rendering.lookups import greyscale
from rendering.module import PixelModule, pixel_module
from rendering.native import native_frame
from rendering.overlay import graphics
from rendering.reduce import any_of, box_mean, factor, resampled, sampled
from rendering.shutter import shutter
from rendering.softcopy import softcopy
from rendering.spacing import Spacing, aspect, spacing
from rendering.window import TABLE_BITS, Greyscale, padded

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from rendering.marks import Mark
    from rendering.shutter import Shutter
    from rendering.softcopy import Softcopy

#: Far above every preview: `read_frame` leaves the frame as large as it is.
FULL = 1 << 16


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, ready for the greyscale pipeline, perhaps made smaller by a whole factor."""

    #: rows x columns of stored values, or rows x columns x 3 of uint8 RGB.
    pixels: NDArray[Any]
    #: None for colour.
    grey: Greyscale | None
    #: Bits that a stored value needs.
    bits: int
    #: Height of a pixel divided by its width.
    aspect: float
    #: mm between the centres of `pixels`, not of the file's pixels.
    spacing: Spacing | None
    #: Where the padding was in `pixels`, if the frame was made smaller and has padding.
    blank: NDArray[np.bool_] | None = None
    #: Where overlays draw on `pixels`: white.
    graphics: NDArray[np.bool_] | None = None
    #: What a display shutter covers of `pixels`.
    shutter: Shutter | None = None
    #: Annotations of a presentation state, drawn when the picture has its final size.
    marks: tuple[Mark, ...] = ()


def read_frame(path: Path, index: int = 0, *, edge: int = FULL, state: Dataset | None = None) -> Frame:
    """Frame `index` of the file at `path`, from 0, as the presentation state `state` shows it if one is given.

    `edge` is the long edge in pixels that is needed: a larger frame may come smaller, never below it. Raises
    `CannotShow`, and whatever a decoder raises on a damaged stream (see `rendering.preview.guarded`).
    """
    with opened(path) as header:
        module = pixel_module(header.data_set, header.tag)
        if not 0 <= index < module.frames:
            raise CannotShow("it has fewer frames than expected", "P13")
        presented = softcopy(state, header.data_set, index, module) if state is not None else None
        if presented is not None:
            edge = presented.edge(edge)
        shrink = factor(module.rows, module.columns, edge)
        decoded = _decoded(header, module, index, shrink)
        return _frame(header, module, index, decoded, edge, presented=presented)


def _decoded(header: Header, module: PixelModule, index: int, shrink: int) -> Decoded:
    syntax = header.transfer_syntax_uid
    if syntax in NATIVE and header.length != UNDEFINED_LENGTH:
        return Decoded(native_frame(header, module, index))
    if syntax not in COMPRESSED or header.length != UNDEFINED_LENGTH:
        raise CannotShow("its compression is not one that we can decode", "P14")
    # A palette's indexes have no mean.
    return decode(_codestream(header, module, index), syntax, module, 1 if "PALETTE" in module.photometric else shrink)


def _codestream(header: Header, module: PixelModule, index: int) -> bytes:
    """The compressed frame, found by the offset tables where there are any (PS3.5 section A.4)."""
    tables = (header.data_set.get("ExtendedOffsetTable"), header.data_set.get("ExtendedOffsetTableLengths"))
    extended = tables if all(tables) else None
    return get_frame(header.stream, index, extended_offsets=extended, number_of_frames=module.frames)


def _frame(
    header: Header, module: PixelModule, index: int, decoded: Decoded, edge: int, *, presented: Softcopy | None
) -> Frame:
    known = spacing(header.data_set, index)
    ratio = aspect(header.data_set, known)
    grey, blank, pixels = None, None, decoded.samples
    if pixels.ndim == 3:  # noqa: PLR2004 colour
        pixels = rgb(pixels, "RGB" if decoded.rgb else module.photometric, module.bits_stored)
    else:
        pixels = stored_values(pixels, module)
        if module.photometric == "PALETTE COLOR":
            pixels = palette(pixels, header.data_set, module.bits_stored)
        else:
            grey = presented.grey if presented else greyscale(header.data_set, index, module)
    k = factor(pixels.shape[0], pixels.shape[1], edge)
    if grey is not None:
        mask = _padding(pixels, grey)
        grey = replace(grey, padding=grey.padding if mask is not None else None)
        if mask is not None and k > 1:
            pixels, blank = _filled(pixels, grey, mask), sampled(mask, k)
    pixels = box_mean(pixels, k)
    size = (module.rows, module.columns)
    drawn = presented.overlays if presented else None
    if presented is None and grey is not None:
        drawn = graphics(header.data_set, index, *size)
    closed = presented.shutter if presented else shutter(header.data_set, index, *size)
    frame = Frame(
        pixels,
        grey,
        min(module.bits_stored, TABLE_BITS),
        ratio,
        _scaled(known, module, pixels),
        blank,
        None if drawn is None else any_of(drawn, pixels.shape[0], pixels.shape[1]),
        None if closed is None else replace(closed, covered=resampled(closed.covered, *pixels.shape[:2])),
    )
    return presented.arranged(frame) if presented else frame


def stored_values(samples: NDArray[Any], module: PixelModule) -> NDArray[Any]:
    """Cells to values: only BitsStored bits up to HighBit count, signed ones in two's complement (PS3.5 section 8.1.1).

    Old writers hide overlays in the other bits, and decoders differ in the sign that they give.
    """
    if module.real or (module.signed and samples.dtype.kind == "i"):
        return samples
    width = 8 * samples.dtype.itemsize
    values = samples.view(f"u{samples.dtype.itemsize}")
    bits = min(module.bits_stored, width)
    if width == module.bits_allocated and module.high_bit >= bits:
        values = values >> (module.high_bit + 1 - bits)
    if bits < width and int(values.max()) >> bits:
        values = values & values.dtype.type((1 << bits) - 1)
    if not module.signed:
        return values
    sign = values.dtype.type(1 << (bits - 1))
    return values.view(f"i{values.dtype.itemsize}") if bits == width else _extended(values, sign)


def _extended(values: NDArray[Any], sign: Any) -> NDArray[Any]:
    """Two's complement of fewer bits than the cell has: flip the sign bit, then take its weight away."""
    cells = f"i{values.dtype.itemsize}"
    extended: NDArray[Any] = (values ^ sign).view(cells) - sign.astype(cells)
    return extended


def _padding(pixels: NDArray[Any], grey: Greyscale) -> NDArray[np.bool_] | None:
    """Where the padding is, or None where there is none.

    Padding lies beyond all real values (C.7.5.1.1.2). A "padding value" in their midst is a writer's mistake, and to
    black it out would punch holes into the picture.
    """
    if grey.padding is None:
        return None
    mask = padded(pixels, grey.padding)
    real = pixels[~mask]
    outside = real.size > 0 and mask.any() and (real.min() > grey.padding[0] or real.max() < grey.padding[1])
    return mask if outside else None


def _filled(pixels: NDArray[Any], grey: Greyscale, mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Padding must not bleed into the means beside it: it takes the darkest real value, and is blanked afterwards."""
    real = pixels[~mask]
    rising = getattr(grey.modality, "slope", 1.0) > 0
    return np.where(mask, real.min() if rising != grey.inverted else real.max(), pixels)


def _scaled(known: Spacing | None, module: PixelModule, pixels: NDArray[Any]) -> Spacing | None:
    if known is None:
        return None
    down, across = module.rows / pixels.shape[0], module.columns / pixels.shape[1]
    return Spacing(known.row * down, known.column * across, known.at_detector)
