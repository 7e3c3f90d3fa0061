"""Words in every script that DICOM can hold: there, shaped, and in the right order."""

from __future__ import annotations

import io

import pytest
from PIL import ImageFont

from rendering import words
from rendering.annotate import WARNING
from rendering.letters import font, right_to_left
from rendering.page import WIDTH, Block, laid_out, wrapped

#: Python's names of the character sets of PS3.3 C.12.1.1.2 (of GB18030 what is in daily use), and Taiwan's.
CHARACTER_SETS = [
    *(f"iso8859_{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)),
    "tis_620",
    "shift_jis",
    "gb2312",
    "euc_kr",
]


def printable(coding: str) -> str:
    """All letters of a character set of one or two bytes."""
    codes = [bytes([one]) for one in range(0x20, 0x100)]
    codes += [bytes([lead, trail]) for lead in range(0x81, 0xFF) for trail in range(0x40, 0xFF)]
    letters = {code.decode(coding, "ignore") for code in codes if coding.count("8859") == 0 or len(code) == 1}
    return "".join(sorted(one for one in letters if len(one) == 1 and one.isprintable() and not one.isspace()))


def drawn(letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font(16, letter).getmask(letter)
    return mask.size, bytes(mask)


@pytest.mark.parametrize("coding", CHARACTER_SETS)
def test_every_letter_of_dicoms_character_sets_can_be_drawn(coding: str) -> None:
    boxes = {drawn("\ufffe"), drawn("\u4dbf")}
    letters = printable(coding)
    missing = [one for one in letters if drawn(one) in boxes]
    assert len(letters) > 90
    # Line-drawing and the like may be missing, no letter.
    assert not [one for one in missing if one.isalnum()]


def test_every_letter_of_our_own_words_is_in_the_small_font() -> None:
    ours = {*WARNING, *"·.,:'-", *"".join((*words.MODALITIES.values(), *words.SIDES.values()))}
    assert {font(20, one) is font(20) for one in ours} == {True}


def test_arabic_letters_are_joined() -> None:
    letters = font(40, "كسر")
    apart = sum(letters.getlength(one) for one in "كسر")
    assert letters.getlength("كسر") < 0.9 * apart


def test_hebrew_runs_to_the_left_and_numbers_within_it_to_the_right() -> None:
    seen = font(40, "אבג 12")
    plain = ImageFont.truetype(io.BytesIO(seen.font_bytes), 40, layout_engine=ImageFont.Layout.BASIC)
    assert bytes(seen.getmask("אבג 12")) == bytes(plain.getmask("12 גבא"))


@pytest.mark.parametrize(
    ("text", "leftwards"),
    [
        ("كسر", True),
        ("12 כאב", True),
        ("(كسر) AP", True),
        ("AP كسر", False),
        ("骨折", False),
        ("12 mm", False),
        ("", False),
    ],
)
def test_a_paragraph_runs_as_its_first_letter_does(text: str, *, leftwards: bool) -> None:
    assert right_to_left(text) == leftwards


@pytest.mark.parametrize(("text", "leftwards"), [("كسر في الكعب", True), ("Fracture", False), ("骨折", False)])
def test_a_page_begins_each_paragraph_where_one_begins_to_read(text: str, *, leftwards: bool) -> None:
    (page,) = laid_out([Block(text)])
    left, _, right, _ = page.point(lambda level: 255 * (level > 60)).getbbox() or (0, 0, 0, 0)
    assert (left > WIDTH / 2, right < WIDTH / 2) == (leftwards, not leftwards)


@pytest.mark.parametrize(
    "text", ["كسر في الكعب الوحشي " * 20, "右腓骨遠位端に斜骨折を認める。" * 20, "우측 비골 원위부 골절 " * 20]
)
def test_lines_of_any_script_fit(text: str) -> None:
    lines = list(wrapped(text, 40, 900))
    assert len(lines) > 4
    assert all(font(40, line).getlength(line) <= 910 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
