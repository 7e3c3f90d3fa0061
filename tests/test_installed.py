"""Our top-level names are common words. Each must mean this project's files, in the checkout and in the wheel."""

from __future__ import annotations

import fnmatch
import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=HOUSE, check=True, capture_output=True)
    return zipfile.ZipFile(next(directory.glob("*.whl")))


@pytest.mark.parametrize("name", PACKAGES)
def test_each_of_our_names_means_our_files(name: str) -> None:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin == str(HOUSE / name / "__init__.py")


@pytest.mark.parametrize("name", PACKAGES)
def test_no_installed_distribution_has_one_of_our_names(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"carrierbag"}


def test_the_wheel_holds_our_packages_and_nothing_beside_them(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_holds_every_file_that_the_packages_have_under_version_control(wheel: zipfile.ZipFile) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--", *PACKAGES], cwd=HOUSE, check=True, capture_output=True, text=True
    ).stdout.split()
    left_out = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"]
    expected = {name for name in listed if (HOUSE / name).exists() and not _matches(name, left_out)}
    assert len(expected) > len(listed) * 0.9
    assert not expected - set(wheel.namelist())


def _matches(name: str, patterns: list[str]) -> bool:
    return any(name.startswith(f"{one}/") or fnmatch.fnmatch(name, one) for one in patterns)


def test_the_wheel_holds_the_data_that_the_code_reads(wheel: zipfile.ZipFile) -> None:
    kinds = {Path(name).suffix for name in wheel.namelist()}
    assert {".py", ".sql", ".toml"} <= kinds
    assert {"delivery/viewer/dist/INDEX.HTM", "delivery/viewer/dist/VIEWER.JS"} <= set(wheel.namelist())


def test_the_command_line_starts_in_one_of_our_packages() -> None:
    module, _, function = PROJECT["project"]["scripts"]["carrierbag"].partition(":")
    assert module.split(".")[0] in PACKAGES
    assert function == "main"
