"""Frames that are not compressed: exactly the bytes of one frame, in the order and sign that the header says."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from rendering.colour import unpaired
from rendering.errors import CannotShow
from rendering.reduce import box_mean
from rendering.values import stored_values

#: Pixels that are read at a time.
_PART = 1 << 19

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rendering.header import Header
    from rendering.module import PixelModule


def native_frame(header: Header, module: PixelModule, index: int) -> NDArray[Any]:
    """Rows x columns, or rows x columns x 3. Unsigned or floating, in the machine's byte order."""
    if module.bits_allocated == 1:
        return _bits(header, module, index)
    count = module.rows * module.columns * (2 if module.subsampled else module.samples)
    samples = _words(header, module, index * count, count)
    if module.samples == 1:
        return samples.reshape(module.rows, module.columns)
    if module.subsampled:
        return unpaired(samples, module.rows, module.columns)
    if module.planar:
        return np.moveaxis(samples.reshape(3, module.rows, module.columns), 0, 2)
    return samples.reshape(module.rows, module.columns, 3)


def native_mean(header: Header, module: PixelModule, index: int, k: int) -> NDArray[Any]:
    """Stored values of a grey frame, made smaller by k while it is read: `box_mean` of the whole in half the time.

    The pixels of a radiograph are more than a cache holds; a part of them is not. `k` is at most rows and columns.
    """
    row = k * module.columns
    step = max(1, _PART // row) * row
    begin, end = (place * module.rows * module.columns for place in (index, index + 1))
    end -= module.rows % k * module.columns
    means = []
    for start in range(begin, end, step):
        cells = _words(header, module, start, min(step, end - start)).reshape(-1, module.columns)
        values = stored_values(cells, module, module.bits_allocated, signed=module.signed)
        means.append(box_mean(values, k, module.bits_stored))
    return np.concatenate(means)


def _words(header: Header, module: PixelModule, start: int, count: int) -> NDArray[Any]:
    """`count` samples from sample `start` on."""
    size = module.bits_allocated // 8
    if size == 1 and header.words and not header.little_endian:
        return _swapped(header, start, count)
    data = _read(header, start * size, count * size)
    words = data.view(f"{'<' if header.little_endian else '>'}{'f' if module.real else 'u'}{size}")
    return words if header.little_endian else words.astype(words.dtype.newbyteorder("="))


def _swapped(header: Header, start: int, count: int) -> NDArray[np.uint8]:
    """Bytes within the 16-bit words of big endian, where they stand the other way round (PS3.5 section 8.1.1)."""
    before = start % 2
    data = _read(header, start - before, (before + count + 1) // 2 * 2)
    return data.reshape(-1, 2)[:, ::-1].reshape(-1)[before : before + count]


def _bits(header: Header, module: PixelModule, index: int) -> NDArray[np.uint8]:
    """One bit a pixel, least significant first, frames one after the other without gaps (PS3.5 section 8.1.1)."""
    count = module.rows * module.columns
    start = index * count
    begin, end = start // 8, (start + count + 7) // 8
    bits = np.unpackbits(_read(header, begin, end - begin), bitorder="little")
    return bits[start - begin * 8 :][:count].reshape(module.rows, module.columns)


def _read(header: Header, offset: int, count: int) -> NDArray[np.uint8]:
    """`count` bytes at `offset` of the pixel data, and not one byte more is read. The stream stands where it stood."""
    if offset + count > header.length:
        raise CannotShow("its pixel data is shorter than its header says", "P08")
    data = np.empty(count, np.uint8)
    header.stream.seek(offset, io.SEEK_CUR)
    done = header.stream.readinto(data)  # type: ignore[attr-defined]
    header.stream.seek(-offset - done, io.SEEK_CUR)
    if done < count:
        raise CannotShow("its pixel data is cut short", "P09")
    return data
