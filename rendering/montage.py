"""Frames to a picture: one alone as large as a preview may be, several as a contact sheet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, isclose
from typing import TYPE_CHECKING

from PIL import Image

from rendering.annotate import labelled, placeholder, text_size
from rendering.autowindow import together, windowed
from rendering.drawing import drawn
from rendering.window import WHITE, levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rendering.frame import Frame
    from rendering.notes import Origin
    from rendering.orientation import Orientation
    from rendering.spacing import Spacing

#: Smaller pictures are enlarged to this: on a phone a stamp helps nobody.
LEAST_EDGE = 512
_GAP = 4
_GROUND = 0
#: A tile's number, in sizes of the caption's text.
_NUMBER = 0.8
#: The smallest that it is drawn, in pixels: on a sheet of hundreds.
_LEAST_NUMBER = 9
_COLUMNS = ((1, 1), (4, 2), (9, 3), (20, 4))
_MOST_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of mode L or RGB, and the spacing of its pixels if it is the same everywhere."""

    image: Image.Image
    spacing: Spacing | None
    #: What must be said about its frames.
    origins: tuple[Origin, ...] = ()
    #: Which way round the patient lies in it, if that is the same everywhere.
    orientation: Orientation | None = None


def shown(frame: Frame) -> Image.Image:
    """The frame as it is to be seen, pixel by pixel: mode L through the greyscale pipeline, or RGB."""
    seen = _seen(frame)
    if frame.blank is not None:
        seen[frame.blank] = 0
    if frame.shutter is not None:
        seen[frame.shutter.covered] = frame.shutter.level
    if frame.graphics is not None:
        seen[frame.graphics] = WHITE
    return Image.fromarray(seen)


def _seen(frame: Frame) -> NDArray[np.uint8]:
    if frame.grey is None:
        return frame.pixels if frame.pixels.flags.writeable else frame.pixels.copy()
    return levels(frame.pixels, windowed(frame.pixels, frame.grey))


def single(frame: Frame, width: int, height: int, least: int = LEAST_EDGE) -> Picture:
    """One frame within `width` x `height`, its pixels made square; enlarged if its long edge would be below `least`."""
    image = shown(frame)
    fitted = _fitted(frame, width, height, least)
    return Picture(_sized(frame, image, fitted), _spacing(frame, fitted), (frame.origin,), frame.orientation)


def sheet(frames: Sequence[Frame | None], labels: Sequence[str], width: int, height: int) -> Picture:
    """Frames row by row in a grid within `width` x `height`; None is a tile that cannot be shown."""
    frames = _alike(frames)
    box = tile_box([frame for frame in frames if frame is not None], len(frames), width, height)
    columns = columns_for(len(frames))
    rows = ceil(len(frames) / columns)
    size = (columns * (box[0] + _GAP) - _GAP, rows * (box[1] + _GAP) - _GAP)
    colour = any(frame is not None and frame.grey is None for frame in frames)
    canvas = Image.new("RGB" if colour else "L", size, _GROUND)
    text = min(round(text_size(*size) * _NUMBER), max(_LEAST_NUMBER, min(box) // 4))
    for place, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        tile = labelled(_tile(frame, box, text), label, text)
        corner = (place % columns * (box[0] + _GAP), place // columns * (box[1] + _GAP))
        canvas.paste(tile, corner)
    good = [one for one in frames if one is not None]
    spacings = [_spacing(one, _fitted(one, *box, min(box))) for one in good]
    orientations = {one.orientation for one in good}
    same = orientations.pop() if len(orientations) == 1 else None
    return Picture(canvas, _common(spacings), tuple(one.origin for one in good), same)


def _alike(frames: Sequence[Frame | None]) -> list[Frame | None]:
    """With one window for all that have none: slices of one stack are compared with each other."""
    grey = [(frame.pixels, frame.grey) for frame in frames if frame is not None and frame.grey is not None]
    windows = iter(together(grey))
    return [frame if frame is None or frame.grey is None else replace(frame, grey=next(windows)) for frame in frames]


def columns_for(count: int) -> int:
    """How many tiles side by side."""
    return next((columns for most, columns in _COLUMNS if count <= most), max(_MOST_COLUMNS, ceil(count**0.5)))


def tile_edge(count: int, width: int, height: int) -> int:
    """The long edge that a tile of a sheet of `count` may have at most: what a frame must be read for."""
    columns = columns_for(count)
    return max(1, max(width // columns, height // ceil(count / columns)) - _GAP)


def tile_box(frames: Sequence[Frame], count: int, width: int, height: int) -> tuple[int, int]:
    """Width and height of a tile: as large as the grid lets it be, in the shape of the frames."""
    columns = columns_for(count)
    rows = ceil(count / columns)
    shapes = sorted(one.pixels.shape[1] / (one.pixels.shape[0] * one.aspect) for one in frames)
    ratio = min(2.0, max(0.5, shapes[len(shapes) // 2])) if shapes else 1.0
    wide = min((width + _GAP) // columns - _GAP, int(((height + _GAP) // rows - _GAP) * ratio))
    return max(1, wide), max(1, round(wide / ratio))


def _tile(frame: Frame | None, box: tuple[int, int], text: int) -> Image.Image:
    if frame is None:
        return placeholder(*box, text)
    image = shown(frame)
    fitted = _fitted(frame, *box, min(box))
    tile = Image.new(image.mode, box, _GROUND)
    tile.paste(_sized(frame, image, fitted), ((box[0] - fitted[0]) // 2, (box[1] - fitted[1]) // 2))
    return tile


def _sized(frame: Frame, image: Image.Image, fitted: tuple[int, int]) -> Image.Image:
    return drawn(image.resize(fitted, _filter(image.size, fitted)), frame.marks)


def _fitted(frame: Frame, width: int, height: int, least: int) -> tuple[int, int]:
    """Size within `width` x `height`: never enlarged, unless its long edge would be less than `least`."""
    rows, columns = frame.pixels.shape[:2]
    tall = rows * frame.aspect
    most = min(width / columns, height / tall)
    scale = min(most, max(1.0 if frame.aspect >= 1 else 1 / frame.aspect, least / max(columns, tall)))
    return max(1, round(columns * scale)), max(1, round(tall * scale))


def _filter(before: tuple[int, int], after: tuple[int, int]) -> Image.Resampling:
    """Averaging where it shrinks, so that no line is lost; smooth where it grows."""
    return Image.Resampling.HAMMING if after[0] < before[0] else Image.Resampling.BICUBIC


def _spacing(frame: Frame, fitted: tuple[int, int]) -> Spacing | None:
    if frame.spacing is None:
        return None
    rows, columns = frame.pixels.shape[:2]
    known = frame.spacing
    return replace(known, row=known.row * rows / fitted[1], column=known.column * columns / fitted[0])


def _common(several: Sequence[Spacing | None]) -> Spacing | None:
    """The spacing of all tiles, if it is one."""
    if not several or several[0] is None:
        return None
    reference = several[0]
    same = all(one is not None and isclose(one.column, reference.column, rel_tol=0.01) for one in several)
    return reference if same else None
