"""A small lossless coding of grey values, made for being undone quickly by a page without libraries. Pure.

Each value is predicted from its neighbours (the median edge detector of JPEG-LS, ITU-T T.87 A.4.1), what is left over
is small, and deflate at its fastest level stores that in about 5 percent more than JPEG-LS takes, in a tenth of its
time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from isal import isal_zlib

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Raw deflate, without a head.
_RAW = -15
_FAST = 1


def residuals(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """What prediction leaves over of rows x columns, modulo 65,536, folded: 0, -1, 1, -2, ... to 0, 1, 2, 3, ..."""
    # Up to 14 bits every sum and difference below fits into 16 bits: half the memory, twice the speed.
    wide: NDArray[Any] = values.astype("i2" if int(values.max(initial=0)) < 1 << 14 else "i4")
    rest: NDArray[Any] = wide.copy()
    left, above, corner = wide[1:, :-1], wide[:-1, 1:], wide[:-1, :-1]
    rest[0, 1:] -= wide[0, :-1]
    rest[1:, 0] -= wide[:-1, 0]
    guess = left + above
    guess -= corner
    np.maximum(guess, np.minimum(left, above), out=guess)
    np.minimum(guess, np.maximum(left, above), out=guess)
    rest[1:, 1:] -= guess
    small: NDArray[Any] = rest.astype(np.int16)
    return ((small << 1) ^ (small >> 15)).view(np.uint16)


def bits(rest: NDArray[np.uint16]) -> float:
    """About how many bits a value takes when they are deflated: entropy of a two-sided exponential distribution."""
    return float(np.log2(np.e * (float(rest.mean()) + 0.5) + 1.0))


def deflated(rest: NDArray[np.uint16]) -> bytes:
    """All low bytes, then all high ones, which are nearly always 0."""
    planes = rest.astype("<u2", copy=False).view(np.uint8).reshape(-1, 2).T
    return squeezed(np.ascontiguousarray(planes).data)


def squeezed(data: bytes | memoryview) -> bytes:
    """Raw deflate (RFC 1951)."""
    return bytes(isal_zlib.compress(data, _FAST, _RAW))
