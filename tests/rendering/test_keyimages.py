"""Which pictures, in which order, and that no free text of the header gets into them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering import words
from rendering.keyimages import SHEET, choose, unshown
from rendering.order import anatomical, evenly
from studies.model import Instance, Series, Study

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def instance(number: int, **given: Any) -> Instance:
    values = {"rows": 512, "columns": 512, "instance_number": number, **given}
    return Instance(f"1.2.3.{number}", "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.2.1", **values)


def study(*series: Series) -> Study:
    return Study("1.2", series=series)


def stack(count: int, **given: Any) -> tuple[Instance, ...]:
    return tuple(
        instance(n, image_position_patient=(0.0, 0.0, 5.0 * n), image_orientation_patient=AXIAL, **given)
        for n in range(1, count + 1)
    )


def test_an_ankle_is_three_pictures_frontal_then_mortise_then_lateral() -> None:
    views = (
        instance(1, view_position="LL", view_description="Ankle lateral", laterality="R"),
        instance(2, view_position="AP", view_description="Ankle mortise", laterality="R"),
        instance(3, view_position="AP", view_description="Ankle AP", laterality="R"),
    )
    chosen = choose(study(Series("1.5", "CR", 1, body_part_examined="ANKLE", instances=views)))
    assert [one.caption for one in chosen] == ["Right ankle · AP", "Right ankle · mortise", "Right ankle · lateral"]
    assert chosen[0].alt_text == "X-ray of right ankle, AP view. Preview, not for primary interpretation."
    assert chosen[0].key == "view/1.2.3.3"


def test_right_comes_before_left_within_a_view() -> None:
    views = tuple(
        instance(n, view_position=view, laterality=side)
        for n, (side, view) in enumerate([("L", "MLO"), ("R", "MLO"), ("L", "CC"), ("R", "CC")])
    )
    chosen = choose(study(Series("1.5", "MG", 1, body_part_examined="BREAST", instances=views)))
    assert [one.caption for one in chosen] == [
        "Right breast · CC",
        "Left breast · CC",
        "Right breast · MLO",
        "Left breast · MLO",
    ]


def test_two_pictures_of_one_view_are_told_apart() -> None:
    views = tuple(instance(n, view_position="AP", laterality="R") for n in (1, 2))
    chosen = choose(study(Series("1.5", "DX", 1, body_part_examined="KNEE", instances=views)))
    assert [one.caption for one in chosen] == ["Right knee · AP · 1 of 2", "Right knee · AP · 2 of 2"]


def test_a_long_stack_is_one_sheet_of_evenly_spaced_slices_in_anatomical_order() -> None:
    shuffled = tuple(reversed(stack(600)))
    (sheet,) = choose(study(Series("1.5", "CT", 3, body_part_examined="CHEST", instances=shuffled)))
    heights = [one.image_position_patient[2] for one, _ in sheet.instances]
    assert len(heights) == SHEET
    assert heights == sorted(heights)
    assert {round(b - a) for a, b in pairwise(heights)} == {150}
    assert sheet.caption == "CT chest · series 3 · 20 of 600 slices"
    assert sheet.labels[0] == "16"


def test_a_short_stack_is_a_picture_each() -> None:
    chosen = choose(study(Series("1.5", "CT", 3, instances=stack(3))))
    assert [one.key for one in chosen] == ["view/1.2.3.1", "view/1.2.3.2", "view/1.2.3.3"]


def test_localisers_come_last_and_are_not_mixed_with_slices() -> None:
    scouts = tuple(instance(n, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")) for n in (900, 901))
    chosen = choose(
        study(Series("1.5", "CT", 1, instances=scouts + stack(30)), Series("1.6", "CT", 2, instances=stack(0)))
    )
    assert [one.key for one in chosen] == ["sheet/1.5/1", "view/1.2.3.900", "view/1.2.3.901"]


def test_a_moving_picture_is_a_sheet_of_its_frames() -> None:
    (sheet,) = choose(study(Series("1.5", "US", 1, instances=(instance(3, number_of_frames=120),))))
    assert [one.sop_instance_uid for one in sheet.files] == ["1.2.3.3"]
    assert [frame for _, frame in sheet.instances] == [3 + 6 * n for n in range(20)]
    assert sheet.caption == "Ultrasound · series 1 · image 3 · 20 of 120 frames"


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
    (sheet,) = choose(study(Series("1.5", "CT", 3, instances=stack(10))))
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
    ("code", "description", "name"),
    [
        ("AP", "", "AP"),
        ("PA", "Chest PA erect", "PA erect"),
        ("", "Ankle Lat.", "lateral"),
        ("AP", "Ankle mortise", "mortise"),
        ("AP", "ankle AP and lateral", "AP"),
        ("", "ankle AP and lateral", None),
        ("LL", "", "lateral"),
        ("", "10 ml contrast", None),
        ("", "at 6 weeks", None),
        ("SMITH", "", None),
        ("", "Horizontal beam lateral", "horizontal beam lateral"),
        ("", "weight-bearing dorso-plantar", "DP weight-bearing"),
        ("CC", "R CC", "CC"),
    ],
)
def test_a_view_is_recognised_or_left_open_and_never_guessed(code: str, description: str, name: str | None) -> None:
    found = words.view(code, description)
    assert (found.name if found else None) == name


def test_slices_without_positions_keep_the_order_of_their_numbers() -> None:
    plain = tuple(instance(n) for n in range(5))
    assert anatomical(plain) == plain


@given(st.integers(0, 300), st.integers(1, 30))
def test_evenly_takes_each_once_and_in_order(count: int, wanted: int) -> None:
    taken = evenly(range(count), wanted)
    assert len(taken) == min(count, wanted)
    assert list(taken) == sorted(set(taken))


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
