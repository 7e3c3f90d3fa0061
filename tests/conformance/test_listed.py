"""docs/security/conformance.md names every case here, each once, with the result that it has."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "security" / "conformance.md"
COLUMNS = 6  # with the empty ones at both ends
PORTED_AT_LEAST = 20


@cache
def cases() -> dict[str, ast.AsyncFunctionDef]:
    """Every test against a homeserver in this directory."""
    modules = (
        ast.parse(path.read_text("utf-8")) for path in HERE.glob("test_*.py") if path.name != Path(__file__).name
    )
    tests = (node for module in modules for node in module.body if isinstance(node, ast.AsyncFunctionDef))
    return {node.name: node for node in tests if node.name.startswith("test_")}


def rows() -> list[tuple[str, str, str]]:
    """Group, test and result of each line of the page's tables of cases."""
    split = ([cell.strip() for cell in line.split("|")] for line in PAGE.read_text("utf-8").splitlines())
    return [
        (cells[1], cells[3].strip("`"), cells[4]) for cells in split if len(cells) == COLUMNS and "`test_" in cells[3]
    ]


def test_the_page_names_every_case_once_and_no_other() -> None:
    named = [name for _, name, _ in rows()]
    assert sorted(named) == sorted(cases())


def test_every_case_says_to_which_group_it_belongs() -> None:
    for group, name, _ in rows():
        assert (ast.get_docstring(cases()[name]) or "").startswith((f"{group}:", f"{group},")), name


def test_a_case_is_called_failing_exactly_when_it_is_expected_to_fail() -> None:
    for _, name, result in rows():
        marks = [ast.unparse(mark) for mark in cases()[name].decorator_list]
        assert (result == "failing") == any("xfail" in mark for mark in marks), name
        assert not any("skip" in mark for mark in marks), name
        assert result in {"passed", "passed, differs", "failing"}, name


def test_enough_of_the_suites_cases_are_here() -> None:
    theirs, _, _ = PAGE.read_text("utf-8").partition("## Cases of our own")
    assert theirs.count("`test_") >= PORTED_AT_LEAST
