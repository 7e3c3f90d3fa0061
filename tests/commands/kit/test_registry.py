from __future__ import annotations

import inspect
from typing import Annotated, Any

import pytest

from access.policy import Action
from commands.every import REGISTRY
from commands.kit.context import Outcome
from commands.kit.registry import NO_WORDS, TypingMistake, Words, command


@command("show", noun="study", action=Action.STATUS, examples=("!show study 1 bone",))
async def show(
    context: Any, number: int, window: Annotated[str, "a window"] = "soft", rest: Annotated[Words, "more"] = NO_WORDS
) -> Outcome:
    """Show it.

    More for the reader of the code.
    """
    return Outcome()


@command("plain", action=Action.HELP)
async def plain(context: Any, word: str) -> Outcome:
    """Be plain."""
    return Outcome()


@pytest.mark.parametrize(
    ("rest", "bound"),
    [
        ("1", {"number": 1}),
        ("study 1", {"number": 1}),
        ("STUDY 1", {"number": 1}),
        ("1 bone", {"number": 1, "window": "bone"}),
        ("study 007 bone  and all  the rest", {"number": 7, "window": "bone", "rest": "and all  the rest"}),
    ],
)
def test_what_was_typed_becomes_what_the_annotations_say(rest: str, bound: dict[str, Any]) -> None:
    assert show.bind(rest) == bound


@pytest.mark.parametrize(
    ("rest", "code"),
    [("", "T01"), ("study", "T01"), ("one", "T02"), ("-1", "T02"), ("1234567890", "T02"), ("\u0661", "T02")],
)
def test_a_typing_mistake_is_one_sentence_with_a_code(rest: str, code: str) -> None:
    with pytest.raises(TypingMistake) as caught:
        show.bind(rest)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


def test_a_missing_word_is_asked_for_with_the_usage() -> None:
    with pytest.raises(TypingMistake, match=r"Type: !plain <word> \[T01\]"):
        plain.bind("")


def test_a_word_too_many_is_refused_rather_than_ignored() -> None:
    with pytest.raises(TypingMistake, match="T03"):
        plain.bind("one two")


def test_usage_summary_and_parameters_come_from_the_function() -> None:
    assert show.usage == "!show study <number> [window] [rest]"
    assert show.summary == "Show it."
    assert [(one.explanation, one.required) for one in show.parameters] == [
        ("number", True),
        ("a window", False),
        ("more", False),
    ]


def test_a_parameter_of_a_type_that_nobody_converts_is_refused_when_the_program_starts() -> None:
    async def odd(context: Any, when: float) -> Outcome:
        return Outcome()

    with pytest.raises(TypeError, match="when"):
        command("odd", action=Action.HELP)(odd)


@pytest.mark.parametrize(("typed", "meant"), [("shared", "!share"), ("shar", "!share"), ("stat", "!status")])
def test_an_unknown_command_names_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(TypingMistake, match=f"Did you mean {meant}"):
        REGISTRY.find(typed)


def test_an_unknown_command_near_nothing_names_help() -> None:
    with pytest.raises(TypingMistake, match=r"do not know that command\. Type !help"):
        REGISTRY.find("zzzz")


@pytest.mark.parametrize("name", REGISTRY.commands)
def test_every_command_explains_itself(name: str) -> None:
    one = REGISTRY.find(name)
    assert one.summary.endswith(".")
    assert all(example.startswith(f"!{name}") for example in one.examples)
    for example in one.examples:
        one.bind(example.partition(" ")[2])
    assert inspect.iscoroutinefunction(one.run)
