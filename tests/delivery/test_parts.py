from __future__ import annotations

import itertools
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import NotAllowed
from delivery.elements import element
from delivery.parcel import pack
from delivery.part10 import MAGIC, PREAMBLE, file_meta
from delivery.parts import PART_OVERHEAD, VIEWER_SHARE, Part, packed_size, plan_parts, refusal
from delivery.spool import Spool
from tests.delivery.material import CT_IMAGE, EXPLICIT, small_study

MEGABYTE = 1_000_000
STUDIES = st.lists(st.lists(st.integers(0, 3 * MEGABYTE), max_size=12), max_size=6).map(small_study)
LIMITS = st.integers(0, 10 * MEGABYTE)


def test_a_study_that_fits_is_one_dicom_zip() -> None:
    [part] = plan_parts(small_study([[MEGABYTE] * 3]), 50 * MEGABYTE)
    assert (part.number, part.of, part.file_name) == (1, 1, "DICOM.ZIP")


def test_several_parts_say_which_and_of_how_many() -> None:
    parts = plan_parts(small_study([[MEGABYTE] * 9]), 4 * MEGABYTE)
    assert [part.file_name for part in parts] == ["DICOM_1_OF_3.ZIP", "DICOM_2_OF_3.ZIP", "DICOM_3_OF_3.ZIP"]


def test_a_series_that_fits_into_a_part_is_not_cut() -> None:
    study = small_study([[MEGABYTE] * 2, [MEGABYTE] * 3, [MEGABYTE]])
    assert [len(part.instances) for part in plan_parts(study, 4 * MEGABYTE)] == [2, 3, 1]


def test_a_series_that_fits_nowhere_is_cut_and_starts_where_there_is_room() -> None:
    study = small_study([[MEGABYTE], [MEGABYTE] * 6])
    assert [len(part.instances) for part in plan_parts(study, 4 * MEGABYTE)] == [3, 3, 1]


def test_a_study_without_instances_has_no_parts() -> None:
    assert plan_parts(small_study([[]]), 50 * MEGABYTE) == []


def test_an_instance_that_is_too_large_is_named_and_the_others_go() -> None:
    study = small_study([[MEGABYTE, 9 * MEGABYTE, MEGABYTE]])
    sent, refused = plan_parts(study, 4 * MEGABYTE)
    assert [one.instance_number for one in sent.instances] == [1, 3]
    assert (sent.file_name, sent.too_large, refused.too_large, refused.number) == ("DICOM.ZIP", False, True, 0)
    error = refusal(refused, 4 * MEGABYTE)
    assert isinstance(error, NotAllowed)
    assert str(error) == (
        "Image 2 is not sent: it has 9 MB, this server takes 4 MB. "
        "Ask the operator to raise the limit, or fetch this one the usual way. [D10]"
    )


@given(study=STUDIES, limit=LIMITS)
def test_every_instance_is_in_exactly_one_part_in_the_order_of_the_study(study, limit: int) -> None:  # noqa: ANN001
    parts = plan_parts(study, limit)
    sent = [one for part in parts if not part.too_large for one in part.instances]
    refused = [one for part in parts if part.too_large for one in part.instances]
    assert sent == [one for one in study.instances if one not in refused]
    assert len(sent) + len(refused) == len(study.instances)
    assert [part.number for part in parts if not part.too_large] == list(range(1, parts[0].of + 1 if parts else 1))


@given(study=STUDIES, limit=LIMITS)
def test_no_part_exceeds_the_limit_and_only_what_must_is_refused(study, limit: int) -> None:  # noqa: ANN001
    for part in plan_parts(study, limit):
        needed = PART_OVERHEAD + sum(packed_size(one) for one in part.instances)
        assert part.too_large or needed <= limit
        assert not part.too_large or len(part.instances) == 1
        assert not part.too_large or needed + 1024 > limit


@given(study=STUDIES)
def test_neighbouring_parts_could_not_have_been_one(study) -> None:  # noqa: ANN001
    limit = 8 * MEGABYTE
    parts = plan_parts(study, limit)
    for one, following in itertools.pairwise(parts):
        together = sum(packed_size(instance) for part in (one, following) for instance in part.instances)
        assert together + PART_OVERHEAD + 6 * 1024 > limit - limit // VIEWER_SHARE


@settings(max_examples=15)
@given(
    sizes=st.lists(st.lists(st.integers(0, 60_000), min_size=1, max_size=15), min_size=1, max_size=4),
    limit=st.integers(100_000, 300_000),
)
def test_the_zip_of_every_part_is_within_the_limit(sizes: list[list[int]], limit: int) -> None:
    head = PREAMBLE + MAGIC + file_meta(CT_IMAGE, "1.2.3", EXPLICIT)
    study = small_study([[size + len(head) + 12 for size in series] for series in sizes])
    with tempfile.TemporaryDirectory() as directory:
        spool = Spool(Path(directory) / "spool", 1 << 30)
        files = {}
        for number, one in enumerate(study.instances):
            files[one] = Path(directory) / str(number)
            filling = os.urandom((one.size - len(head) - 12) // 2 * 2)
            files[one].write_bytes(head + element(0x7FE00010, b"OB", filling))
        for part in plan_parts(study, limit):
            with spool.seal() as sink:
                parcel = pack(study, part, [(one, files[one]) for one in part.instances], sink)
            assert parcel.size == spool.path(parcel.sealed.name).stat().st_size <= limit


@pytest.mark.parametrize("size", [999, 1_000_000, 52_428_800, 4_000_000_000])
def test_sizes_are_told_in_megabytes_that_people_read(size: int) -> None:
    [instance] = small_study([[size]]).instances
    sentence = refusal(Part(0, 0, (instance,), too_large=True), size).sentence
    assert "e+" not in sentence


def test_what_is_to_be_seen_first_is_in_the_first_part_and_documents_are_too() -> None:
    study = small_study([[MEGABYTE] * 3, [MEGABYTE] * 3, [MEGABYTE] * 3, [2_000]])
    report = replace(study.series[3].instances[0], sop_class_uid="1.2.840.10008.5.1.4.1.1.88.11")
    study = replace(study, series=(*study.series[:3], replace(study.series[3], instances=(report,))))
    parts = plan_parts(study, 4 * MEGABYTE, first={"1.2.1.1"})
    assert [part.number for part in parts] == [1, 2, 3]
    assert set(parts[0].instances) == {*study.series[1].instances, report}
    assert parts[1].instances == study.series[0].instances


def test_of_a_series_that_is_cut_the_piece_with_the_key_image_comes_first() -> None:
    study = small_study([[MEGABYTE] * 9])
    parts = plan_parts(study, 4 * MEGABYTE, first={"1.2.0.7"})
    assert [[one.instance_number for one in part.instances] for part in parts] == [[7, 8, 9], [1, 2, 3], [4, 5, 6]]


@given(study=STUDIES, limit=LIMITS, first=st.sets(st.sampled_from(["1.2.0.0", "1.2.1.3", "1.2.2.1"])))
def test_key_images_first_loses_nothing(study, limit: int, first: set[str]) -> None:  # noqa: ANN001
    parts = [part for part in plan_parts(study, limit, first) if not part.too_large]
    plain = [part for part in plan_parts(study, limit) if not part.too_large]
    assert {one for part in parts for one in part.instances} == {one for part in plain for one in part.instances}
    leads = [bool({one.sop_instance_uid for one in part.instances} & first) for part in parts]
    assert leads == sorted(leads, reverse=True)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
