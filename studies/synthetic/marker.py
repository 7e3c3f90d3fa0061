"""The lead letter that a radiographer lays beside the limb: without it a right ankle cannot be told from a left one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from studies.synthetic.shapes import Field, Point

#: Height of the letter in pixels, and how thick its strokes are.
_SIZE, _STROKE = 150, 22
_LEAD = 3900.0


def stamp_r(image: Field, where: Point) -> None:
    """Draw a bright R into the image, its middle at fractions (x, y) of width and height."""
    letter = _letter()
    top = int(where[1] * image.shape[0]) - letter.shape[0] // 2
    left = int(where[0] * image.shape[1]) - letter.shape[1] // 2
    part = image[top : top + letter.shape[0], left : left + letter.shape[1]]
    part += (_LEAD - part) * letter


def _letter() -> Field:
    """How much of each pixel is lead: a stem, a bowl and a leg, with soft edges; shape (174, 134)."""
    edge = _STROKE // 2
    y, x = np.mgrid[0 : _SIZE + 2 * edge, 0 : _SIZE * 2 // 3 + 2 * edge + 12].astype(np.float32)
    x, y = x - edge - 6, y - edge
    half, width = _SIZE / 2, _SIZE / 3
    stem = np.hypot(x, y - np.clip(y, 0, _SIZE))
    bars = np.minimum(*(np.hypot(x - np.clip(x, 0, width), y - level) for level in (0, half)))
    bowl = np.where(x >= width, np.abs(np.hypot(x - width, y - half / 2) - half / 2), np.inf)
    along = np.clip(((x - width) * width + (y - half) * half) / (width * width + half * half), 0, 1)
    leg = np.hypot(x - width - along * width, y - half - along * half)
    nearest = np.minimum.reduce([stem, bars, bowl, leg])
    return np.asarray(np.clip((edge - nearest) / 2 + 0.5, 0, 1), np.float32)
