"""Which way round the patient lies in a picture, in DICOM's letters (PS3.3 C.7.6.1.1.1, C.7.6.2.1.1).

A anterior, P posterior, R right, L left, H head, F feet, all of the patient; several where the picture is oblique, the
nearest direction first.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.multival import MultiValue

from rendering.elements import given, numbers, word
from rendering.groups import macro

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

#: Towards larger coordinates: x to the patient's left, y to the back, z to the head.
_AXES = ("L", "P", "H")
_OPPOSITE = str.maketrans("RLAPHF", "LRPAFH")
#: Cosine below which a direction is not worth a letter: 15 degrees of tilt.
_LEAST = 0.26
#: How far the cosines may be from two directions of length 1 at a right angle.
_SKEW = 0.05
_LETTERS = re.compile(r"[RLAPHF]{1,3}")


@dataclass(frozen=True, slots=True)
class Orientation:
    """The letters at the right and at the lower edge of a picture; the opposite ones follow."""

    right: str
    bottom: str

    @property
    def left(self) -> str:
        """At the left edge."""
        return self.right.translate(_OPPOSITE)

    @property
    def top(self) -> str:
        """At the upper edge."""
        return self.bottom.translate(_OPPOSITE)

    def turned(self, turns: int, *, flipped: bool) -> Orientation:
        """Of the picture turned by quarters clockwise, and then with left and right exchanged."""
        seen = self
        for _ in range(turns % 4):
            seen = Orientation(seen.top, seen.right)
        return Orientation(seen.left, seen.bottom) if flipped else seen


def orientation(data_set: Dataset, frame: int) -> Orientation | None:
    """Of frame `frame`, from 0, as it is stored; None where nothing says, or what is said makes no sense."""
    plane = numbers(macro(data_set, frame, "PlaneOrientationSequence"), "ImageOrientationPatient")
    found = _by_cosines(plane) if plane else _by_letters(data_set)
    return found if found and found.right not in {found.bottom, found.top} else None


def _by_cosines(plane: Sequence[float]) -> Orientation | None:
    if len(plane) != 6 or not all(map(math.isfinite, plane)):  # noqa: PLR2004 two vectors
        return None
    across, down = plane[:3], plane[3:]
    lengths = (math.hypot(*across), math.hypot(*down))
    angle = sum(a * b for a, b in zip(across, down, strict=True))
    if any(abs(one - 1) > _SKEW for one in lengths) or abs(angle) > _SKEW:
        return None
    return Orientation(_letters(across), _letters(down))


def _letters(direction: Sequence[float]) -> str:
    """E.g. "L", or "LA" for one between left and anterior."""
    parts = sorted(zip(direction, _AXES, strict=True), key=lambda part: -abs(part[0]))
    named = [axis if cosine > 0 else axis.translate(_OPPOSITE) for cosine, axis in parts if abs(cosine) > _LEAST]
    return "".join(named)


def _by_letters(data_set: Dataset) -> Orientation | None:
    """PatientOrientation (0020,0020) as somebody chose it; an animal's has letters of its own (C.7.6.1.1.1)."""
    said = given(data_set, "PatientOrientation")
    if word(data_set, "AnatomicalOrientationType") == "QUADRUPED" or not isinstance(said, (list, MultiValue)):
        return None
    edges = [str(one).strip().upper() for one in said]
    if len(edges) != 2 or not all(_makes_sense(one) for one in edges):  # noqa: PLR2004 row and column
        return None
    return Orientation(*edges)


def _makes_sense(letters: str) -> bool:
    """No direction twice, and none with its opposite."""
    named = set(letters) | set(letters.translate(_OPPOSITE))
    return bool(_LETTERS.fullmatch(letters)) and len(named) == 2 * len(letters)
