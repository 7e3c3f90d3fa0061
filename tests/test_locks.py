"""What a fresh machine installs is exactly what was tested: locked, by hash, from whatever registry it uses."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOUSE = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
LOCKS = sorted((HOUSE / "requirements").glob("*.txt"))
NPM_LOCKS = [
    HOUSE / place / "package-lock.json"
    for place in ("tests/interop", "tests/browser", "delivery/viewer", "tools/screenshots")
]
RUNTIME = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
DEVELOPMENT = [Requirement(line) for line in PROJECT["dependency-groups"]["dev"]]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((HOUSE / "requirements" / lock).read_text()))


def unmet(wanted: list[Requirement], locked: dict[str, str]) -> list[str]:
    return [str(one) for one in wanted if locked.get(canonicalize_name(one.name), "") not in one.specifier]


def test_the_locks_satisfy_what_the_project_asks_for() -> None:
    assert unmet(RUNTIME, pins("runtime.txt")) == []
    assert unmet(RUNTIME + DEVELOPMENT, pins("dev.txt")) == []


def test_development_has_the_same_versions_as_production() -> None:
    assert pins("runtime.txt").items() <= pins("dev.txt").items()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_a_hash_and_no_registry_is_named(lock: Path) -> None:
    text = lock.read_text()
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?:|--index|--find-links|file:", text)


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda path: path.parent.name)
def test_every_npm_package_has_a_hash_and_no_registry_is_named(lock: Path) -> None:
    packages = [entry for name, entry in json.loads(lock.read_text())["packages"].items() if name]
    assert all(entry["integrity"].startswith("sha512-") for entry in packages)
    assert not [entry["resolved"] for entry in packages if "resolved" in entry]


def imported(path: Path) -> set[str]:
    """Top-level names of the libraries that a file imports, for types too."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    ours = {*PACKAGES, "tests", "bench", "tools"}
    return {name.split(".")[0] for name in plain | named} - sys.stdlib_module_names - ours


def unasked(folders: list[str], wanted: list[Requirement]) -> set[str]:
    files = (path for folder in folders for path in (HOUSE / folder).rglob("*.py") if "node_modules" not in path.parts)
    names = set().union(*map(imported, files))
    owners = packages_distributions()
    asked = {canonicalize_name(one.name) for one in wanted}
    return {name for name in names if asked.isdisjoint(map(canonicalize_name, owners.get(name, [])))}


def test_every_library_that_the_code_imports_is_asked_for() -> None:
    assert unasked(PACKAGES, RUNTIME) == set()


def test_every_library_that_the_tests_import_is_asked_for() -> None:
    assert unasked(["tests", "bench", "tools"], RUNTIME + DEVELOPMENT) == set()
