from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rendering.guides import Guide, Reference
from rendering.pick import MOST_FRAMES, NotThere, Wanted, pick
from studies.model import Instance, Series, Study

if TYPE_CHECKING:
    from collections.abc import Sequence

XRAY, CT, US = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.3.1"
EXPLICIT = "1.2.840.10008.1.2.1"
AXIAL, SAGITTAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def image(uid: str, number: int | None, sop_class: str = XRAY, **more: Any) -> Instance:
    return Instance(uid, sop_class, EXPLICIT, number, **({"rows": 512, "columns": 512} | more))


def axial(series: str, count: int) -> tuple[Instance, ...]:
    return tuple(
        image(f"{series}.{n}", n, CT, image_position_patient=(0.0, 0.0, float(n)), image_orientation_patient=AXIAL)
        for n in range(1, count + 1)
    )


ANKLE = Study(
    "1",
    series=tuple(
        Series(f"1.{n}", "CR", n, "", "ANKLE", (image(f"1.{n}.1", 1, view_position=view, laterality="R"),))
        for n, view in enumerate(("AP", "OBLIQUE", "LL"), 1)
    ),
)
SCOUT = image("2.2.0", 1, CT, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"), image_orientation_patient=SAGITTAL)
CHEST = Study(
    "2",
    series=(
        Series("2.1", "CR", 1, "", "CHEST", (image("2.1.1", 1, view_position="PA"),)),
        Series("2.2", "CT", 2, "", "CHEST", (SCOUT, *axial("2.2", 40))),
        Series("2.3", "CT", 3, "", "CHEST", axial("2.3", 200)),
    ),
)
HEART = Study("3", series=(Series("3.1", "US", 1, "", "HEART", (image("3.1.1", 4, US, number_of_frames=90),)),))


def uids(study: Study, wanted: Wanted, guides: Sequence[Guide] = ()) -> list[tuple[str, int]]:
    return [(one.sop_instance_uid, frame) for one, frame in pick(study, guides, wanted).choice.instances]


def test_nothing_is_what_is_read_first() -> None:
    assert uids(ANKLE, Wanted()) == [("1.1.1", 0)]


@pytest.mark.parametrize(("series", "uid"), [(1, "1.1.1"), (2, "1.2.1"), (3, "1.3.1")])
def test_a_series_is_meant_by_its_number(series: int, uid: str) -> None:
    assert uids(ANKLE, Wanted(series)) == [(uid, 0)]


def test_a_stack_is_shown_as_its_sheet() -> None:
    picked = pick(CHEST, (), Wanted(3))
    assert len(picked.choice.instances) == 20
    assert picked.series.series_instance_uid == "2.3"


@pytest.mark.parametrize("wanted", [Wanted(3, alone=True), Wanted(3, 101)])
def test_alone_is_the_middle_of_a_stack(wanted: Wanted) -> None:
    [(uid, frame)] = uids(CHEST, wanted)
    assert (uid, frame) == ("2.3.101", 0)


def test_a_window_of_ct_means_the_ct_of_a_study() -> None:
    assert pick(CHEST, (), Wanted(modalities=frozenset({"CT"}))).series.modality == "CT"
    assert pick(ANKLE, (), Wanted(modalities=frozenset({"CT"}))).series.modality == "CR"


def test_an_image_is_meant_by_its_number_within_its_series() -> None:
    assert uids(CHEST, Wanted(3, 150)) == [("2.3.150", 0)]


def test_an_image_number_of_one_series_alone_needs_no_series() -> None:
    assert uids(CHEST, Wanted(image=150)) == [("2.3.150", 0)]


def test_an_image_number_of_several_series_is_asked_about() -> None:
    with pytest.raises(NotThere, match=r"in several series: 2, 3\. Say which, like: series 2 image 30") as error:
        pick(CHEST, (), Wanted(image=30))
    assert error.value.code == "N04"


def test_the_only_moving_picture_has_frames_for_images() -> None:
    assert uids(HEART, Wanted(image=7)) == [("3.1.1", 6)]
    assert uids(HEART, Wanted(1, 90)) == [("3.1.1", 89)]


@pytest.mark.parametrize(
    ("study", "wanted", "code"),
    [
        (Study("4"), Wanted(), "N01"),
        (ANKLE, Wanted(9), "N02"),
        (CHEST, Wanted(3, 201), "N03"),
        (HEART, Wanted(image=91), "N03"),
        (ANKLE, Wanted(moving=True), "N05"),
    ],
)
def test_what_is_not_there_is_said(study: Study, wanted: Wanted, code: str) -> None:
    with pytest.raises(NotThere) as error:
        pick(study, (), wanted)
    assert error.value.code == code


def test_a_series_of_several_views_is_one_sheet() -> None:
    views = tuple(image(f"5.1.{n}", n, view_position=view) for n, view in enumerate(("AP", "LL"), 1))
    study = Study("5", series=(Series("5.1", "CR", 1, "", "KNEE", views),))
    assert uids(study, Wanted(1)) == [("5.1.1", 0), ("5.1.2", 0)]
    assert uids(study, Wanted()) == [("5.1.1", 0)]


def test_a_clip_of_a_moving_picture_has_evenly_spread_frames() -> None:
    frames = [frame for _, frame in uids(HEART, Wanted(moving=True))]
    assert len(frames) == MOST_FRAMES
    assert frames == sorted(set(frames))
    assert frames[0] <= 1
    assert frames[-1] >= 88


def test_a_clip_of_a_stack_leaves_its_localiser_out_and_goes_in_anatomical_order() -> None:
    assert uids(CHEST, Wanted(2, moving=True)) == [(f"2.2.{n}", 0) for n in range(1, 41)]


def test_the_largest_stack_moves_if_no_series_is_named() -> None:
    assert pick(CHEST, (), Wanted(moving=True)).series.series_number == 3


def test_what_was_withdrawn_is_not_there_whoever_asks_for_it_by_number() -> None:
    withdrawn = Guide("9", (Reference("1.2.1"),), title="113038")
    with pytest.raises(NotThere):
        pick(ANKLE, [withdrawn], Wanted(2))


def test_marks_are_left_out_where_they_would_cover_what_is_looked_at() -> None:
    state = image("1.9.1", 1, "1.2.840.10008.5.1.4.1.1.11.1", rows=0, columns=0)
    study = Study("1", series=(*ANKLE.series, Series("1.9", "PR", 9, "", "", (state,))))
    marks = Guide("1.9.1", (Reference("1.1.1"),), covers=True)
    assert pick(study, [marks], Wanted(1)).choice.state is None
    turned = Guide("1.9.1", (Reference("1.1.1"),))
    assert pick(study, [turned], Wanted(1)).choice.state is not None
