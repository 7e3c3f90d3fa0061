from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.kit.options import LONGEST_NOTE, Asked, asked
from commands.kit.registry import TypingMistake
from delivery.options import Options


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("", Asked("")),
        ("2", Asked("2")),
        ("999 000 0018", Asked("999 000 0018")),
        ("2 series 3", Asked("2", Options(series=(3,)))),
        ("1, 2 series 3, 5 and 7 thin", Asked("1, 2", Options(series=(3, 5, 7), thin=True))),
        ("series 3 series 5", Asked("", Options(series=(3, 5)))),
        ("series 3 only", Asked("", Options(series=(3,)))),
        ("Series 3", Asked("", Options(series=(3,)))),
        ("Brown 12/04/1963 thin", Asked("Brown 12/04/1963", Options(thin=True))),
        ("2 thins", Asked("2", Options(thin=True))),
        ("2 thin slices only", Asked("2", Options(thin=True))),
        ("2 thick", Asked("2", Options(thick=True))),
        ("2 key", Asked("2", Options(key=True))),
        ("2, key images", Asked("2", Options(key=True))),
        ("2 --series 3 --key", Asked("2", Options(series=(3,), key=True))),
        ("2 \u2014key", Asked("2", Options(key=True))),
        ("--pdi 2", Asked("2", Options(pdi=True))),
        ("2 --as-stored", Asked("2", Options(as_stored=True))),
        ("2 \u2014as-stored", Asked("2", Options(as_stored=True))),
        ("2 \u2014 as stored", Asked("2", Options(as_stored=True))),
        ("2 series 3 --AS-STORED thin", Asked("2", Options(series=(3,), thin=True, as_stored=True))),
        ('2 --note "Fell from a ladder, no pulse."', Asked("2", note="Fell from a ladder, no pulse.")),
        ('--note "a -- b, series 3" 2 key', Asked("2", Options(key=True), "a -- b, series 3")),
        ("2 --note Fell from a ladder", Asked("2", note="Fell from a ladder")),
        ("2 key \u2014note: no pulse", Asked("2", Options(key=True), "no pulse")),
        ('2 --pdi --note "x"', Asked("2", Options(pdi=True), "x")),
        # Families and identifiers that look like options.
        ("Key 12/04/1963", Asked("Key 12/04/1963")),
        ("Thick, Ann 12/04/1963", Asked("Thick, Ann 12/04/1963")),
        ("Smith--Key 12/04/1963", Asked("Smith--Key 12/04/1963")),
        ("Key 12/04/1963 key", Asked("Key 12/04/1963", Options(key=True))),
        ("XR-26--3", Asked("XR-26--3")),
    ],
)
def test_options_are_told_from_what_is_looked_for(typed: str, understood: Asked) -> None:
    assert asked(typed) == understood


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("2 --thinn", "T30"),
        ("2 --force", "T30"),
        ("2 --pdi --as-stored", "T31"),
        ("2 thin thick", "T32"),
        ('2 --note "not closed', "T33"),
        ('2 --note "she said "fine" twice"', "T33"),
        ("2 --note not last --pdi", "T33"),
        ('2 --note "a" --note "b"', "T30"),
        ("2 --note", "T34"),
        ('2 --note " "', "T34"),
        (f'2 --note "{"x" * (LONGEST_NOTE + 1)}"', "T35"),
        ("2 series", "T21"),
        ("2 --series", "T21"),
    ],
)
def test_a_mistake_is_one_sentence_and_shares_nothing(typed: str, code: str) -> None:
    with pytest.raises(TypingMistake) as error:
        asked(typed)
    assert error.value.code == code


def test_the_nearest_option_is_offered() -> None:
    with pytest.raises(TypingMistake, match='Did you mean "--as-stored"'):
        asked("2 --as-stord")


@given(st.text(alphabet='0123456789 ,&-"\u2014adehiknoprstuy', max_size=60))
def test_any_line_is_understood_or_refused_and_what_is_kept_comes_back(text: str) -> None:
    try:
        found = asked(text)
    except TypingMistake:
        return
    assert Options.kept(asdict(found.options)) == found.options
    assert asked(found.what) == Asked(found.what)


def test_words_that_the_ledger_keeps_and_nobody_knows_any_more_are_passed_over() -> None:
    assert Options.kept({"series": [3], "gone": True}) == Options(series=(3,))
