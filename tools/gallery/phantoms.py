"""Pictures of nobody where `studies.synthetic` has no study: ellipses and noise, recognisable at a glance."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

Field = NDArray[Any]

AIR, FAT, FLUID, BRAIN, BLOOD, SKULL = -1000.0, -80.0, 8.0, 34.0, 68.0, 900.0


class Canvas:
    """A field of values; x to the right and y down, both from -1 to 1 along the shorter edge."""

    def __init__(self, rows: int, columns: int, ground: float = 0.0) -> None:
        edge = min(rows, columns)
        self.y, self.x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        self.y, self.x = (2 * self.y - rows) / edge, (2 * self.x - columns) / edge
        self.values = np.full((rows, columns), ground, np.float32)
        self._soft = edge / 4

    def inside(self, centre: tuple[float, float], radii: tuple[float, float], turned: float = 0.0) -> Field:
        """How much of each pixel lies in an ellipse, turned by degrees: 0 to 1 with a soft edge."""
        x, y = self.x - centre[0], self.y - centre[1]
        cos, sin = np.cos(np.radians(turned)), np.sin(np.radians(turned))
        distance = np.hypot((x * cos + y * sin) / radii[0], (y * cos - x * sin) / radii[1])
        return np.asarray(np.clip((1 - distance) * min(radii) * self._soft + 0.5, 0, 1), np.float32)

    def fill(self, value: float, *ellipse: Any) -> Canvas:
        """Replace what lies in the ellipse."""
        self.values += (value - self.values) * self.inside(*ellipse)
        return self

    def add(self, value: float, *ellipse: Any) -> Canvas:
        """Add to what lies in the ellipse."""
        self.values += value * self.inside(*ellipse)
        return self

    def line(self, value: float, points: NDArray[Any], width: float) -> Canvas:
        """Add along a polyline, x and y by rows; where it crosses itself it is no stronger."""
        nearest = np.full_like(self.values, np.inf)
        for (ax, ay), (bx, by) in pairwise(points):
            dx, dy = bx - ax, by - ay
            t = np.clip(((self.x - ax) * dx + (self.y - ay) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
            nearest = np.minimum(nearest, np.hypot(self.x - ax - t * dx, self.y - ay - t * dy))
        self.values += value * np.clip((width - nearest) * self._soft + 0.5, 0, 1)
        return self


def smoothed(field: Field, times: int) -> Field:
    """Neighbours share their noise, as in every detector."""
    for _ in range(times):
        field = (
            field + np.roll(field, 1, 0) + np.roll(field, 1, 1) + np.roll(field, -1, 0) + np.roll(field, -1, 1)
        ) / 5
    return np.asarray(field / field.std(), np.float32)


def noise(shape: tuple[int, ...], seed: int, times: int = 1) -> Field:
    """Of deviation 1."""
    return smoothed(np.random.default_rng(seed).standard_normal(shape, np.float32), times)


def chest(rows: int = 1100, columns: int = 1000) -> NDArray[np.uint16]:
    """A frontal chest as detectors give it, 12 bit, air dark: stored inverted by whoever writes MONOCHROME1."""
    body = Canvas(rows, columns, 120)
    body.fill(1700, (0, 0.35), (0.93, 1.25)).fill(1500, (0, -0.9), (0.26, 0.4))
    for side in (-1, 1):
        body.fill(560, (side * 0.43, 0.0), (0.34, 0.72), side * -8)
        for number in range(9):
            angle = np.linspace(0.15, 2.4, 24)
            arc = np.stack([side * (0.08 + 0.72 * np.sin(angle)), -0.78 + 0.17 * number - 0.2 * np.cos(angle)], 1)
            body.line(230, arc, 0.022)
        clavicle = np.array([(side * 0.1, -0.66), (side * 0.4, -0.74), (side * 0.8, -0.86)])
        body.line(420, clavicle, 0.03)
        for number in range(7):
            way = np.array([(side * 0.12, 0.0), (side * 0.3, -0.4 + 0.13 * number), (side * 0.6, -0.5 + 0.17 * number)])
            body.line(110, way, 0.012)
    body.add(620, (0.14, 0.26), (0.4, 0.3), 40).add(380, (0, -0.1), (0.13, 1.0)).add(260, (0, 0), (0.07, 1.2))
    for side, top in ((-1, 0.58), (1, 0.66)):
        body.fill(1750, (side * 0.45, top + 0.5), (0.5, 0.5))
    trunk = np.maximum(body.inside((0, 0.35), (0.93, 1.25)), body.inside((0, -0.9), (0.26, 0.4)))
    body.values = 120 + (body.values - 120) * trunk
    return np.asarray(np.clip(body.values + 26 * noise(body.values.shape, 1), 0, 4095), np.uint16)


def head(slices: int = 28, rows: int = 320) -> Iterator[NDArray[np.int16]]:
    """From the base of the skull upwards, in Hounsfield units, with a lens of blood under the left parietal bone."""
    for number in range(slices):
        height = (number + 0.5) / slices
        size = 0.86 * np.sin(np.pi * (0.28 + 0.66 * height)) ** 0.5
        one = Canvas(rows, rows, AIR)
        one.fill(FAT, (0, 0), (0.8 * size, size)).fill(SKULL, (0, 0), (0.77 * size, 0.96 * size))
        one.fill(FLUID, (0, 0), (0.71 * size, 0.89 * size)).fill(BRAIN, (0, 0), (0.695 * size, 0.87 * size))
        ventricle = np.sin(np.pi * np.clip((height - 0.25) / 0.5, 0, 1))
        for side in (-1, 1):
            if ventricle > 0.1:
                one.fill(FLUID, (side * 0.09, -0.02), (0.05 * ventricle, 0.26 * ventricle), side * -14)
        _base(one, height, size)
        lens = np.sin(np.pi * np.clip((height - 0.42) / 0.4, 0, 1))
        if lens > 0.1:
            blood = one.inside((0.66 * size, 0.18), (0.13 * lens, 0.36 * lens), -8)
            one.values += (BLOOD - one.values) * blood * one.inside((0, 0), (0.71 * size, 0.89 * size))
        yield np.rint(one.values + 5 * noise((rows, rows), number, 2)).astype(np.int16)


def _base(one: Canvas, height: float, size: float) -> None:
    """Petrous bones, orbits and sinuses of the lowest slices."""
    if height < 0.28:
        for side in (-1, 1):
            one.fill(700, (side * 0.3 * size, 0.12), (0.3, 0.07), side * -35)
            one.fill(FAT, (side * 0.28, -0.62 * size), (0.16, 0.2)).fill(25, (side * 0.28, -0.66 * size), (0.12, 0.12))
        one.fill(AIR, (0, -0.55 * size), (0.09, 0.22))


def gallbladder(frames: int = 30, rows: int = 480, columns: int = 640) -> Iterator[NDArray[np.uint8]]:
    """A sector of an abdominal ultrasound, RGB: liver, gallbladder with a stone and its shadow, a vessel in colour."""
    grain = noise((rows, columns), 7, 3)
    for number in range(frames):
        phase = 2 * np.pi * number / frames
        one = Canvas(rows, columns, 0)
        apex = (0.0, -1.25)
        away, angle = np.hypot(one.x - apex[0], one.y - apex[1]), np.arctan2(one.x - apex[0], one.y - apex[1])
        sector = (away > 0.4) & (away < 2.1) & (np.abs(angle) < 0.62)
        shift = 0.05 * np.sin(phase)
        echo = Canvas(rows, columns, 96)
        echo.fill(150, (-0.1, 1.0 + shift), (1.3, 0.3)).fill(12, (0.16, 0.05 + shift), (0.36, 0.2), 25)
        echo.fill(240, (0.22, 0.17 + shift), (0.07, 0.05))
        shadow = (np.abs(angle - np.arctan2(0.22, 1.42 + shift)) < 0.045) & (away > 1.46 + shift)
        speckle = np.log1p(np.abs(np.roll(grain, (3 * number, 5 * number), (0, 1))))
        grey = np.where(shadow, 10, echo.values) * (0.45 + 0.8 * speckle) * sector
        colour = np.repeat(np.clip(grey, 0, 255)[..., None], 3, 2)
        flow = one.inside((-0.42, 0.35 + shift), (0.24, 0.06), -20) * sector
        pulse = 0.55 + 0.45 * np.sin(3 * phase)
        colour += flow[..., None] * (np.array([220, 40, 30]) * pulse - colour)
        yield np.clip(colour, 0, 255).astype(np.uint8)


def coronaries(frames: int = 20, rows: int = 400) -> Iterator[NDArray[np.uint8]]:
    """Contrast runs down a tree of vessels and out again; one branch is narrowed."""
    tree = _tree()
    ground = Canvas(rows, rows, 150)
    ground.add(35, (0.1, 0.1), (0.75, 0.7), 30).add(-40, (-0.85, 0), (0.35, 1.2)).add(-25, (0.9, 0.2), (0.2, 1.1))
    for number in range(frames):
        one = Canvas(rows, rows)
        one.values[:] = ground.values
        shift = 0.03 * np.sin(2 * np.pi * number / 12)
        filled = Canvas(rows, rows)
        for start, points, width in tree:
            front = np.clip((number / frames * 2.2 - start) / 0.5, 0, 1)
            washed = np.clip((number / frames * 2.2 - 1.5 - start * 0.5) / 0.5, 0, 1)
            if front > 0.05 and washed < 1:
                shown = max(2, round(front * len(points)))
                branch = Canvas(rows, rows).line(1 - washed, points[:shown] + shift, width)
                filled.values = np.maximum(filled.values, branch.values)
        yield np.clip(one.values - 95 * filled.values + 2 * noise((rows, rows), number), 0, 255).astype(np.uint8)


def _tree() -> list[tuple[float, NDArray[Any], float]]:
    """Branches: when the contrast arrives (0 to 1), their points, their half width."""
    t = np.linspace(0, 1, 20)
    main = np.stack([-0.55 + 0.5 * t, -0.6 + 0.2 * np.sin(2 * t)], 1)
    descending = np.stack([-0.05 + 0.45 * t + 0.08 * np.sin(5 * t), -0.42 + 1.2 * t], 1)
    round_about = np.stack([-0.05 - 0.35 * np.sin(2.4 * t), -0.42 + 0.95 * t], 1)
    branches = [(0.0, main, 0.035), (0.3, descending[:9], 0.028), (0.5, descending[8:11], 0.008)]
    branches += [(0.6, descending[10:], 0.024), (0.3, round_about, 0.026)]
    for place, side in ((4, 1), (12, 1), (15, -1)):
        start = descending[place]
        branches.append((0.5 + place / 40, np.stack([start[0] + side * 0.35 * t, start[1] + 0.3 * t**1.5], 1), 0.014))
    return branches


def breast(view: str, side: str, rows: int = 900, columns: int = 700) -> NDArray[np.uint16]:
    """12 bit, air dark. The chest wall is on the left of a left breast and on the right of a right one."""
    one = Canvas(rows, columns, 40)
    middle = (-1.0, 0.0 if view == "CC" else 0.15)
    one.fill(1300, middle, (1.35, 0.95))
    seed = 20 + 2 * (view == "CC") + (side == "L")
    cloudy = smoothed(noise((rows, columns), seed, 3), 40)
    gland = one.inside((-0.55, middle[1]), (0.62, 0.55))
    one.values += gland * (900 + 260 * cloudy)
    if view == "MLO":
        one.fill(2500, (-1.15, -1.05), (0.55, 0.85), 25)
    if side == "R":
        one.add(900, (-0.35, middle[1] - 0.1), (0.09, 0.08))
    values = np.clip(one.values + 22 * noise((rows, columns), seed + 1), 0, 4095)
    return np.asarray(values if side == "L" else values[:, ::-1], np.uint16)


def knee(slices: int = 24, rows: int = 256) -> Iterator[NDArray[np.uint16]]:
    """Sagittal slices, fat bright: femur, tibia and patella, a dark ligament and a meniscus."""
    for number in range(slices):
        side = abs(number / (slices - 1) - 0.5) * 2
        one = Canvas(rows, rows, 12)
        one.fill(520, (0.05, 0), (0.72 - 0.2 * side, 1.3)).fill(260, (0.1, 0), (0.6 - 0.2 * side, 1.3))
        for outer, value in ((0.0, 40), (0.02, 620)):
            one.fill(value, (0.05, -0.7), (0.24 - outer, 0.75)).fill(value, (0.08, -0.14), (0.4 - outer, 0.28 - outer))
            one.fill(value, (0.08, 0.36), (0.4 - outer, 0.17 - outer)).fill(value, (0.1, 0.9), (0.23 - outer, 0.6))
            if side < 0.5:
                one.fill(value, (-0.42, -0.28), (0.1 - outer, 0.22 - outer), 8)
        one.fill(60, (-0.2, 0.17), (0.14, 0.035), 6).fill(60, (0.34, 0.17), (0.14, 0.035), -6)
        if side < 0.25:
            one.line(-420, np.array([(0.22, -0.1), (-0.05, 0.2)]), 0.03)
            one.line(-420, np.array([(-0.45, -0.05), (-0.38, 0.3)]), 0.03)
        yield np.clip(np.hypot(one.values + 14 * noise((rows, rows), number), 10), 0, 4095).astype(np.uint16)


def skeleton(behind: bool, rows: int = 1024, columns: int = 256) -> NDArray[np.uint16]:  # noqa: FBT001 front or back
    """Counts of a whole-body bone scan; a hot spot in the right femur."""
    one = Canvas(rows, columns, 1.5)
    one.add(14, (0, -3.45), (0.32, 0.42)).add(9, (0, -1.7), (0.62, 1.2)).add(22, (0, -1.4), (0.09, 1.7))
    one.add(20, (0, -0.25), (0.5, 0.3))
    sign = 1 if behind else -1
    for side in (-1, 1):
        one.add(14, (side * 0.3, 1.2), (0.13, 1.25), side * 3).add(11, (side * 0.28, 3.0), (0.09, 0.8))
        one.add(10, (side * 0.85, -1.6), (0.08, 0.9), side * 5).add(16, (side * 0.66, -2.55), (0.14, 0.14))
        one.add(14, (side * 0.3, 2.35), (0.15, 0.15))
        if behind:
            one.add(10, (side * 0.3, -1.2), (0.12, 0.2))
    one.add(60, (sign * 0.3, 1.0), (0.1, 0.22))
    return np.random.default_rng(5 + behind).poisson(np.maximum(one.values, 0)).astype(np.uint16)


def fundus(rows: int = 900) -> NDArray[np.uint8]:
    """A retina in colour: disc, vessels, macula."""
    one, vessels = Canvas(rows, rows), Canvas(rows, rows)
    t = np.linspace(0, 1, 24)
    for up in (-1, 1):
        for far in (0.55, 1.0):
            way = np.stack([0.45 - 1.35 * t * far, up * (0.62 * np.sin(2.4 * t) * far)], 1)
            vessels.line(0.6, way, 0.012 + 0.008 * far)
            vessels.line(0.5, np.stack([0.45 + 0.5 * t, up * 0.5 * t], 1), 0.012)
    eye = one.inside((0, 0), (0.95, 0.95)) * (1 - 0.25 * np.hypot(one.x, one.y))
    disc, macula = one.inside((0.45, 0), (0.13, 0.15)), one.inside((-0.15, 0.02), (0.22, 0.2))
    dark = 1 - 0.5 * np.minimum(vessels.values, 1) - 0.25 * macula * (1 - np.hypot(one.x + 0.15, one.y))
    texture = 1 + 0.03 * noise((rows, rows), 3, 4)
    colour = np.array([205, 95, 45]) * (eye * dark * texture)[..., None]
    colour += disc[..., None] * (np.array([245, 205, 140]) - colour) * (dark * 0.9)[..., None]
    return np.asarray(np.clip(colour, 0, 255), np.uint8)
