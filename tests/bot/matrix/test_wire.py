"""What comes over the wire can be kept and written again, whatever a stranger put into it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matrix.errors import NoSense
from bot.matrix.wire import parsed, said

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


@given(VALUES)
def test_every_value_can_be_written_as_utf8(value: Any) -> None:
    json.dumps(parsed(json.dumps(value)), ensure_ascii=False).encode()


@given(st.text())
def test_proper_text_comes_as_it_is(text: str) -> None:
    assert parsed(json.dumps([text])) == [text]
    assert parsed(json.dumps([text], ensure_ascii=False).encode()) == [text]


@given(st.binary())
def test_other_bytes_are_an_error_of_one_kind(raw: bytes) -> None:
    try:
        parsed(raw)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (r'"\ud800 hi"', "\N{REPLACEMENT CHARACTER} hi"),
        (r'"\uDFFF"', "\N{REPLACEMENT CHARACTER}"),
        (r'"\ud83e\uddb4"', "\N{BONE}"),
        (r'{"\udc00": 1}', {"\N{REPLACEMENT CHARACTER}": 1}),
        (r'"C:\\ud800"', r"C:\ud800"),
    ],
)
def test_half_a_character_is_replaced(raw: str, value: Any) -> None:
    assert parsed(raw) == parsed(raw.encode()) == value


@pytest.mark.parametrize(
    "raw", ["", "<html>", '{"a":', "NaN", "[Infinity]", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, b"\xff\xfe{"]
)
def test_what_is_no_json_or_too_deep_is_an_error_of_one_kind(raw: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the contract
        parsed(raw)


@pytest.mark.parametrize("answer", [{}, {"event_id": None}, {"event_id": 5}, {"event_id": ""}, {"event_id": ["$x"]}])
def test_an_answer_without_its_text_makes_no_sense(answer: dict[str, Any]) -> None:
    with pytest.raises(NoSense, match="makes no sense"):
        said(answer, "event_id")
