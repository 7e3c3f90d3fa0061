"""Colour frames to RGB of 8 bits (PS3.3 C.7.6.3.1.2). Pure, apart from the palette in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

_BYTE = 8


def palette(indexes: NDArray[Any], data_set: Dataset, bits: int) -> NDArray[np.uint8]:
    """PALETTE COLOR: rows x columns of indexes to rows x columns x 3 (C.7.6.3.1.5, segmented or not)."""
    from pydicom.pixels.processing import apply_color_lut  # noqa: PLC0415 slow to import, seldom needed

    # The table is made for every index once, so that a pixel costs one look-up.
    table = apply_color_lut(np.arange(1 << min(bits, 16), dtype=indexes.dtype), data_set)[..., :3]
    if table.dtype.itemsize > 1:
        # Some writers put 8 bits into 16-bit entries without shifting them.
        table = table >> _BYTE if table.max() > 0xFF else table  # noqa: PLR2004 a byte
    return np.take(table.astype(np.uint8), indexes, axis=0, mode="clip")


def rgb(samples: NDArray[Any], photometric: str, bits: int) -> NDArray[np.uint8]:
    """Three samples a pixel as the photometric interpretation names them to RGB."""
    narrow = samples if samples.dtype.itemsize == 1 else _narrow(samples, bits)
    return ybr_full(narrow) if photometric.startswith("YBR_FULL") else np.ascontiguousarray(narrow)


def _narrow(samples: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    return (samples >> max(0, bits - _BYTE)).astype(np.uint8)


def ybr_full(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """YBR_FULL to RGB by the equations of C.7.6.3.1.2."""
    luminance, blue, red = (samples[..., plane].astype(np.float32) for plane in range(3))
    blue, red = blue - 128, red - 128
    planes = (luminance + 1.402 * red, luminance - 0.344136 * blue - 0.714136 * red, luminance + 1.772 * blue)
    return np.stack([np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in planes], axis=-1)


def unpaired(data: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Native YBR_FULL_422, where two pixels side by side share chrominance as Y Y Cb Cr, to three samples a pixel."""
    pairs = data.reshape(rows, columns // 2, 4)
    full = np.empty((rows, columns, 3), np.uint8)
    full[..., 0] = pairs[..., :2].reshape(rows, columns)
    full[..., 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
    return full
