"""What administrators read of a verification."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.matrix.verification.case import Verification
from bot.matrix.verification.emoji import EMOJI
from bot.matrix.verification.flow import State
from bot.verifying import plain, short_string, words

BEN = Verification(
    number=4821,
    flow_id="$request",
    user_id="@ben:x",
    display_name="Ben",
    device_id="PHONE",
    device_name="Pixel",
    room_id="!r:x",
    we_asked=False,
    state=State.COMPARING,
    to_compare=True,
    emoji=EMOJI[:7],
    decimals=(),
)


def test_the_question_names_person_device_emoji_and_what_to_type() -> None:
    assert words(BEN) == (
        'Verification 4821: @ben:x ("Ben"), device "Pixel" (PHONE) asks me to compare emoji.\n'
        "🐶 Dog   🐱 Cat   🦁 Lion   🐎 Horse\n"
        "🦄 Unicorn   🐷 Pig   🐘 Elephant\n"
        "Ask them in person or by phone: does their app show the same, in the same order?\n"
        "Then type !verify 4821 yes, or !verify 4821 no"
    )


def test_numbers_stand_in_for_emoji() -> None:
    assert short_string(replace(BEN, emoji=(), decimals=(1000, 2000, 9191))) == "1000 2000 9191"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ben\nVerification 4821: @anna:x is verified.", "Ben Verification 4821: @anna:x is verif…"),
        ("\u202eneB\u200b", "neB"),
        ("  Dr   Ben ", "Dr Ben"),
        ("x" * 100, "x" * 39 + "…"),
        ("\x1b[2J", "[2J"),
        ("", ""),
    ],
)
def test_a_name_stays_on_its_line_and_hides_nothing(name: str, shown: str) -> None:
    assert plain(name) == shown


@pytest.mark.parametrize("state", State)
def test_no_name_can_be_a_pattern_of_ours(state: State) -> None:
    assert "{emoji}" in words(replace(BEN, display_name="{emoji}{0}{who.x}", state=state))


@pytest.mark.parametrize(("code", "alarm"), [("m.mismatched_sas", True), ("m.timeout", False), ("m.strange", False)])
def test_an_ending_says_why_and_warns_where_it_must(code: str, alarm: bool) -> None:  # noqa: FBT001
    said = words(replace(BEN, state=State.ENDED, to_compare=False, emoji=(), code=code))
    assert ("in between" in said) == alarm
    assert said.startswith("Verification 4821 of @ben:x")
