"""Make a frame smaller by a whole factor, exactly: the mean of each k x k block, in integers, before any window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Up to this many values of 8 bits have a sum of 16 bits, and its square of 16 bits one of 32.
_SMALL = 256


def factor(rows: int, columns: int, edge: int) -> int:
    """The largest whole factor that leaves the long edge at least `edge` pixels."""
    return max(1, max(rows, columns) // edge)


def box_mean(pixels: NDArray[Any], k: int) -> NDArray[Any]:
    """Mean of each k x k block, rounded, of the same type; an incomplete last row or column of blocks is left out.

    Sums of whole rows first, then of columns: numpy adds long contiguous runs at the speed of memory, which makes this
    twenty times as quick as reshape and sum.
    """
    if k == 1 or min(pixels.shape[:2]) < k:
        return pixels
    rows, columns = (size // k * k for size in pixels.shape[:2])
    total: NDArray[Any]
    narrow, wide = _sums(pixels, k)
    total = np.add(pixels[0:rows:k, :columns], pixels[1:rows:k, :columns], dtype=narrow)
    for offset in range(2, k):
        total += pixels[offset:rows:k, :columns]
    block = total[:, 0::k].astype(wide)
    for offset in range(1, k):
        block += total[:, offset::k]
    if block.dtype.kind == "f":
        return (block / (k * k)).astype(pixels.dtype)
    return ((block + k * k // 2) // (k * k)).astype(pixels.dtype)


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


def _sums(pixels: NDArray[Any], k: int) -> tuple[str, str]:
    """Types that hold the sum of k pixels and of k * k."""
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if kind == "f" or size > 2 or k > _SMALL:  # noqa: PLR2004 bytes
        return f"{kind}8", f"{kind}8"
    if size == 1:
        return f"{kind}2", f"{kind}4"
    # 12 bits in 16 are the rule, and shorter sums are quicker ones.
    room = np.iinfo(pixels.dtype)
    fits = k * int(pixels.max()) <= room.max and k * int(pixels.min()) >= room.min
    return f"{kind}2" if fits else f"{kind}4", f"{kind}4"
