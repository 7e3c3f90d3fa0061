"""The contracts of .importlinter hold in the house (`make check`); here: they would notice."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
CONTRACTS = HOUSE / ".importlinter"
LINT = Path(sys.executable).with_name("lint-imports")
# Each package with a module, into which a test puts one import.
ROOMS = ("bot.room", "bot.matrix.room", "commands.room", "commands.every", "commands.kit.room", "delivery.room",
         "access.room", "ledger.room", "rendering.room", "studies.room", "config.room")  # fmt: skip


def build(where: Path, imports: dict[str, str]) -> None:
    for room in ROOMS:
        path = where / Path(*room.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for package in list(path.relative_to(where).parents)[:-1]:
            (where / package / "__init__.py").touch()
        path.write_text(f"import {imports[room]}\n" if room in imports else "")
    (where / "commands" / "find.py").touch()
    (where / ".importlinter").write_text(CONTRACTS.read_text())


def lint(where: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LINT), "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(where)}
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("room", "imported"),
    [
        ("config.room", "bot.room"),
        ("studies.room", "ledger.room"),
        ("access.room", "ledger.room"),
        ("ledger.room", "rendering.room"),
        ("delivery.room", "commands.room"),
        ("commands.room", "commands.find"),
        ("commands.room", "commands.every"),
        ("bot.room", "nio"),
        ("commands.room", "vodozemac"),
        ("bot.room", "pynetdicom"),
        ("delivery.room", "aiohttp"),
        ("access.room", "aiosqlite"),
        ("delivery.room", "PIL"),
    ],
)
def test_an_import_against_the_layers_is_noticed(tmp_path: Path, room: str, imported: str) -> None:
    build(tmp_path, {room: imported})
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 broken" in done.stdout


def test_what_the_design_allows_is_not_complained_about(tmp_path: Path) -> None:
    allowed = {
        "bot.matrix.room": "nio, vodozemac, aiohttp",
        "bot.room": "bot.matrix.room, commands.room, ledger.room",
        "commands.every": "commands.find, commands.room",
        "commands.room": "commands.kit.room, delivery.room, access.room",
        "delivery.room": "ledger.room, rendering.room, studies.room",
        "ledger.room": "aiosqlite",
        "rendering.room": "PIL",
        "studies.room": "aiohttp, pynetdicom",
    }
    build(tmp_path, allowed)
    done = lint(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_of_the_house_is_under_contract() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(CONTRACTS)
    listed = set(contracts["importlinter"]["root_packages"].split())
    beside = {"bench", "docs", "requirements", "setup", "tests", "tools"}
    packages = {path.parent.name for path in HOUSE.glob("*/__init__.py")} - beside
    assert packages == listed
