"""Smooth outlines and how deep inside them each pixel lies, with numpy alone. Lengths in mm, x right and y down."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Field = NDArray[np.float32]
Point = tuple[float, float]

#: Points of the curve per point of the outline.
_FINENESS = 4


def smooth(outline: Sequence[Point]) -> Field:
    """A closed Catmull-Rom curve through the points, shape (4 x points, 2)."""
    points = np.asarray(outline, np.float32)
    before, after, beyond = np.roll(points, 1, 0), np.roll(points, -1, 0), np.roll(points, -2, 0)
    t = (np.arange(_FINENESS, dtype=np.float32) / _FINENESS)[:, None, None]
    curve = 0.5 * (
        2 * points
        + (after - before) * t
        + (2 * before - 5 * points + 4 * after - beyond) * t**2
        + (3 * points - before - 3 * after + beyond) * t**3
    )
    return np.asarray(curve.transpose(1, 0, 2).reshape(-1, 2), np.float32)


def depth(outline: Sequence[Point], xs: Field, ys: Field) -> Field:
    """Distance to the smoothed outline in mm on the grid ys x xs, positive inside."""
    start = smooth(outline)
    end = np.roll(start, -1, 0)
    inside = np.zeros((len(ys), len(xs)), bool)
    for (x0, y0), (x1, y1) in zip(start.tolist(), end.tolist(), strict=True):
        if y0 != y1:
            rows = ((y0 > ys) != (y1 > ys))[:, None]
            inside ^= rows & (xs[None, :] < x0 + (x1 - x0) * (ys[:, None] - y0) / (y1 - y0))
    away = distance([*start.tolist(), start[0].tolist()], xs, ys)
    return np.where(inside, away, -away)


def distance(line: Sequence[Sequence[float]], xs: Field, ys: Field) -> Field:
    """Distance to a polyline in mm on the grid ys x xs."""
    squared = np.full((len(ys), len(xs)), np.inf, np.float32)
    for (x0, y0), (x1, y1) in pairwise(line):
        dx, dy = x1 - x0, y1 - y0
        px, py = (xs - np.float32(x0))[None, :], (ys - np.float32(y0))[:, None]
        t = np.clip((px * dx + py * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
        np.minimum(squared, (px - t * dx) ** 2 + (py - t * dy) ** 2, out=squared)
    return np.asarray(np.sqrt(squared), np.float32)


def enlarged(coarse: Field, factor: int) -> Field:
    """Bilinear, by two matrix products: n points become (n - 1) x factor, the last one only bounds them."""
    rows, columns = ((size - 1) * factor for size in coarse.shape)
    return np.asarray(_weights(rows, factor) @ coarse @ _weights(columns, factor).T, np.float32)


def _weights(size: int, factor: int) -> Field:
    at = np.arange(size, dtype=np.float32)[:, None] / factor
    weights = np.maximum(0, 1 - np.abs(at - np.arange(size // factor + 1, dtype=np.float32)))
    return np.asarray(weights, np.float32)


def doubled(image: Field) -> Field:
    """Twice the size by linear interpolation; quicker than `enlarged` on large images."""
    tall = np.repeat(image, 2, 0)
    tall[1:-1:2] = (image[:-1] + image[1:]) / 2
    wide = np.repeat(tall, 2, 1)
    wide[:, 1:-1:2] = (tall[:, :-1] + tall[:, 1:]) / 2
    return wide


def blurred(image: Field, rows: int, columns: int) -> Field:
    """Box mean over (2 rows + 1) x (2 columns + 1) pixels, wrapping around, by running sums."""
    for axis, reach in ((0, rows), (1, columns)):
        if reach:
            image = _mean_along(image, axis, reach)
    return image


def _mean_along(image: Field, axis: int, reach: int) -> Field:
    size, width = image.shape[axis], 2 * reach + 1
    sums = np.cumsum(image, axis, dtype=np.float64)
    total = sums.take([-1], axis)
    around = [sums.take(range(size - reach - 1, size), axis) - total, sums, sums.take(range(reach), axis) + total]
    sums = np.concatenate(around, axis)
    return np.asarray((sums.take(range(width, width + size), axis) - sums.take(range(size), axis)) / width, np.float32)


def solid(inside: Field, radius: Field | float) -> Field:
    """Path length in mm through a body that is round at its edge and flat from `radius` inwards."""
    reach = np.clip(inside, 0, radius)
    return np.asarray(2 * np.sqrt(reach * (2 * radius - reach)), np.float32)
