"""A clip: frames one after the other, each with its number, as an animated GIF of few bytes.

Why GIF: docs/decisions. Grey frames keep all of their 256 levels; colours are the 256 that the frames need most.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from rendering.elements import number, numbers
from rendering.header import opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GIF = "image/gif"
#: Long edge of a clip in pixels, and how many bytes it may have.
EDGE, LEAST_EDGE = 512, 256
MOST_BYTES = 5_000_000
#: Milliseconds between two slices of a stack, or frames that do not say; and what viewers can show at all.
PAUSE = 100.0
FASTEST, SLOWEST = 30.0, 1000.0
#: Frames by which bytes and colours of the rest are judged.
_SAMPLE = 4


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
    """(GIF of at most `MOST_BYTES`, width, height) of frames of one size, mode L or RGB."""
    reduced = _within(frames)
    return _encoded(reduced, milliseconds), *reduced[0].size


def _within(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """As large as the bytes allow, judged by a few frames."""
    sample = list(frames[:: max(1, len(frames) // _SAMPLE)])
    expected = len(_encoded(sample, PAUSE)) * len(frames) / len(sample)
    scale = min(1.0, (MOST_BYTES * 0.9 / expected) ** 0.5)
    edge = max(frames[0].size)
    scale = max(scale, min(1.0, LEAST_EDGE / edge))
    size = (max(1, round(frames[0].width * scale)), max(1, round(frames[0].height * scale)))
    return [one.resize(size, Image.Resampling.BOX) for one in frames] if scale < 1 else list(frames)


def _encoded(frames: Sequence[Image.Image], milliseconds: float) -> bytes:
    file = io.BytesIO()
    flat = _flat(frames)
    flat[0].save(file, "GIF", save_all=True, append_images=flat[1:], duration=round(milliseconds / 10) * 10, loop=0)
    return file.getvalue()


def _flat(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Mode L as it is; colours by one table for all frames, so that nothing flickers."""
    if frames[0].mode == "L":
        return list(frames)
    sample = frames[:: max(1, len(frames) // _SAMPLE)]
    strip = Image.new("RGB", (sample[0].width, sample[0].height * len(sample)))
    for place, one in enumerate(sample):
        strip.paste(one, (0, place * one.height))
    table = strip.quantize(256, Image.Quantize.MEDIANCUT)
    return [one.quantize(palette=table, dither=Image.Dither.NONE) for one in frames]


def alike(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Of one size and one mode: a slice of another shape gets dark borders."""
    mode = "RGB" if any(one.mode == "RGB" for one in frames) else "L"
    size = frames[0].size
    return [(one if one.size == size else ImageOps.pad(one, size)).convert(mode) for one in frames]
