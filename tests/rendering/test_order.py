"""Slices in the order of the body, whatever the order in which they come, and which of many are looked at."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering.order import anatomical, evenly, planes, visits
from studies.model import Instance

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def instance(number: int | None, **given: Any) -> Instance:
    return Instance(f"1.2.3.{number}", "1.2", "1.2", number, **given)


def slices(count: int, direction: tuple[float, ...] = AXIAL, *, downwards: bool = False) -> list[Instance]:
    sign = -1 if downwards else 1
    return [
        instance(n, image_position_patient=(0.0, 0.0, sign * 5.0 * n), image_orientation_patient=direction)
        for n in range(count)
    ]


def tilted(number: int, degrees: float) -> Instance:
    """An axial slice, tilted around the axis from right to left."""
    a = math.radians(degrees)
    return instance(
        number,
        image_position_patient=(0.0, 0.0, 5.0 * number),
        image_orientation_patient=(1.0, 0.0, 0.0, 0.0, math.cos(a), math.sin(a)),
    )


@given(st.permutations(slices(12)), st.booleans())
def test_slices_come_as_they_lie_and_as_their_numbers_grow(mixed: list[Instance], downwards: bool) -> None:  # noqa: FBT001
    given_slices = [
        instance(
            one.instance_number,
            image_position_patient=tuple(-v if downwards else v for v in one.image_position_patient),
            image_orientation_patient=AXIAL,
        )
        for one in mixed
    ]
    assert [one.instance_number for one in anatomical(given_slices)] == list(range(12))


def test_numbers_that_jump_do_not_change_the_order_of_the_body() -> None:
    heights = [0.0, 5.0, 10.0, 15.0, 20.0]
    jumping = [
        instance(n, image_position_patient=(0.0, 0.0, z), image_orientation_patient=AXIAL)
        for n, z in zip((1, 4, 2, 5, 3), heights, strict=True)
    ]
    assert [one.image_position_patient[2] for one in anatomical(jumping[::-1])] == heights


def test_slices_without_positions_keep_the_order_of_their_numbers() -> None:
    plain = tuple(instance(n) for n in range(5))
    assert anatomical(plain) == plain


@given(st.integers(0, 300), st.integers(1, 30))
def test_evenly_takes_each_once_and_in_order(count: int, wanted: int) -> None:
    taken = evenly(range(count), wanted)
    assert len(taken) == min(count, wanted)
    assert list(taken) == sorted(set(taken))


def test_rounding_does_not_split_a_plane() -> None:
    near = [tilted(n, 1.43 + 0.01 * n) for n in range(9)]
    assert [len(plane) for plane in planes(near)] == [9]


def test_discs_of_a_spine_are_one_plane_in_the_order_of_their_numbers() -> None:
    blocks = [tilted(n, (0, 10, 20)[n // 5]) for n in range(15)]
    (plane,) = planes(blocks)
    assert [one.instance_number for one in plane] == list(range(15))


def test_planes_come_as_they_begin_and_what_has_none_is_apart() -> None:
    mixed = [*slices(3, SAGITTAL), instance(99), *slices(4)]
    assert [len(plane) for plane in planes(mixed)] == [3, 1, 4]


@pytest.mark.parametrize(
    ("places", "times", "expected"), [(10, 1, [10]), (10, 2, [10, 10]), (3, 25, [75]), (1, 40, [40])]
)
def test_visits_of_a_stack_are_told_apart_and_what_is_seen_over_time_is_not(
    places: int, times: int, expected: list[int]
) -> None:
    stack = [
        instance(n + places * visit, image_position_patient=(0.0, 0.0, 5.0 * n), image_orientation_patient=AXIAL)
        for visit in range(times)
        for n in range(places)
    ]
    found = visits(anatomical(stack))
    assert [len(one) for one in found] == expected
    assert sum(found, ()) == anatomical(stack) or times > 1


def test_a_stack_with_a_slice_missing_of_one_visit_is_left_whole() -> None:
    stack = [*slices(10), *slices(9)]
    assert [len(one) for one in visits(stack)] == [19]


numbers = st.floats(allow_nan=True, allow_infinity=True)
odd = st.builds(
    instance, st.none() | st.integers(-5, 5),
    image_position_patient=st.just(()) | st.tuples(numbers, numbers, numbers),
    image_orientation_patient=st.just(()) | st.tuples(*[numbers] * 6),
)  # fmt: skip


@given(st.lists(odd, max_size=12))
def test_whatever_positions_are_no_slice_is_lost(some: list[Instance]) -> None:
    found = [one for plane in planes(some) for visit in visits(plane) for one in visit]
    assert sorted(map(id, found)) == sorted(map(id, some))
