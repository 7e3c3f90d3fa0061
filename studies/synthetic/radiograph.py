"""A radiograph as physics would make it: path lengths through skin, fat, cortex and spongy bone, added and exposed.

Outlines are measured on a grid of 0.8 mm, paths added up on one of 0.2 mm, and noise is put on the pixels of 0.1 mm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studies.synthetic.marker import stamp_r
from studies.synthetic.shapes import Field, blurred, depth, distance, doubled, enlarged, smooth, solid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from studies.synthetic.anatomy import Bone, Outline, View

ROWS, COLUMNS = 2496, 2048
#: Of the detector, mm.
PIXEL_SPACING = 0.1
#: 12 bits.
MAXIMUM = 4095

_COARSE = 8 * PIXEL_SPACING
_PATHS = (ROWS // 2, COLUMNS // 2)

#: Grey levels per mm of path.
_MUSCLE, _FAT, _CORTICAL, _SPONGY = 9.0, -4.5, 62.0, 27.0
#: How round a leg is at its skin, mm.
_LIMB = 38.0


def expose(views: Sequence[View], random: np.random.Generator) -> Iterator[NDArray[np.uint16]]:
    """Each view as 12-bit MONOCHROME2 values, shape (2496, 2048): bone is bright."""
    texture = _trabeculae(random)
    noise = random.standard_normal((ROWS, COLUMNS), np.float32)
    # Detectors blur a little: neighbouring pixels share some of their noise.
    noise = 0.8 * noise + 0.4 * np.roll(noise, 1, 1) + 0.3 * np.roll(noise, 1, 0)
    for number, view in enumerate(views):
        paths = _soft_tissue(view, random)
        for bone in view.bones:
            _add_bone(paths, bone, view, np.roll(texture, 97 * number, 1))
        yield _developed(doubled(paths), view, np.roll(noise, (331 * number, 173 * number), (0, 1)))


def _axes(view: View) -> tuple[Field, Field]:
    """X and y of the coarse grid in mm from the joint, one point more than pixels at each end."""
    width, height = COLUMNS * PIXEL_SPACING, ROWS * PIXEL_SPACING
    xs = np.arange(COLUMNS // 8 + 1) * _COARSE - view.centre[0] * width
    ys = np.arange(ROWS // 8 + 1) * _COARSE - view.centre[1] * height
    return xs.astype(np.float32), ys.astype(np.float32)


def _window(outline: Outline, xs: Field, ys: Field) -> tuple[slice, slice]:
    """The part of the coarse grid (rows, columns) that an outline touches."""
    curve = smooth(outline)
    (left, top), (right, bottom) = curve.min(0) - _COARSE, curve.max(0) + _COARSE
    rows, columns = np.flatnonzero((ys >= top) & (ys <= bottom)), np.flatnonzero((xs >= left) & (xs <= right))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _fine(part: slice) -> slice:
    """The same part on the grid of paths."""
    return slice(part.start * 4, (part.stop - 1) * 4)


def _soft_tissue(view: View, random: np.random.Generator) -> Field:
    xs, ys = _axes(view)
    inside = enlarged(depth(view.skin, xs, ys), 4)
    muscle = solid(inside, _LIMB)
    paths = _MUSCLE * muscle + 0.6 * _FAT * muscle * np.clip(1.2 - inside / 5, 0, 1)
    for outline in view.fat:
        rows, columns = _window(outline, xs, ys)
        paths[_fine(rows), _fine(columns)] += _FAT * solid(enlarged(depth(outline, xs[columns], ys[rows]), 4), 8)
    cloudy = enlarged(random.standard_normal((27, 33)).astype(np.float32), 48)[: _PATHS[0], : _PATHS[1]]
    return np.asarray(np.maximum(paths, 0) * (1 + 0.02 * cloudy[: _PATHS[0], : _PATHS[1]]), np.float32)


def _add_bone(paths: Field, bone: Bone, view: View, texture: Field) -> None:
    """Cortex as a shell, spongy bone within. Towards a joint the shell thins and the trabeculae thicken."""
    xs, ys = _axes(view)
    rows, columns = _window(bone.outline, xs, ys)
    xs, ys = xs[columns], ys[rows]
    inside = enlarged(depth(bone.outline, xs, ys), 4)
    heights = np.repeat(ys[:-1], 4)[:, None]
    joint = np.ones_like(heights) if bone.metaphysis is None else np.clip((heights - bone.metaphysis + 30) / 42, 0, 1)
    shell = np.asarray(bone.cortex + (min(bone.cortex, 1.2) - bone.cortex) * joint, np.float32)
    within = solid(inside - shell, bone.radius - shell)
    grain = 1 + (0.05 + 0.13 * joint) * texture[_fine(rows), _fine(columns)]
    path = (
        _CORTICAL * (solid(inside, bone.radius) - within) + _SPONGY * bone.spongy * (0.8 + 2 * joint) * within * grain
    )
    paths[_fine(rows), _fine(columns)] += path * _unbroken(bone, xs, ys)


def _unbroken(bone: Bone, xs: Field, ys: Field) -> Field | float:
    """How much of the bone is left along its fracture, a line about half a millimetre wide."""
    if not bone.fracture:
        return 1.0
    nearest = enlarged(distance(bone.fracture, xs, ys), 4)
    return np.asarray(1 - 0.5 * np.exp(-((nearest / 0.5) ** 2)), np.float32)


def _trabeculae(random: np.random.Generator) -> Field:
    """Fine lines, mostly along the load (up and down), some across; mean 0 and deviation 1."""
    grain = random.standard_normal(_PATHS, np.float32)
    lines = (
        _scaled(blurred(grain, 8, 1)) + 0.7 * _scaled(blurred(grain[::-1], 1, 6)) + 0.8 * _scaled(blurred(grain, 4, 4))
    )
    return _scaled(lines)


def _scaled(image: Field) -> Field:
    return np.asarray(image / image.std(), np.float32)


def _developed(paths: Field, view: View, noise: Field) -> NDArray[np.uint16]:
    """Film curve, quantum noise, the lead marker, and the collimator's edges with their penumbra."""
    grey = 260 + 3500 * (1 - np.exp(-paths / 1050))
    grey += noise * (10 + 14 * grey / MAXIMUM)
    stamp_r(grey, view.marker)
    grey *= _penumbra(ROWS, 0.02)[:, None] * _penumbra(COLUMNS, 0.035)[None, :]
    return np.asarray(np.clip(grey, 0, MAXIMUM), np.uint16)


def _penumbra(size: int, margin: float) -> Field:
    at = np.linspace(0, 1, size, dtype=np.float32)
    edge = np.clip((np.minimum(at, 1 - at) - margin) * size / 14, 0, 1)
    return np.asarray(0.12 + 0.88 * edge, np.float32)
