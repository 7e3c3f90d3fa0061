from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.kit.registry import TypingMistake
from commands.kit.wishes import wished
from delivery.viewing import Wish
from rendering.look import CLOSEST


@pytest.mark.parametrize(
    ("typed", "share", "wish"),
    [
        ("", 0, Wish()),
        ("12", 12, Wish()),
        ("12 bone", 12, Wish(window="bone")),
        ("bone", 0, Wish(window="bone")),
        ("12 Lungs", 12, Wish(window="lung")),
        ("12 soft tissue window", 12, Wish(window="soft")),
        ("12 series 3 image 40", 12, Wish(series=3, image=40)),
        ("12 image 40 series 3 brain", 12, Wish(series=3, image=40, window="brain")),
        ("series 3 slice 40", 0, Wish(series=3, image=40)),
        ("12 400/40", 12, Wish(levels=(400.0, 40.0))),
        ("12 1500/-600", 12, Wish(levels=(1500.0, -600.0))),
        ("12 1500/\u2212600", 12, Wish(levels=(1500.0, -600.0))),
        ("12 1500 / \u2013600", 12, Wish(levels=(1500.0, -600.0))),
        ("12 W1500 L-600", 12, Wish(levels=(1500.0, -600.0))),
        ("12 w 400 c 40", 12, Wish(levels=(400.0, 40.0))),
        ("12 0.5/0.25", 12, Wish(levels=(0.5, 0.25))),
        ("12 invert", 12, Wish(inverted=True)),
        ("12 zoom 2x", 12, Wish(zoom=2.0)),
        ("12 zoom 3", 12, Wish(zoom=3.0)),
        ("12 zoom x2.5", 12, Wish(zoom=2.5)),
        ("12 zoom 2\u00d7 at 30,60", 12, Wish(zoom=2.0, at=(0.3, 0.6))),
        ("12 at 30 , 60", 12, Wish(zoom=2.0, at=(0.3, 0.6))),
        ("12 at 30%,60% zoom 4x", 12, Wish(zoom=4.0, at=(0.3, 0.6))),
        ("12 zoom", 12, Wish(zoom=2.0)),
        ("12 full", 12, Wish(full=True)),
        ("12 series 2 full zoom 2x", 12, Wish(series=2, full=True, zoom=2.0)),
        ("12 cine", 12, Wish(cine=True)),
        ("12 bone 400/40", 12, Wish(levels=(400.0, 40.0))),
    ],
)
def test_words_in_any_order_are_understood(typed: str, share: int, wish: Wish) -> None:
    assert wished(typed) == (share, wish)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("12 bome", "T20"),
        ("12 13", "T20"),
        ("12 series", "T21"),
        ("12 series three", "T21"),
        ("12 image -3", "T21"),
        ("12 zoom 0", "T22"),
        ("12 zoom 99x", "T22"),
        ("12 zoom near", "T22"),
        ("12 at middle", "T23"),
        ("12 at 30", "T23"),
        ("12 at 101,5", "T23"),
        ("12 cine full", "T24"),
        ("12 0/40", "T25"),
        ("12 400/9999999", "T25"),
    ],
)
def test_a_mistake_is_one_sentence_that_shows_how(typed: str, code: str) -> None:
    with pytest.raises(TypingMistake) as error:
        wished(typed)
    assert error.value.code == code


def test_the_nearest_word_is_offered() -> None:
    with pytest.raises(TypingMistake, match='Did you mean "bone"'):
        wished("12 bome")


@given(st.text(alphabet="0123456789 xX,/-.%abceilnorstuz\u2212\u00d7", max_size=40))
def test_any_line_is_a_wish_that_can_be_kept_or_a_mistake(text: str) -> None:
    try:
        _, wish = wished(text)
    except TypingMistake:
        return
    assert 1 <= wish.zoom <= CLOSEST
    assert all(0 <= one <= 1 for one in wish.at)
    assert wish.levels is None or wish.levels[0] > 0
