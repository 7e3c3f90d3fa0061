"""A clip: frames one after the other, each with its number, as an animated GIF of few bytes.

Why GIF: docs/decisions. Grey frames keep their 256 levels, or 64 where noise would make too many bytes of them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from rendering.elements import number, numbers
from rendering.header import opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

GIF = "image/gif"
#: Long edge of a frame in pixels, and what all of a clip may have in bytes: it plays when all of it is there.
EDGE = 512
MOST_BYTES = 5_000_000
#: Milliseconds between two slices of a stack, or frames that do not say; and what viewers can show at all.
PAUSE = 100.0
FASTEST, SLOWEST = 30.0, 1000.0
#: Frames by which the bytes of all are judged, and what is tried until they are few enough.
_SAMPLE = 4
_REDUCTIONS = ((1.0, 1), (0.85, 1), (1.0, 4), (0.85, 4), (0.7, 4), (0.6, 4), (0.5, 4))
#: Greys in a table of colours; how far the parts of a colour lie apart, and how many such pixels a frame gives.
_GREYS, _LIVELY, _MOST_LIVELY = 96, 24, 5_000


def pause(path: Path, frames: int, shown: int) -> float:
    """Milliseconds between two of `shown` frames out of `frames`, so that it runs as fast as it was recorded.

    FrameTime, else CineRate, else RecommendedDisplayFrameRate (PS3.3 C.7.6.5).
    """
    with opened(path) as header:
        said = header.data_set
    times = [one for one in numbers(said, "FrameTime") if one > 0]
    rates = [number(said, name) for name in ("CineRate", "RecommendedDisplayFrameRate")]
    times += [1000 / rate for rate in rates if rate > 0]
    between = times[0] * max(1.0, frames / shown) if times and frames > 1 else PAUSE
    return min(SLOWEST, max(FASTEST, between))


def animated(frames: Sequence[Image.Image], milliseconds: float) -> tuple[bytes, int, int]:
    """(GIF of about `MOST_BYTES` at most, width, height) of frames of one size, mode L or RGB."""
    table = _table(frames) if frames[0].mode == "RGB" else None
    scale, step = _fitting(frames, table)
    made = [_reduced(one, scale, step, table) for one in frames]
    return _encoded(made, milliseconds), *made[0].size


def _fitting(frames: Sequence[Image.Image], table: Image.Image | None) -> tuple[float, int]:
    """(scale, step between grey levels), judged by a few frames: noise costs most bytes, and goes with either."""
    sample = frames[:: max(1, len(frames) // _SAMPLE)]
    for scale, step in _REDUCTIONS:
        size = len(_encoded([_reduced(one, scale, step, table) for one in sample], PAUSE))
        if size * len(frames) <= MOST_BYTES * len(sample):
            break
    return scale, step


def _reduced(image: Image.Image, scale: float, step: int, table: Image.Image | None) -> Image.Image:
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image if size == image.size else image.resize(size, Image.Resampling.BOX)
    if table is not None:
        return small.quantize(palette=table, dither=Image.Dither.NONE)
    return small.point([level // step * step for level in range(256)]) if step > 1 else small


def _encoded(frames: Sequence[Image.Image], milliseconds: float) -> bytes:
    file = io.BytesIO()
    duration = round(milliseconds / 10) * 10
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=duration, loop=0)
    return file.getvalue()


def _table(frames: Sequence[Image.Image]) -> Image.Image:
    """Greys, and those colours that are in any frame: flow that lights up in one frame of forty must stay red or blue.

    One table for all frames, so that nothing flickers.
    """
    grey = [level for one in range(_GREYS) for level in [round(one * 255 / (_GREYS - 1))] * 3]
    coloured = np.concatenate([_coloured(one) for one in frames])
    colours = Image.fromarray(coloured[None]).quantize(256 - _GREYS).getpalette() if len(coloured) else None
    table = Image.new("P", (1, 1))
    table.putpalette([*grey, *(colours or [])][: 3 * 256])
    return table


def _coloured(image: Image.Image) -> NDArray[np.uint8]:
    """Some of the pixels that are not grey, n x 3."""
    pixels: NDArray[np.uint8] = np.asarray(image)[::2, ::2].reshape(-1, 3)
    lively: NDArray[np.uint8] = pixels[np.ptp(pixels, axis=1) > _LIVELY]
    return lively[:: max(1, lively.shape[0] // _MOST_LIVELY)]


def alike(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Of one size and one mode: a slice of another shape gets dark borders."""
    mode = "RGB" if any(one.mode == "RGB" for one in frames) else "L"
    size = frames[0].size
    return [(one if one.size == size else ImageOps.pad(one, size)).convert(mode) for one in frames]
