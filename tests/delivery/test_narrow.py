from __future__ import annotations

from dataclasses import replace

import pytest

from config.errors import Mistake
from delivery.narrow import key_images, marked, narrowed, spacing
from delivery.options import WHOLE, Options
from rendering.guides import KEY_OBJECTS, Guide, Reference
from studies.model import Instance, Series, Study

CT, REPORT, STATE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.11.1"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def slices(number: int, gap: float, count: int = 12, **more: object) -> Series:
    """A stack along the body."""
    instances = tuple(
        Instance(f"1.{number}.{place}", CT, "1.2.840.10008.1.2.1", instance_number=place, rows=8, columns=8, size=100,
                 image_position_patient=(0.0, 0.0, place * gap), image_orientation_patient=AXIAL)
        for place in range(count)
    )  # fmt: skip
    return Series(f"1.{number}", "CT", number, instances=instances, **more)  # type: ignore[arg-type]


def document(number: int, sop_class: str) -> Series:
    return Series(f"1.{number}", "SR", number, instances=(Instance(f"1.{number}.0", sop_class, "1.2.840.10008.1.2.1"),))


#: A localiser, thick slices, thin slices, a report and a key object selection.
STUDY = Study(
    "1",
    series=(slices(1, 0.0, 1), slices(2, 5.0), slices(3, 0.75), document(9, REPORT), document(10, KEY_OBJECTS)),
)
DOCUMENTS = [9, 10]


def numbers(study: Study) -> list[int | None]:
    return [one.series_number for one in study.series]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (WHOLE, [1, 2, 3]),
        (Options(key=True, pdi=True), [1, 2, 3]),
        (Options(series=(3,)), [3]),
        (Options(series=(3, 1)), [1, 3]),
        (Options(thin=True), [3]),
        (Options(thick=True), [1, 2]),
        (Options(series=(2, 3), thick=True), [2]),
    ],
)
def test_what_was_chosen_is_left_and_documents_go_along(options: Options, left: list[int]) -> None:
    assert numbers(narrowed(STUDY, options)) == [*left, *DOCUMENTS]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (Options(series=(7,)), "D30"),
        (Options(series=(3, 7)), "D30"),
        (Options(series=(2,), thin=True), "D31"),
        (Options(series=(3,), thick=True), "D31"),
        (Options(series=(9,)), "D31"),
    ],
)
def test_what_is_not_there_is_a_mistake_and_never_an_empty_parcel(options: Options, code: str) -> None:
    with pytest.raises(Mistake) as error:
        narrowed(STUDY, options)
    assert error.value.code == code


def test_the_series_that_there_are_are_named_by_their_numbers_only() -> None:
    with pytest.raises(Mistake, match=r"no series 7\. Its series are: 1, 2, 3, 9, 10\."):
        narrowed(STUDY, Options(series=(7,)))


@pytest.mark.parametrize(
    ("series", "gap"),
    [
        (slices(1, 5.0), 5.0),
        (slices(1, -0.625), 0.625),
        (slices(1, 1.0, 7), None),
        (slices(1, 0.0), None),
        (Series("1"), None),
    ],
)
def test_spacing_is_that_of_neighbouring_slices(series: Series, gap: float | None) -> None:
    assert spacing(series) == gap


def test_places_that_are_visited_several_times_count_once() -> None:
    once, again = slices(1, 2.0), slices(2, 2.0)
    assert spacing(replace(once, instances=(*once.instances, *again.instances))) == 2.0


def selection(title: str, *about: str, covers: bool = False) -> Guide:
    return Guide("1.10.0", tuple(Reference(one) for one in about), title=title, covers=covers)


def test_key_images_are_those_that_somebody_selected_or_drew_upon() -> None:
    guides = [
        selection("113000", "1.2.3", "1.2.4"),
        selection("", "1.3.5", covers=True),
        selection("", "1.3.6"),  # a state that only sets a window
        selection("113030", "1.2.7"),  # a list of everything
        selection("113039", "1.2.4"),  # withdrawn
    ]
    assert marked(guides) == {"1.2.3", "1.3.5"}
    kept = key_images(STUDY, guides)
    assert [one.sop_instance_uid for one in kept.instances] == ["1.2.3", "1.3.5", "1.9.0", "1.10.0"]


def test_a_study_without_marks_has_no_key_images() -> None:
    with pytest.raises(Mistake, match="Nobody has marked key images"):
        key_images(STUDY, [selection("113000", "9.9.9")])
