"""In which order slices lie in the body, and which of many to look at. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.model import Instance

T = TypeVar("T")


def evenly(items: Sequence[T], count: int) -> tuple[T, ...]:
    """At most `count` of `items`, spread evenly, each from the middle of its share."""
    if len(items) <= count:
        return tuple(items)
    return tuple(items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count))


def anatomical(instances: Sequence[Instance]) -> tuple[Instance, ...]:
    """Along the normal of the slices where every one has a position, else by InstanceNumber as given.

    Axial slices come from the feet upwards, as ImagePositionPatient grows (PS3.3 C.7.6.2.1.1).
    """
    normal = _normal(instances[0].image_orientation_patient) if instances else None
    if normal is None or any(len(one.image_position_patient) != 3 for one in instances):  # noqa: PLR2004 x, y, z
        return tuple(instances)
    return tuple(sorted(instances, key=lambda one: (round(_dot(normal, one.image_position_patient), 3), _number(one))))


def orientation(instance: Instance) -> tuple[int, ...]:
    """The plane of a slice, coarse enough that rounding does not split a series."""
    return tuple(round(cosine * 20) for cosine in instance.image_orientation_patient)


def _normal(orientation: Sequence[float]) -> tuple[float, float, float] | None:
    """Cross product of row and column direction, turned so that its largest part is positive."""
    if len(orientation) != 6:  # noqa: PLR2004 two vectors
        return None
    a, b = orientation[:3], orientation[3:]
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    largest = max(cross, key=abs)
    sign = -1.0 if largest < 0 else 1.0
    return (cross[0] * sign, cross[1] * sign, cross[2] * sign) if largest else None


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _number(instance: Instance) -> int:
    return instance.instance_number if instance.instance_number is not None else 1 << 31
