from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from commands.kit import describe
from studies.model import Instance, Patient, Series, Study
from studies.sources.everywhere import Found

ANN = Patient("9990000018", "", "BROWN^Ann", datetime.date(1963, 4, 12), "F", "9990000018")
IMAGE = Instance("1.2.3.4", "1.2.3", "1.2", rows=10, columns=10, size=7_533_000)
ANKLE = Study(
    "1.2.3",
    ANN,
    study_date=datetime.date(2026, 11, 20),
    series=(Series("1.2.3.1", "CR", body_part_examined="ANKLE", instances=(IMAGE,) * 3),),
)


def test_a_list_is_numbered_and_shows_two_identifiers_and_no_name() -> None:
    listed = describe.numbered([Found(ANKLE, "radiology"), Found(ANKLE, "archive")])
    assert listed.splitlines() == [
        "1. CR ankle, 20 Nov 2026 · B**** A**, 1963, NHS *** *** 0018 · 3 images, 22.6 MB · radiology",
        "2. CR ankle, 20 Nov 2026 · B**** A**, 1963, NHS *** *** 0018 · 3 images, 22.6 MB · archive",
    ]


def test_the_full_description_has_two_identifiers_in_full() -> None:
    assert describe.full(ANKLE).splitlines() == [
        "CR ankle, 20 Nov 2026",
        "BROWN, Ann · born 12 Apr 1963 · NHS 999 000 0018",
        "3 images, 22.6 MB",
    ]


def test_text_from_headers_cannot_break_lines_or_turn_directions() -> None:
    hostile = replace(ANKLE, study_description="ankle\n1. \u202eelkna\u200b\x00", study_date=None)
    assert describe.what(hostile) == "CR ankle 1. elkna, no date"


def test_a_modality_is_said_once() -> None:
    assert describe.what(replace(ANKLE, study_description="XR Ankle right")) == "XR Ankle right, 20 Nov 2026"
    assert describe.what(replace(ANKLE, study_description="XRay of it")) == "CR XRay of it, 20 Nov 2026"
    series = (replace(ANKLE.series[0], modality="CT"),)
    assert describe.what(replace(ANKLE, series=series, study_description="CT Thorax")) == "CT Thorax, 20 Nov 2026"


def test_a_study_that_says_nothing_of_itself_is_a_study() -> None:
    assert describe.what(Study("1.2")) == "study, no date"


def test_one_is_singular() -> None:
    assert describe.count(1, "image") == "1 image"
    assert describe.count(0, "image") == "0 images"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "about 5 s"),
        (21, "about 25 s"),
        (54, "about 55 s"),
        (56, "about 1 min"),
        (200, "about 4 min"),
        (5_300, "about 89 min"),
        (7_300, "about 2 h"),
    ],
)
def test_a_duration_is_said_roughly_and_never_too_short(seconds: float, words: str) -> None:
    assert describe.duration(seconds) == words


def test_a_share_of_less_than_the_study_says_so_in_its_headline() -> None:
    said = describe.headline(7, Study("1"), "series 3")
    assert said.startswith("Share 7: ")
    assert said.endswith(" · only series 3")
