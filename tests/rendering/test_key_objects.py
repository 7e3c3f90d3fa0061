"""Key object selections and presentation states of a study: what is shown first, how, and what is not shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from rendering import titles
from rendering.guided import MOST_LARGE, MOST_SELECTED, guided, withdrawn
from rendering.guides import KEY_OBJECTS, Guide, Reference, is_guide, read_guide
from rendering.keyimages import choose
from rendering.preview import render
from studies.model import Instance, Series, Study
from studies.read import read_header
from studies.synthetic import write_ankle, write_ct, write_marks, write_selection
from tests.rendering import states

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rendering.keyimages import Choice

GREY_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
IMAGE = "1.2.840.10008.5.1.4.1.1.1"
TITLE = "113002"
WORDS = "key image for the referring clinician"


def instance(uid: str, **attributes: Any) -> Instance:
    values = {"rows": 60, "columns": 80, "instance_number": int(uid.rpartition(".")[2]), **attributes}
    return Instance(uid, IMAGE, "1.2.840.10008.1.2.1", **values)


def ankle(*guides: Guide, **attributes: Any) -> Study:
    """AP, mortise and lateral as 1.1 to 1.3, and the files of the guides."""
    views = tuple(
        instance(f"1.{number}", view_position=view, laterality="R", **attributes)
        for number, view in enumerate(("AP", "mortise", "LL"), 1)
    )
    files = tuple(Instance(one.sop_instance_uid, GREY_STATE if one.is_state else KEY_OBJECTS, "1.2") for one in guides)
    return Study("1", series=(Series("1.5", "DX", 1, "", "ANKLE", views), Series("1.6", "KO", 2, instances=files)))


def stack(count: int, *guides: Guide, modality: str = "CT", frames: int = 1) -> Study:
    slices = tuple(
        instance(f"1.{n}", image_position_patient=(0.0, 0.0, 5.0 * n), number_of_frames=frames)
        for n in range(1, count + 1)
    )
    files = tuple(Instance(one.sop_instance_uid, GREY_STATE if one.is_state else KEY_OBJECTS, "1.2") for one in guides)
    return Study("1", series=(Series("1.5", modality, 3, "", "CHEST", slices), Series("1.6", "KO", 2, instances=files)))


def keys(*uids: str, title: str = TITLE, made_at: str = "20260302", words: str = "", uid: str = "9.1") -> Guide:
    return Guide(uid, tuple(map(Reference, uids)), made_at, title, words)


def state(*uids: str, covers: bool = False, made_at: str = "20260302", uid: str = "8.1", area: Any = ()) -> Guide:
    return Guide(uid, tuple(Reference(one, area=area) for one in uids), made_at, words="AS READ", covers=covers)


def told(choices: Sequence[Choice]) -> list[str]:
    """Their captions, those of an ankle's views without their numbers."""
    return [re.sub(r"(ankle · \w+) · series \d+ · image \d+", r"\1", choice.caption) for choice in choices]


def test_without_guides_the_pictures_are_as_ever() -> None:
    assert guided(ankle(), []) == choose(ankle())


def test_selected_images_come_first_in_the_order_of_the_selection_and_keep_their_keys() -> None:
    selection = keys("1.3", "1.2", words="Look at the syndesmosis")
    chosen = guided(ankle(selection), [selection])
    assert told(chosen) == [f"Right ankle · lateral · {WORDS}", f"Right ankle · mortise · {WORDS}", "Right ankle · AP"]
    assert [choice.key for choice in chosen] == ["view/1.3", "view/1.2", "view/1.1"]
    assert chosen[0].alt_text.startswith("Key image for the referring clinician: X-ray of right ankle, lateral view,")


def test_what_was_typed_is_said_once_and_never_in_what_is_burnt_in() -> None:
    selection, marks = keys("1.3", "1.2", words="Zzyzx"), state("1.1")
    chosen = guided(ankle(selection, marks), [selection, marks])
    assert [choice.notes for choice in chosen] == [("Zzyzx",), (), ("Presentation state: AS READ",)]
    assert not any("Zzyzx" in choice.caption + choice.alt_text or "AS READ" in choice.caption for choice in chosen)


@pytest.mark.parametrize("title", sorted(titles._LISTS))
def test_a_manifest_selects_nothing(title: str) -> None:
    selection = keys("1.3", title=title)
    assert guided(ankle(selection), [selection]) == choose(ankle(selection))


def test_a_title_of_somebodys_own_is_a_key_image() -> None:
    selection = keys("1.3", title="LOCAL-1")
    assert told(guided(ankle(selection), [selection]))[0] == "Right ankle · lateral · key image"


@pytest.mark.parametrize("title", sorted(titles.REJECTED))
def test_rejected_images_come_last_and_say_so(title: str) -> None:
    selection = keys("1.1", title=title)
    chosen = guided(ankle(selection), [selection])
    assert told(chosen)[-1] == f"Right ankle · AP · {titles.REJECTED[title]}"
    assert len(chosen) == 3


@pytest.mark.parametrize("title", sorted(titles.WITHDRAWN))
def test_what_was_withdrawn_is_not_shown(title: str) -> None:
    # It may be another patient: hazard "a picture of somebody else in the study".
    selection, again = keys("1.1", title=title), keys("1.1", "1.2", uid="9.2")
    chosen = guided(ankle(selection, again), [selection, again])
    assert all(one.sop_instance_uid != "1.1" for choice in chosen for one, _ in choice.instances)
    assert len(chosen) == 2
    assert withdrawn([selection, again]) == {"1.1": titles.WITHDRAWN[title]}


def test_an_image_is_shown_through_its_newest_state() -> None:
    old, new = state("1.2", made_at="20260301"), state("1.2", made_at="20260302", uid="8.2")
    chosen = guided(ankle(old, new), [old, new])
    assert told(chosen) == ["Right ankle · AP", "Right ankle · mortise · as the sender set it", "Right ankle · lateral"]
    assert chosen[1].key == "view/1.2/8.2"
    assert [one.sop_instance_uid for one in chosen[1].files] == ["1.2", "8.2"]


@pytest.mark.parametrize(
    ("covers", "area", "pictures"),
    [
        (False, (), 3),
        (True, (), 4),
        (False, (1, 1, 80, 60), 3),
        (False, (-9, -9, 99, 99), 3),
        (False, (1, 1, 79, 60), 4),
        (False, (2, 1, 80, 60), 4),
    ],
)
def test_the_plain_image_follows_where_the_state_covers_or_cuts_it(covers: bool, area: Any, pictures: int) -> None:  # noqa: FBT001
    marks = state("1.2", covers=covers, area=area)
    chosen = guided(ankle(marks), [marks])
    assert len(chosen) == pictures
    if pictures == 4:
        assert [choice.key for choice in chosen[1:3]] == ["view/1.2/8.1", "view/1.2"]


def test_a_key_image_with_marks_comes_first_with_them() -> None:
    selection, marks = keys("1.2"), state("1.2", covers=True)
    chosen = guided(ankle(selection, marks), [marks, selection])
    assert told(chosen)[:2] == [
        f"Right ankle · mortise · with the sender's marks · {WORDS}",
        f"Right ankle · mortise · {WORDS}",
    ]
    assert len(chosen) == 4


def test_key_slices_are_large_pictures_before_the_contact_sheet() -> None:
    selection = keys("1.7", "1.5")
    chosen = guided(stack(30, selection), [selection])
    assert told(chosen)[:2] == [
        f"CT chest · series 3 · image 7 · {WORDS}",
        f"CT chest · series 3 · image 5 · {WORDS}",
    ]
    assert chosen[2].key == "sheet/1.5"


def test_a_marked_key_slice_is_large_once_with_its_marks_and_once_without() -> None:
    selection, marks = keys("1.7"), state("1.7", covers=True)
    chosen = guided(stack(30, selection, marks), [selection, marks])
    assert [choice.key for choice in chosen] == ["key/1.7/1/8.1", "key/1.7/1", "sheet/1.5", "view/1.16"]


def test_many_key_slices_share_sheets_and_too_many_are_none() -> None:
    some, all_of_them = keys(*(f"1.{n}" for n in range(1, 41))), keys(*(f"1.{n}" for n in range(1, MOST_SELECTED + 2)))
    chosen = guided(stack(90, some), [some])
    large, sheets = chosen[:MOST_LARGE], chosen[MOST_LARGE:-2]
    assert [choice.instances[0][0].sop_instance_uid for choice in large] == [f"1.{n}" for n in range(1, MOST_LARGE + 1)]
    assert [len(choice.instances) for choice in sheets] == [20, 8]
    assert sheets[0].caption == f"CT chest · 20 times {WORDS}"
    assert [choice.key for choice in guided(stack(90, all_of_them), [all_of_them])] == ["sheet/1.5", "view/1.46"]


def test_key_frames_of_a_multi_frame_image() -> None:
    selection = Guide("9.1", (Reference("1.1", (4, 9, 99)),), "", "113000")
    chosen = guided(stack(1, selection, modality="US", frames=20), [selection])
    assert [(choice.key, choice.instances[0][1]) for choice in chosen[:2]] == [("key/1.1/5", 4), ("key/1.1/10", 9)]
    assert told(chosen)[0] == "Ultrasound chest · series 3 · image 1 · frame 5 of 20 · key image"
    assert len(chosen) == 3


def test_marked_slices_are_large_pictures_before_their_sheet_also_those_that_it_leaves_out() -> None:
    marks, plain = state("1.14", covers=True), state("1.5", uid="8.2")
    chosen = guided(stack(60, marks, plain), [marks, plain])
    assert [choice.key for choice in chosen] == ["view/1.14/1/8.1", "sheet/1.5", "view/1.31"]
    assert told(chosen)[0].endswith("image 14 · with the sender's marks")


def test_a_middle_slice_with_marks_is_large_with_them_then_without_and_not_twice() -> None:
    marks = state("1.31", covers=True)
    chosen = guided(stack(60, marks), [marks])
    assert [choice.key for choice in chosen] == ["sheet/1.5", "view/1.31/8.1", "view/1.31"]
    assert told(chosen)[1].endswith("image 31 · middle slice · with the sender's marks")


def test_a_middle_slice_that_is_a_key_image_comes_first_and_not_again() -> None:
    selection = keys("1.16")
    assert [choice.key for choice in guided(stack(30, selection), [selection])] == ["view/1.16", "sheet/1.5"]


def test_a_moving_picture_selected_as_a_whole_is_shown_by_its_poster() -> None:
    selection = keys("1.1")
    (only,) = guided(stack(1, selection, modality="US", frames=20), [selection])
    assert (only.key, only.instances[0][1]) == ("view/1.1/11", 10)


def test_a_state_applies_to_the_frames_that_it_names() -> None:
    marks = Guide("8.1", (Reference("1.1", (2,)),), covers=True)
    chosen = guided(stack(1, marks, modality="US", frames=20), [marks])
    assert [(choice.key, choice.instances[0][1]) for choice in chosen[:-1]] == [("view/1.1/3/8.1", 2)]


def test_references_to_what_is_not_there_mean_nothing() -> None:
    selection, marks = keys("7.7", "9.1"), state("7.7")
    assert [one.key for one in guided(ankle(selection, marks), [selection, marks])] == [
        "view/1.1",
        "view/1.2",
        "view/1.3",
    ]


def test_a_guide_that_says_it_is_another_than_the_study_lists_is_no_guide() -> None:
    assert guided(ankle(), [keys("1.3"), state("1.2")]) == choose(ankle())


references = st.builds(
    Reference, st.sampled_from(["1.1", "1.2", "1.3", "9.1", "7.7"]), st.sampled_from([(), (0,), (5,)])
)
some_guides = st.lists(
    st.builds(
        Guide, st.sampled_from(["9.1", "9.2", "9.3"]), st.lists(references, max_size=5).map(tuple), st.text(max_size=3),
        st.sampled_from(["", "113000", "113001", "113030", "113038"]), st.just("x"), st.booleans(),
    ),
    max_size=4, unique_by=lambda one: one.sop_instance_uid,
)  # fmt: skip


@given(some_guides)
def test_whatever_guides_say_every_picture_is_there_once_and_no_step_has_two(guides: list[Guide]) -> None:
    study = ankle(*guides)
    chosen = guided(study, guides)
    assert len({choice.key for choice in chosen}) == len(chosen)
    shown = {one.sop_instance_uid for choice in chosen for one, _ in choice.instances}
    assert shown == {"1.1", "1.2", "1.3"} - withdrawn(guides).keys()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("ankle")
    return [*write_ankle(directory), write_marks(directory), write_selection(directory)]


def test_the_synthetic_guides_are_read(files: list[Path]) -> None:
    marks, selection = (read_guide(path) for path in files[3:])
    assert marks
    assert selection
    views = [pydicom.dcmread(path).SOPInstanceUID for path in files[:3]]
    assert (marks.words, marks.covers, marks.is_state) == ("AS READ", True, True)
    assert marks.references == (Reference(views[1], (), (1, 1, 2048, 2496)),)
    assert (selection.title, [one.sop_instance_uid for one in selection.references]) == (TITLE, [views[1], views[2]])
    assert selection.words.startswith("Oblique lucency")


def test_the_marked_picture_differs_from_the_plain_one_where_the_marks_are(files: list[Path]) -> None:
    study, paths = study_of(files)
    marks = read_guide(files[3])
    assert marks
    through, plain = guided(study, [marks])[1:3]
    assert through.state
    pictures = [render(replace_caption(choice).plan(paths)) for choice in (through, plain)]
    assert pictures[0].data != pictures[1].data
    assert pictures[0].width == pictures[1].width


def replace_caption(choice: Choice) -> Choice:
    import dataclasses  # noqa: PLC0415

    return dataclasses.replace(choice, caption="")


def study_of(files: Sequence[Path]) -> tuple[Study, dict[str, Path]]:
    headers = {path: header for path in files if (header := read_header(path))}
    series = tuple(
        Series(
            h.series.series_instance_uid,
            h.series.modality,
            h.series.series_number,
            "",
            h.series.body_part_examined,
            (h.instance,),
        )
        for h in headers.values()
    )
    return Study("1", series=series), {h.instance.key: path for path, h in headers.items()}


def test_guides_of_another_builder_are_read(tmp_path: Path) -> None:
    slices = [pydicom.dcmread(path) for path in write_ct(tmp_path / "ct", slices=3, rows=64)]
    common: dict[str, Any] = {
        "series_instance_uid": hd.UID(), "series_number": 9, "sop_instance_uid": hd.UID(), "instance_number": 1,
        "manufacturer": "x", "manufacturer_model_name": "x", "software_versions": "1", "device_serial_number": "1",
    }  # fmt: skip
    layer = hd.pr.GraphicLayer("LAYER", order=1)
    circle = hd.pr.GraphicObject(graphic_type="CIRCLE", graphic_data=np.array([[20.0, 20], [25, 20]]), units="PIXEL")
    note = hd.pr.TextObject("here", units="DISPLAY", bounding_box=(0.1, 0.1, 0.4, 0.2))
    marked = hd.pr.GraphicAnnotation([slices[1]], layer, graphic_objects=[circle], text_objects=[note])
    presentation = hd.pr.GrayscaleSoftcopyPresentationState(
        slices, content_label="REVIEW", graphic_annotations=[marked], graphic_layers=[layer],
        voi_lut_transformations=[hd.pr.SoftcopyVOILUTTransformation(40, 400)], **common,
    )  # fmt: skip
    content = hd.ko.KeyObjectSelection(codes.DCM.ForSurgery, referenced_objects=slices[:2], description="Two of three")
    selection = hd.ko.KeyObjectSelectionDocument(slices, content, **{**common, "sop_instance_uid": hd.UID()})
    guides = []
    for name, one in (("state", presentation), ("selection", selection)):
        one.save_as(tmp_path / name)
        guides.append(read_guide(tmp_path / name))
    assert guides[0]
    assert guides[1]
    uids = [one.SOPInstanceUID for one in slices]
    assert ([one.sop_instance_uid for one in guides[0].references], guides[0].words, guides[0].covers) == (
        uids,
        "REVIEW",
        True,
    )
    assert ([one.sop_instance_uid for one in guides[1].references], guides[1].words) == (uids[:2], "Two of three")
    assert titles.key(guides[1].title) == "key image for surgery"


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing", b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\xff" * 400],
)
def test_a_broken_guide_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(content)
    assert read_guide(tmp_path / "broken") is None


def test_a_guide_that_refers_to_nothing_or_subtracts_is_none(
    image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    ds = image(np.zeros((4, 4), np.uint8))
    assert read_guide(written(states.make_state(ds))) is not None
    assert read_guide(written(states.make_state(ds, ReferencedSeriesSequence=[]))) is None
    assert read_guide(written(states.make_state(ds, MaskSubtractionSequence=[Dataset()]))) is None


def test_a_selection_nested_beyond_reason_is_read_as_far_as_it_makes_sense(tmp_path: Path) -> None:
    inner = states.of(RelationshipType="CONTAINS", ValueType="CONTAINER")
    for _ in range(200):
        inner = states.of(RelationshipType="CONTAINS", ValueType="CONTAINER", ContentSequence=[inner])
    reference = states.of(ReferencedSOPClassUID=IMAGE, ReferencedSOPInstanceUID="1.1")
    chosen = states.of(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[reference])
    document = states.of(SOPClassUID=KEY_OBJECTS, SOPInstanceUID="9.1", ContentSequence=[inner, chosen])
    path = tmp_path / "deep"
    with path.open("wb") as file:
        pydicom.filewriter.dcmwrite(file, document, implicit_vr=False, little_endian=True)
    found = read_guide(path)
    assert found is None or found.references == (Reference("1.1"),)


@pytest.mark.parametrize(
    ("uid", "expected"),
    [(KEY_OBJECTS, True), (GREY_STATE, True), ("1.2.840.10008.5.1.4.1.1.11.4", False), (IMAGE, False)],
)
def test_which_files_are_guides(uid: str, expected: bool) -> None:  # noqa: FBT001
    assert is_guide(Instance("1", uid, "1.2")) is expected
