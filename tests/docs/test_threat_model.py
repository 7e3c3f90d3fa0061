"""Every threat has its five lines, and every test that the threat model names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security" / "threat-model.md").read_text("utf-8")
#: What is not built yet, and so has no test. Whoever builds it takes it from this list.
NOT_YET_BUILT = {"T8.1", "T9.3", "T10.4"}
#: The threats that the project set out with, each a chapter.
CHAPTERS = 10

THREATS: dict[str, str] = dict(re.findall(r"^### (T\d+\.\d+) (.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))


def line(section: str, name: str) -> str:
    """What follows "- <name>:" up to the next line of this kind."""
    found = re.search(rf"^- {name}:(.*?)(?=^- [A-Z]|\Z)", section, re.MULTILINE | re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def named_tests(section: str) -> list[str]:
    return re.findall(r"`(tests/[\w/]+\.py::\w+)`", line(section, "Tests"))


@cache
def functions(path: Path) -> set[str]:
    """The tests in a file, by name."""
    tree = ast.parse(path.read_text("utf-8"))
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_chapter_has_threats() -> None:
    assert {int(number[1:].partition(".")[0]) for number in THREATS} >= set(range(1, CHAPTERS + 1))
    assert len(THREATS) == TEXT.count("\n### ")


@pytest.mark.parametrize("number", THREATS)
def test_every_threat_says_what_who_how_and_what_remains(number: str) -> None:
    for name in ("Asset", "Attacker", "Defence", "Remains"):
        assert line(THREATS[number], name), f"{number} does not say: {name}"


@pytest.mark.parametrize("number", THREATS)
def test_every_threat_has_a_test_unless_it_is_known_to_have_none(number: str) -> None:
    section = THREATS[number]
    assert bool(named_tests(section)) != bool(line(section, "Not yet built"))
    assert bool(line(section, "Not yet built")) == (number in NOT_YET_BUILT)


@pytest.mark.parametrize("name", sorted({name for section in THREATS.values() for name in named_tests(section)}))
def test_every_test_that_is_named_exists(name: str) -> None:
    file, _, function = name.partition("::")
    assert (ROOT / file).is_file()
    assert function in functions(ROOT / file)


def test_nothing_that_looks_like_a_test_is_overlooked() -> None:
    assert TEXT.count("::test_") == sum(len(named_tests(section)) for section in THREATS.values())
