"""Words as a PDF: the same bytes each time, all letters there, nothing in a log."""

from __future__ import annotations

import datetime
import logging

import pypdfium2
import pytest

from rendering.paper import Passage, paper

AT = datetime.datetime(2026, 11, 24, 14, 26, tzinfo=datetime.UTC)


def made(*texts: str) -> bytes:
    return paper(
        "Clinical notes", ["BROWN, Ann"], [Passage("Anna", text) for text in texts], foot="Share 1", made_at=AT
    )


def read(pdf: bytes) -> list[str]:
    return [page.get_textpage().get_text_range().replace("\r", "") for page in pypdfium2.PdfDocument(pdf)]


def test_the_same_words_make_the_same_bytes() -> None:
    assert made("Fell.\n\nNo pulse.") == made("Fell.\n\nNo pulse.")


@pytest.mark.parametrize("text", ["Łukasz Żółć, µg ≥ 5 ½", "Ελένη Παπαδοπούλου", "Пётр", "山田 太郎", "김희중", "ถนน"])
def test_names_in_any_script_are_there(text: str) -> None:
    assert text in read(made(text))[0]


def test_writing_from_the_right_begins_at_the_right() -> None:
    [page] = pypdfium2.PdfDocument(made("שלום 5 mg"))
    found = page.get_textpage()
    place = found.get_text_range().index("ש")
    left, *_ = found.get_charbox(place)
    assert left > page.get_width() / 2


@pytest.mark.parametrize(
    ("text", "told"), [("ok 👍🏽", "ok [thumbs up sign]"), ("1\t2", "1 2"), ("a\ufe0fb", "ab"), ("BP ↓", "BP ↓")]
)
def test_a_letter_that_no_font_has_is_told_by_its_name(text: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert told in read(made(text))[0]
    assert not [one for one in caplog.records if "fpdf" in one.name]


def test_many_notes_are_many_pages_each_with_its_foot() -> None:
    pages = read(made(*["word " * 300] * 8))
    assert len(pages) > 2
    assert all(f"Share 1 · page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1))
