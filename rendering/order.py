"""In which order slices lie in the body, and which of many to look at. Pure."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.model import Instance

T = TypeVar("T")
Vector = tuple[float, float, float]

#: Cosines of the angles up to which slices are of one plane (25 degrees: discs of a spine are tilted each), and up to
#: which they are parallel, so that distances along their normal mean something.
_ONE_PLANE, _PARALLEL = 0.9, 0.999
#: Fewer places than these are no stack: what visits them is seen over time.
_LEAST_PLACES = 4


def evenly(items: Sequence[T], count: int) -> tuple[T, ...]:
    """At most `count` of `items`, spread evenly, each from the middle of its share."""
    if len(items) <= count:
        return tuple(items)
    return tuple(items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count))


def anatomical(instances: Sequence[Instance]) -> tuple[Instance, ...]:
    """Along the normal of the slices where they are parallel and have a position, else by InstanceNumber as given.

    Of the two directions it is the one in which their numbers grow: as the department scrolls them (PS3.3 C.7.6.2.1.1).
    """
    normal = _normal(instances[0]) if instances else None
    if normal is None or not all(_placed(one, normal) for one in instances):
        return tuple(instances)
    depths = {one.key: round(_dot(normal, one.image_position_patient), 3) for one in instances}
    upwards = sorted(instances, key=lambda one: (depths[one.key], _number(one)))
    if _number(upwards[0]) <= _number(upwards[-1]):
        return tuple(upwards)
    return tuple(sorted(instances, key=lambda one: (-depths[one.key], _number(one))))


def planes(instances: Sequence[Instance]) -> list[tuple[Instance, ...]]:
    """Slices that lie in about the same plane, in the order in which the planes begin, each in anatomical order."""
    groups: list[list[Instance]] = []
    for one in instances:
        home = next((group for group in groups if _one_plane(group[0], one)), None)
        groups.append([one]) if home is None else home.append(one)
    return [anatomical(group) for group in groups]


def visits(slices: Sequence[Instance]) -> list[tuple[Instance, ...]]:
    """A stack that visits each place several times (phases, echoes, diffusion weightings), visit by visit.

    `slices` alone where places are visited once, or not all alike.
    """
    places: dict[tuple[float, ...], list[Instance]] = {}
    for one in slices:
        places.setdefault(tuple(round(value, 2) for value in one.image_position_patient), []).append(one)
    times = Counter(map(len, places.values()))
    if len(times) != 1 or len(places) < _LEAST_PLACES or len(places) == len(slices):
        return [tuple(slices)]
    return list(zip(*places.values(), strict=True))


def _one_plane(one: Instance, other: Instance) -> bool:
    a, b = _normal(one), _normal(other)
    return a is b if a is None or b is None else abs(_dot(a, b)) > _ONE_PLANE


def _placed(one: Instance, normal: Vector) -> bool:
    own = _normal(one)
    return own is not None and abs(_dot(own, normal)) > _PARALLEL and len(one.image_position_patient) == len(normal)


def _normal(instance: Instance) -> Vector | None:
    return _across(instance.image_orientation_patient)


@lru_cache(maxsize=1024)
def _across(orientation: tuple[float, ...]) -> Vector | None:
    """Cross product of row and column direction, of length 1, turned so that its largest part is positive."""
    if len(orientation) != 6:  # noqa: PLR2004 two vectors
        return None
    a, b = orientation[:3], orientation[3:]
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    largest = max(cross, key=abs)
    length = math.copysign(math.hypot(*cross), largest)
    return (cross[0] / length, cross[1] / length, cross[2] / length) if length else None


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Of three values each."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _number(instance: Instance) -> int:
    return instance.instance_number if instance.instance_number is not None else 1 << 31
