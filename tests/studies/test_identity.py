from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.identity import (
    display_name,
    fold_name,
    identity_line,
    is_nhs_number,
    mask_name,
    masked_identity,
    name_keys,
    without_controls,
)
from studies.model import Patient
from studies.query import mask_name as mask_name_of_query

ANN = Patient("A00123", "TRUST A", "Brown^Ann", datetime.date(1963, 4, 12), "F", "9990000018")


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Brown^Ann", "B**** A**"),
        ("BROWN^ANN^MARIE^DR^MD", "B**** A** M****"),
        ("Brown", "B****"),
        ("^Ann", "A**"),
        ("O'Brien^Mary-Jane", "O***** M*******"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Y***** T****"),
        ("=山田^太郎", "山* 太*"),
        ("Παπαδόπουλος^Ελένη", "Π********** \u0395****"),
        ("李^明", "* *"),
        ("A\u0301lvarez", "Á******"),
        ("<b>^\u202eAnn\n@room", "* A******"),
        ("", "no name"),
        ("^^^^", "no name"),
    ],
)
def test_mask_shows_the_first_letter_of_each_name_and_never_all_of_it(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_mask_is_found_beside_the_parser_too() -> None:
    assert mask_name_of_query is mask_name


@given(st.text(max_size=80))
def test_mask_never_shows_two_letters_of_one_name(name: str) -> None:
    for part in mask_name(name).split(" "):
        assert part in {"no", "name"} or len(part.replace("*", "")) <= 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "MULLER"), ("O'Brien", "o\u2019brien"), ("Smith-Jones", "smith jones"), ("Straße", "STRASSE"),
        ("Παπαδόπουλος", "ΠΑΠΑΔΟΠΟΥΛΟΣ"), ("Łukasz", "lukasz"), ("محمّد", "محمد"), ("Nguyễn", "nguyen"),
        ("ﾔﾏﾀﾞ", "ヤマダ"),
    ],
)  # fmt: skip
def test_names_are_compared_without_case_diacritics_and_marks(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


def test_kana_that_sound_differently_are_different_names() -> None:
    assert fold_name("かと") != fold_name("がど")


def test_a_person_is_found_by_the_family_name_of_every_script_and_by_both_names_in_either_order() -> None:
    keys = name_keys("Yamada^Tarou=山田^太郎")
    assert {fold_name(name) for name in ("YAMADA", "Tarou Yamada", "Yamada Tarou", "山田", "山田太郎")} <= keys
    assert fold_name("Tarou") not in keys
    assert name_keys("") == frozenset()


def test_identity_line_has_at_least_two_identifiers() -> None:
    assert identity_line(ANN) == "BROWN, Ann · born 12 Apr 1963 · NHS 999 000 0018"
    hospital = Patient("A00123", "TRUST A", "Brown^Ann", ANN.patient_birth_date)
    assert identity_line(hospital) == "BROWN, Ann · born 12 Apr 1963 · ID A00123 (TRUST A)"
    assert identity_line(Patient()) == "no name · birth date not known"


def test_masked_identity_gives_away_less() -> None:
    assert masked_identity(ANN) == "B**** A**, 1963, NHS *** *** 0018"
    assert masked_identity(Patient("A00123", "", "Brown^Ann")) == "B**** A**, ID ***123"
    assert masked_identity(Patient("7", "", "")) == "no name, ID *"


def test_strings_from_dicom_lose_controls_and_keep_every_visible_character() -> None:
    assert without_controls("a\u202eb\u200bc\n@room <img>\0") == "abc @room <img>"
    assert display_name("Brown\u202e^Ann^^Dr") == "BROWN, Ann (Dr)"


@pytest.mark.parametrize(
    ("digits", "valid"),
    [("9990000018", True), ("9990000026", True), ("9990000019", False), ("0000000000", False), ("999 000 0018", False),
     ("", False), ("٩٩٩٠٠٠٠٠١٨", False), ("99900000180", False)],
)  # fmt: skip
def test_nhs_number_is_ten_digits_with_a_right_check_digit_and_not_nobodys(digits: str, valid: bool) -> None:  # noqa: FBT001
    assert is_nhs_number(digits) is valid
