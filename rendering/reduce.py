"""Make a frame smaller by a whole factor, exactly: the mean of each k x k block, in integers, before any window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The square of so many values of 16 bits has a sum of 32.
_SMALL, _SHORT = 256, 16
#: Pixels that are summed at a time.
_PART = 1 << 20


def factor(rows: int, columns: int, edge: int) -> int:
    """The largest whole factor that leaves the long edge at least `edge` pixels."""
    return max(1, max(rows, columns) // edge)


def box_mean(pixels: NDArray[Any], k: int, bits: int = 64) -> NDArray[Any]:
    """Mean of each k x k block, rounded, of the same type; an incomplete last row or column of blocks is left out.

    No value needs more than `bits` bits. Sums of whole rows first, then of columns: numpy adds long contiguous runs at
    the speed of memory, which makes this twenty times as quick as reshape and sum; some rows at a time, so that they
    stay in the cache.
    """
    if k == 1 or min(pixels.shape[:2]) < k:
        return pixels
    rows, columns = (size // k for size in pixels.shape[:2])
    types = _sums(pixels.dtype, k, bits)
    small = np.empty((rows, columns, *pixels.shape[2:]), pixels.dtype)
    step = max(1, _PART // (k * k * columns))
    for row in range(0, rows, step):
        part = pixels[row * k : min(rows, row + step) * k, : columns * k]
        small[row : row + step] = _block_mean(part, k, *types)
    return small


def _block_mean(pixels: NDArray[Any], k: int, narrow: str, wide: str) -> NDArray[Any]:
    total = np.add(pixels[0::k], pixels[1::k], dtype=narrow)
    for offset in range(2, k):
        total += pixels[offset::k]
    block: NDArray[Any] = total[:, 0::k].astype(wide)
    for offset in range(1, k):
        block += total[:, offset::k]
    return block / (k * k) if block.dtype.kind == "f" else (block + k * k // 2) // (k * k)


def sampled(mask: NDArray[Any], k: int) -> NDArray[Any]:
    """The middle of each k x k block, in the shape of `box_mean`."""
    rows, columns = (size // k * k for size in mask.shape[:2])
    return mask[k // 2 : rows : k, k // 2 : columns : k]


def any_of(mask: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """`mask` in a smaller shape, true where any part of it was: thin lines stay."""
    places = np.argwhere(mask)
    places[:, 0] = places[:, 0] * rows // mask.shape[0]
    places[:, 1] = places[:, 1] * columns // mask.shape[1]
    small = np.zeros((rows, columns), np.bool_)
    small[places[:, 0], places[:, 1]] = True
    return small


def resampled(mask: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """`mask` in another shape: for each cell, what is in the middle of its place."""
    down = (2 * np.arange(rows) + 1) * mask.shape[0] // (2 * rows)
    across = (2 * np.arange(columns) + 1) * mask.shape[1] // (2 * columns)
    return mask[np.ix_(down, across)]


def _sums(dtype: np.dtype[Any], k: int, bits: int) -> tuple[str, str]:
    """Types that hold the sum of k pixels and of k * k. 12 bits in 16 are the rule, and short sums are quick ones."""
    bits = min(bits, 8 * dtype.itemsize)
    if dtype.kind == "f" or dtype.itemsize > 2 or k > _SMALL:  # noqa: PLR2004 bytes
        return f"{dtype.kind}8", f"{dtype.kind}8"
    return f"{dtype.kind}{2 if k << bits <= 1 << _SHORT else 4}", f"{dtype.kind}4"
