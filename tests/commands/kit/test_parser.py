from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.kit.parser import MOST_CHOICES, Call, Choice, parse


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("!share study 12", Call("share", "study 12")),
        ("!share", Call("share")),
        ("  !help  ", Call("help")),
        ("!SHARE Study", Call("share", "Study")),
        ("! share study", Call("share", "study")),
        ("\N{FULLWIDTH EXCLAMATION MARK}find 1", Call("find", "1")),
        ("!find\n999 000\u00a00018", Call("find", "999 000 0018")),
        ("!find \u201cO\u2019Brien\u201d 12/04/1963", Call("find", '"O\'Brien" 12/04/1963')),
        ("\u200b!share\u200e study", Call("share", "study")),
        ("!find \u2066\u202e9990000018\u2069", Call("find", "9990000018")),
        ("\ufeff!status\u2060 3", Call("status", "3")),
    ],
)
def test_a_line_that_begins_with_a_command_is_a_call(line: str, call: Call) -> None:
    assert parse(line) == call


@pytest.mark.parametrize("line", ["!shared study", "!sharestudy", "!share-study", "!share's"])
def test_a_command_is_a_whole_word(line: str) -> None:
    found = parse(line)
    assert found is None or found.name != "share"


@pytest.mark.parametrize(
    "line",
    ["well!", "", "!", "!!", "! !", "hello", "please !share study", "> !share study", "share study", "!1", "!?", "1!"],
)
def test_ordinary_talk_is_nothing(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("1", (1,)),
        ("1, 2", (1, 2)),
        ("1 and 2", (1, 2)),
        ("1,2 and 3.", (1, 2, 3)),
        (" 2 1 ", (2, 1)),
        ("2 2", (2,)),
        ("\u200e1\u200b", (1,)),
        ("0", (0,)),
    ],
)
def test_numbers_alone_are_a_choice(line: str, numbers: tuple[int, ...]) -> None:
    assert parse(line) == Choice(numbers)


@pytest.mark.parametrize(
    "line", ["1 please", "room 1", "1000", "1-2", "1.5", "and 1", "1 and", "-1", "\u0661", "9990000018", "12/04/1963"]
)
def test_numbers_with_anything_else_are_talk(line: str) -> None:
    assert parse(line) is None


def test_more_numbers_than_a_list_has_are_talk() -> None:
    assert parse(" ".join(map(str, range(MOST_CHOICES + 1)))) is None


@given(st.text())
def test_whatever_is_typed_is_a_call_a_choice_or_nothing(line: str) -> None:
    found = parse(line)
    if isinstance(found, Call):
        assert found.name.isascii()
        assert found.name == found.name.lower()
        assert found.rest == " ".join(found.rest.split())


@given(st.from_regex(r"\A[a-z]{1,8}\Z"), st.text(alphabet="abc 123-\u201c\u2013", max_size=30))
def test_a_parsed_call_typed_again_is_the_same_call(name: str, rest: str) -> None:
    once = parse(f"!{name} {rest}")
    assert isinstance(once, Call)
    assert parse(f"!{once.name} {once.rest}") == once
