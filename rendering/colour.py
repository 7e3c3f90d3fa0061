"""Three samples a pixel to RGB of 8 bits (PS3.3 C.7.6.3.1.2). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHITE, _BYTE = 255, 8
#: What luminance and chrominance range over: all values, or those that studio video leaves (black 16, white 235).
_FULL, _PARTIAL = (0.0, 1.0, 1.0), (16.0, 255 / 219, 255 / 224)


def rgb(samples: NDArray[Any], photometric: str, bits: int) -> NDArray[np.uint8]:
    """Rows x columns x 3 samples of `bits` bits, as the photometric interpretation names them, to RGB."""
    if photometric.startswith("YBR_FULL"):
        return _ybr(samples, bits, _FULL)
    if photometric.startswith("YBR_PARTIAL"):
        return _ybr(samples, bits, _PARTIAL)
    return np.ascontiguousarray(_narrow(samples, bits))


def _narrow(samples: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if bits >= _BYTE:
        return (samples >> (bits - _BYTE)).astype(np.uint8) if bits > _BYTE else samples.astype(np.uint8, copy=False)
    white = (1 << bits) - 1
    table = (np.arange(1 << _BYTE) * WHITE / white + 0.5).clip(0, WHITE).astype(np.uint8)
    return np.take(table, samples, mode="clip")


def _ybr(samples: NDArray[Any], bits: int, scale: tuple[float, float, float]) -> NDArray[np.uint8]:
    """By the equations of C.7.6.3.1.2, those of YBR_PARTIAL being its retired form's."""
    black, luminance, chrominance = scale
    y, cb, cr = (samples[..., plane].astype(np.float32) * np.float32(2.0 ** (_BYTE - bits)) for plane in range(3))
    y = (y - black) * luminance
    cb, cr = (cb - 128) * chrominance, (cr - 128) * chrominance
    planes = (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)
    return np.stack([np.clip(np.rint(plane), 0, WHITE).astype(np.uint8) for plane in planes], axis=-1)


def unpaired(data: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Native YBR_FULL_422, where two pixels side by side share chrominance as Y Y Cb Cr, to three samples a pixel."""
    pairs = data.reshape(rows, columns // 2, 4)
    full = np.empty((rows, columns, 3), data.dtype)
    full[..., 0] = pairs[..., :2].reshape(rows, columns)
    full[..., 1:] = np.repeat(pairs[..., 2:], 2, axis=1)
    return full
