"""From a frame's cells, as a decoder or the file gives them, to stored values; and which of those are padding. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rendering.window import padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rendering.module import PixelModule
    from rendering.window import Greyscale


def stored_values(cells: NDArray[Any], module: PixelModule, precision: int, *, signed: bool) -> NDArray[Any]:
    """Only BitsStored bits up to HighBit count, signed ones in two's complement (PS3.5 section 8.1.1).

    `precision` is how many bits of a cell come from the file: a codestream may hold the stored bits only. Old writers
    hide overlays in the other bits, and decoders differ in the sign that they give.
    """
    if module.real or (signed and cells.dtype.kind == "i"):
        return cells
    width = 8 * cells.dtype.itemsize
    values = cells.view(f"u{cells.dtype.itemsize}")
    bits = min(module.bits_stored, width)
    if precision > module.high_bit >= bits:
        values = values >> (module.high_bit + 1 - bits)
    if bits < width and int(values.max()) >> bits:
        values = values & values.dtype.type((1 << bits) - 1)
    if not signed:
        return values
    sign = values.dtype.type(1 << (bits - 1))
    return values.view(f"i{values.dtype.itemsize}") if bits == width else _extended(values, sign)


def _extended(values: NDArray[Any], sign: Any) -> NDArray[Any]:
    """Two's complement of fewer bits than the cell has: flip the sign bit, then take its weight away."""
    cells = f"i{values.dtype.itemsize}"
    extended: NDArray[Any] = (values ^ sign).view(cells) - sign.astype(cells)
    return extended


def padding(pixels: NDArray[Any], grey: Greyscale) -> NDArray[np.bool_] | None:
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


def filled(pixels: NDArray[Any], grey: Greyscale, mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Padding must not bleed into the means beside it: it takes the darkest real value, and is blanked afterwards."""
    real = pixels[~mask]
    rising = getattr(grey.modality, "slope", 1.0) > 0
    return np.where(mask, real.min() if rising != grey.inverted else real.max(), pixels)
