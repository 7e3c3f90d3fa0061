"""Which pictures, in which order, and that no free text of the header gets into them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering import words
from rendering.keyimages import SHEET, choose, unshown
from studies.model import Instance, Series, Study

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rendering.keyimages import Choice

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def instance(number: int, **given: Any) -> Instance:
    values = {"rows": 512, "columns": 512, "instance_number": number, **given}
    return Instance(f"1.2.3.{number}", "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.2.1", **values)


def study(*series: Series) -> Study:
    return Study("1.2", series=series)


def views(choices: Iterable[Choice]) -> list[str]:
    """Their captions without the numbers by which they are asked for, which are tested once."""
    return [re.sub(r" · series \d+ · image \d+", "", one.caption) for one in choices]


def stack(count: int, **given: Any) -> tuple[Instance, ...]:
    return tuple(
        instance(n, image_position_patient=(0.0, 0.0, 5.0 * n), image_orientation_patient=AXIAL, **given)
        for n in range(1, count + 1)
    )


def test_an_ankle_is_three_pictures_frontal_then_mortise_then_lateral() -> None:
    series = (
        instance(1, view_position="LL", view_description="Ankle lateral", laterality="R"),
        instance(2, view_position="AP", view_description="Ankle mortise", laterality="R"),
        instance(3, view_position="AP", view_description="Ankle AP", laterality="R"),
    )
    chosen = choose(study(Series("1.5", "CR", 1, body_part_examined="ANKLE", instances=series)))
    assert views(chosen) == ["Right ankle · AP", "Right ankle · mortise", "Right ankle · lateral"]
    assert chosen[0].key == "view/1.2.3.3"


def test_right_comes_before_left_within_a_view() -> None:
    series = tuple(
        instance(n, view_position=view, laterality=side)
        for n, (side, view) in enumerate([("L", "MLO"), ("R", "MLO"), ("L", "CC"), ("R", "CC")])
    )
    chosen = choose(study(Series("1.5", "MG", 1, body_part_examined="BREAST", instances=series)))
    assert views(chosen) == [
        "Right breast · CC",
        "Left breast · CC",
        "Right breast · MLO",
        "Left breast · MLO",
    ]


def test_both_ankles_are_read_view_by_view_right_then_left() -> None:
    shuffled = tuple(
        instance(n, view_position=view, view_description=words, laterality=side)
        for n, (side, view, words) in enumerate(
            [
                ("L", "LATERAL", ""),
                ("L", "OBLIQUE", "mortise"),
                ("R", "AP", ""),
                ("R", "LATERAL", ""),
                ("L", "AP", ""),
                ("R", "OBLIQUE", "mortise"),
            ]
        )
    )
    chosen = choose(study(Series("1.5", "DX", 1, body_part_examined="ANKLE", instances=shuffled)))
    assert views(chosen) == [
        f"{side} ankle · {view}" for view in ("AP", "mortise", "lateral") for side in ("Right", "Left")
    ]


def test_each_body_part_is_read_as_a_whole_in_the_order_of_the_study() -> None:
    series = [
        Series(f"1.{n}", "CR", n, body_part_examined=part, instances=(instance(n, view_position=view),))
        for n, (part, view) in enumerate(
            [("FOOT", "LATERAL"), ("ANKLE", "LATERAL"), ("ANKLE", "AP"), ("FOOT", "OBLIQUE"), ("FOOT", "DP")]
        )
    ]
    assert views(choose(study(*series))) == [
        "Foot · DP",
        "Foot · oblique",
        "Foot · lateral",
        "Ankle · AP",
        "Ankle · lateral",
    ]


def test_an_unprocessed_radiograph_comes_last_and_says_so() -> None:
    raw = replace(instance(1, view_position="AP"), sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1.1")
    ready = replace(instance(2, view_position="LATERAL"), sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1")
    chosen = choose(study(Series("1.5", "DX", 1, body_part_examined="HAND", instances=(raw, ready))))
    assert views(chosen) == ["Hand · lateral", "Hand · AP · unprocessed"]


def test_a_picture_says_under_which_numbers_it_is_asked_for() -> None:
    one = instance(2, view_position="AP", laterality="R")
    (chosen,) = choose(study(Series("1.5", "DX", 1, body_part_examined="KNEE", instances=(one,))))
    assert chosen.caption == "Right knee · AP · series 1 · image 2"
    assert chosen.alt_text == (
        "X-ray of right knee, AP view, series 1, image 2. Preview, not for primary interpretation."
    )


@pytest.mark.parametrize(
    ("numbers", "captions"),
    [
        ((1, 2), ["Right knee · AP · series 1 · image 1", "Right knee · AP · series 1 · image 2"]),
        ((None, None), ["Right knee · AP · series 1 · 1 of 2", "Right knee · AP · series 1 · 2 of 2"]),
    ],
)
def test_two_pictures_of_one_view_are_told_apart(numbers: tuple[int | None, ...], captions: list[str]) -> None:
    taken = tuple(
        replace(instance(n, view_position="AP", laterality="R"), instance_number=number)
        for n, number in enumerate(numbers)
    )
    chosen = choose(study(Series("1.5", "DX", 1, body_part_examined="KNEE", instances=taken)))
    assert [one.caption for one in chosen] == captions


def test_a_long_stack_is_one_sheet_of_evenly_spaced_slices_in_anatomical_order_then_its_middle_slice() -> None:
    shuffled = tuple(reversed(stack(600)))
    sheet, middle = choose(study(Series("1.5", "CT", 3, body_part_examined="CHEST", instances=shuffled)))
    heights = [one.image_position_patient[2] for one, _ in sheet.instances]
    assert len(heights) == SHEET
    assert heights == sorted(heights)
    assert {round(b - a) for a, b in pairwise(heights)} == {150}
    assert sheet.caption == "CT chest · series 3 · 20 of 600 slices"
    assert sheet.labels[0] == "16"
    assert (middle.key, middle.caption) == ("view/1.2.3.301", "CT chest · series 3 · image 301 · middle slice")
    assert middle.alt_text == "Middle slice: CT of chest, series 3, image 301. Preview, not for primary interpretation."


def test_a_short_stack_is_a_picture_each() -> None:
    chosen = choose(study(Series("1.5", "CT", 3, instances=stack(3))))
    assert [one.key for one in chosen] == ["view/1.2.3.1", "view/1.2.3.2", "view/1.2.3.3"]


def test_localisers_come_last_and_are_not_mixed_with_slices() -> None:
    scouts = tuple(instance(n, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")) for n in (900, 901))
    chosen = choose(
        study(Series("1.5", "CT", 1, instances=scouts + stack(30)), Series("1.6", "CT", 2, instances=stack(0)))
    )
    assert [one.key for one in chosen] == ["sheet/1.5", "view/1.2.3.16", "view/1.2.3.900", "view/1.2.3.901"]
    assert chosen[2].caption == "CT · series 1 · image 900 · localiser"


SAGITTAL, CORONAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


@pytest.mark.parametrize("name", ["Survey", "3 Plane Loc", "AAHead_Scout", "localizer", "Localiser BH"])
def test_a_localiser_of_mr_is_known_by_its_name_and_is_one_sheet_of_its_planes(name: str) -> None:
    slices = tuple(
        instance(5 * plane + n, image_position_patient=(5.0 * n,) * 3, image_orientation_patient=direction)
        for plane, direction in enumerate((SAGITTAL, CORONAL, AXIAL))
        for n in range(5)
    )
    scout, real = Series("1.5", "MR", 1, name, "KNEE", slices), Series("1.6", "MR", 2, "T2 local tumour", "KNEE")
    chosen = choose(study(scout, replace(real, instances=tuple(numbered_uids("1.6", stack(12))))))
    assert [one.key for one in chosen] == ["sheet/1.6", "view/1.6.7", "sheet/1.5/localiser"]
    assert chosen[-1].caption == "MR knee · series 1 · localiser, 15 slices"
    assert chosen[-1].labels == tuple(map(str, range(15)))


def numbered_uids(root: str, instances: tuple[Instance, ...]) -> list[Instance]:
    return [replace(one, sop_instance_uid=f"{root}.{one.instance_number}") for one in instances]


def test_three_planes_of_a_series_are_three_sheets() -> None:
    slices = tuple(
        instance(100 * plane + n, image_position_patient=(5.0 * n,) * 3, image_orientation_patient=direction)
        for plane, direction in enumerate((SAGITTAL, CORONAL, AXIAL))
        for n in range(9)
    )
    chosen = choose(study(Series("1.5", "CT", 2, instances=slices)))
    assert [one.key for one in chosen if one.key.startswith("sheet")] == ["sheet/1.5", "sheet/1.5/1", "sheet/1.5/2"]
    assert len(chosen) == 6


def test_a_stack_seen_twice_is_a_sheet_for_each_pass() -> None:
    twice = tuple(
        instance(2 * n + visit, image_position_patient=(0.0, 0.0, 5.0 * n), image_orientation_patient=AXIAL)
        for n in range(15)
        for visit in range(2)
    )
    chosen = choose(study(Series("1.5", "MR", 4, body_part_examined="BRAIN", instances=twice)))
    assert [one.caption for one in chosen] == [
        "MR brain · series 4 · 15 slices, pass 1 of 2",
        "MR brain · series 4 · image 14 · middle slice, pass 1 of 2",
        "MR brain · series 4 · 15 slices, pass 2 of 2",
        "MR brain · series 4 · image 15 · middle slice, pass 2 of 2",
    ]
    assert chosen[2].labels == tuple(str(2 * n + 1) for n in range(15))


def test_of_a_stack_seen_often_the_first_the_middle_and_the_last_pass_are_shown() -> None:
    often = tuple(
        instance(n + 9 * visit, image_position_patient=(0.0, 0.0, 5.0 * n), image_orientation_patient=AXIAL)
        for n in range(9)
        for visit in range(30)
    )
    chosen = choose(study(Series("1.5", "CT", 4, instances=often)))
    sheets = [one.caption.partition(", ")[2] for one in chosen if one.key.startswith("sheet")]
    assert sheets == ["pass 1 of 30", "pass 16 of 30", "pass 30 of 30"]


@pytest.mark.parametrize("modality", ["US", "XA", "RF", "IVUS", "ES"])
def test_what_moves_is_a_poster_its_middle_frame(modality: str) -> None:
    (poster,) = choose(study(Series("1.5", modality, 1, instances=(instance(3, number_of_frames=120),))))
    assert (poster.key, [frame for _, frame in poster.instances]) == ("view/1.2.3.3/61", [60])
    assert poster.caption.endswith("· series 1 · image 3 · frame 61 of 120")
    assert poster.alt_text.endswith(", frame 61 of 120. Preview, not for primary interpretation.")


def test_an_angiogram_is_called_one() -> None:
    run = instance(3, number_of_frames=30, view_position="LAO")
    (poster,) = choose(study(Series("1.5", "XA", 1, body_part_examined="HEART", instances=(run,))))
    assert poster.caption == "Angiogram heart · LAO · series 1 · image 3 · frame 16 of 30"


@pytest.mark.parametrize("modality", ["MR", "CT", "US", "NM"])
@pytest.mark.parametrize("description", ["PD sagittal", "lateral meniscus", "T1 axial oblique"])
def test_slices_have_no_projection_whatever_their_series_is_called(modality: str, description: str) -> None:
    (one,) = choose(study(Series("1.5", modality, 1, description, "KNEE", (instance(1),))))
    assert (
        one.caption == f"{words.modality(modality)[:1].upper()}{words.modality(modality)[1:]} knee · series 1 · image 1"
    )


def test_many_clips_share_a_sheet_of_their_posters() -> None:
    clips = tuple(instance(n, number_of_frames=40) for n in range(1, 9))
    (sheet,) = choose(study(Series("1.5", "US", 1, body_part_examined="HEART", instances=clips)))
    assert [frame for _, frame in sheet.instances] == [20] * 8
    assert sheet.caption == "Ultrasound heart · series 1 · 8 images"
    assert sheet.labels == tuple(str(n) for n in range(1, 9))


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "OPT", "MG", "OT"])
def test_frames_that_are_slices_or_pages_are_a_sheet_then_the_middle_one(modality: str) -> None:
    sheet, middle = choose(study(Series("1.5", modality, 2, instances=(instance(3, number_of_frames=120),))))
    assert [frame for _, frame in sheet.instances] == [3 + 6 * n for n in range(20)]
    assert sheet.labels[:2] == ("4", "10")
    assert sheet.caption.endswith("20 of 120 frames")
    assert (middle.key, middle.instances[0][1]) == ("view/1.2.3.3/61", 60)


def test_three_dimensional_angiograms_are_slices() -> None:
    volume = replace(instance(3, number_of_frames=120), sop_class_uid="1.2.840.10008.5.1.4.1.1.13.1.1")
    assert [one.key[:5] for one in choose(study(Series("1.5", "XA", 2, instances=(volume,))))] == ["sheet", "view/"]


def test_slices_of_a_breast_follow_the_view_that_they_are_of() -> None:
    def breast(number: int, view: str, frames: int = 1) -> Instance:
        return instance(number, view_position=view, laterality="R", number_of_frames=frames)

    series = Series("1.5", "MG", 1, "", "BREAST", (breast(1, "MLO"), breast(2, "MLO", 60), breast(3, "CC")))
    assert views(choose(study(series))) == [
        "Right breast · CC",
        "Mammogram breast · series 1 · right MLO, 20 of 60 frames",
        "Right breast · MLO · frame 31 of 60 · middle frame",
        "Right breast · MLO",
    ]


@pytest.mark.parametrize("modality", ["CR", "US", "OT", "XA", "CT", "MR", "", "ZZ"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 13, 20])
def test_every_picture_of_a_small_series_is_shown(modality: str, count: int) -> None:
    series = Series("1.5", modality, 1, instances=stack(count))
    shown = {one.sop_instance_uid for choice in choose(study(series)) for one, _ in choice.instances}
    assert shown == {one.sop_instance_uid for one in series.instances}


@pytest.mark.parametrize("modality", ["CR", "US", "OT"])
def test_every_still_is_shown_however_many_there_are(modality: str) -> None:
    series = Series("1.5", modality, 1, instances=stack(95))
    choices = choose(study(series))
    assert len({uid for choice in choices for uid in choice.files}) == 95
    assert len(choices) == 5
    assert len({choice.key for choice in choices}) == 5


def test_what_has_no_picture_is_named() -> None:
    report = Instance("1.9", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.1.2.1")
    whole = study(Series("1.5", "SR", 1, instances=(report,)), Series("1.6", "CR", 2, instances=(instance(1),)))
    assert unshown(whole) == [(report, "a structured report")]
    assert [one.key for one in choose(whole)] == ["view/1.2.3.1"]


def test_a_plan_leaves_out_what_was_not_fetched() -> None:
    sheet, _ = choose(study(Series("1.5", "CT", 3, instances=stack(10))))
    plan = sheet.plan({"1.2.3.4": Path("a"), "1.2.3.9": Path("b")})
    assert [(tile.path.name, tile.label) for tile in plan.tiles] == [("a", "4"), ("b", "9")]


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_free_text_is_ever_shown(description: str, part: str, view: str, modality: str) -> None:
    planted = "Zzyzx" + description
    one = instance(1, view_description=planted, view_position="Zzyzx" + view, laterality="Zzyzx")
    series = Series("1.5", "Zzyzx" + modality, 1, planted, "Zzyzx" + part, (one,))
    (choice,) = choose(study(series))
    assert "zzyzx" not in (choice.caption + choice.alt_text + "".join(choice.labels)).lower()


@pytest.mark.parametrize(
    ("description", "images", "position", "caption"),
    [
        ("Right ankle mortise", 1, "OBLIQUE", "mortise"),
        ("Right ankle mortise", 1, "AP", "mortise"),
        ("Right ankle mortise", 1, "LATERAL", "lateral"),
        ("Right ankle lateral", 1, "AP", "AP"),
        ("Right ankle mortise", 2, "AP", "AP"),
    ],
)
def test_a_description_may_narrow_the_code_of_a_single_image_and_never_contradict_it(
    description: str, images: int, position: str, caption: str
) -> None:
    some = tuple(
        Instance(f"1.2.{number}", "1.2", "1.2", number, rows=9, columns=9, view_position=position)
        for number in range(images)
    )
    series = Series("1.3", "DX", 1, description, "ANKLE", some)
    assert caption in choose(Study("1.4", series=(series,)))[0].caption


some_instances = st.builds(
    instance,
    st.integers(0, 400),
    number_of_frames=st.sampled_from([1, 1, 1, 2, 7, 40]),
    view_position=st.sampled_from(["", "AP", "LL", "MLO", "OBLIQUE"]),
    laterality=st.sampled_from(["", "R", "L", "B"]),
    image_type=st.sampled_from([(), ("ORIGINAL", "PRIMARY", "LOCALIZER")]),
    image_position_patient=st.just(()) | st.tuples(*[st.floats(-500, 500)] * 3),
    image_orientation_patient=st.sampled_from([(), AXIAL, SAGITTAL, CORONAL]),
    rows=st.sampled_from([0, 64]),
)
some_series = st.builds(
    Series,
    st.uuids().map(str),
    st.sampled_from(["CR", "MG", "XA", "US", "CT", "MR", "NM", "OT", "SR", ""]),
    st.none() | st.integers(0, 9),
    st.sampled_from(["", "localizer", "sagittal"]),
    st.sampled_from(["", "ANKLE", "HEAD"]),
    st.lists(some_instances, max_size=60, unique_by=lambda one: one.instance_number).map(tuple),
)


@given(st.lists(some_series, max_size=4))
def test_whatever_a_study_holds_nothing_but_a_long_stack_is_left_out(several: list[Series]) -> None:
    parts = [replace(one, instances=tuple(numbered_uids(f"1.{n}", one.instances))) for n, one in enumerate(several, 1)]
    chosen = choose(study(*parts))
    shown = {one.key for choice in chosen for one, _ in choice.instances}
    for series in parts:
        pictures = {one.key for one in series.instances if one.has_pixels}
        if series.modality not in {"CT", "MR", "NM"} or len(pictures) <= SHEET:
            assert pictures <= shown
    assert all(one.has_pixels and 0 <= frame < one.number_of_frames for c in chosen for one, frame in c.instances)
    assert len({choice.key for choice in chosen}) == len(chosen)
    assert all(len(choice.labels) == len(choice.instances) <= SHEET for choice in chosen)
    assert all(choice.caption and choice.alt_text.endswith("not for primary interpretation.") for choice in chosen)
