"""`carrierbag open`, as a person types it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from delivery.parcel import pack
from delivery.parts import plan_parts
from delivery.spool import Spool
from delivery.viewer.site import Site
from rendering.quicklook import quick_look
from studies.synthetic import write_ct
from tests.delivery.material import gathered, opened

CARRIERBAG = Path(sys.executable).with_name("carrierbag")


#: `carrierbag open` where modules and flags that only Unix has are missing.
ELSEWHERE = """
import os, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "preadv", "pread", "fdatasync", "statvfs"):
    delattr(os, name)
sys.argv[1:] = ["open", ".", "--no-viewer"]
from bot.cli import main
main()
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a CT of eight slices in three parts, and what stands for a browser."""
    [found] = gathered(write_ct(tmp_path / "source", slices=8, rows=128))
    (tmp_path / "in").mkdir()
    spool, files = Spool(tmp_path / "spool", 1 << 30), dict(found.files)
    for part in plan_parts(found.study, 150_000):
        site = Site(found.study, part, budget=50_000)
        own = [(one, files[one]) for one in part.instances]
        looks = [quick_look(plan) if (plan := site.plan(*one)) else None for one in own]
        with spool.seal() as sink:
            parcel = pack(found.study, part, own, sink, site=site, looks=looks)
        opened(parcel, spool, tmp_path / "in" / parcel.file_name)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/shown\n')
    browser.chmod(stat.S_IRWXU)
    return tmp_path


def run(here: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and all that is said."""
    environment = os.environ | {"BROWSER": str(here / "browser"), "COLUMNS": "300"}
    done = subprocess.run(
        [CARRIERBAG, "open", *arguments], cwd=here / "in", env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def shown(here: Path) -> list[str]:
    path = here / "shown"
    return path.read_text().splitlines() if path.exists() else []


def test_the_parts_are_checked_and_joined_and_the_viewer_opens(here: Path) -> None:
    code, said = run(here, ".")
    assert (code, said.splitlines()[0]) == (0, "Checked: 1 study, everything is as it was sent.")
    assert said.splitlines()[1].startswith(f"8 DICOM files in {here}/in/DICOM")
    assert shown(here) == [(here / "in" / "DICOM" / "INDEX.HTM").as_uri()]
    assert run(here, ".")[0] == 0
    assert sorted(path.name for path in (here / "in").iterdir() if path.is_dir()) == ["DICOM"]


def test_nothing_of_it_needs_a_unix(here: Path) -> None:
    """Workstations run Windows: as far as that can be tried without one."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], cwd=here / "in", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "8 DICOM files in" in done.stdout


def test_what_lacks_is_said(here: Path) -> None:
    code, said = run(here, "DICOM_1_OF_3.ZIP", "DICOM_3_OF_3.ZIP", "--into", "anew", "--no-viewer")
    assert code == 0
    assert "NOT COMPLETE: not here is part 2 of 3." in said
    assert (here / "in" / "anew" / "INDEX.HTM").exists()
    assert shown(here) == []


def test_a_damaged_part_is_one_sentence_and_opens_nothing(here: Path) -> None:
    path = here / "in" / "DICOM_2_OF_3.ZIP"
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo(next(name for name in archive.namelist() if name.startswith("DICOM/"))).header_offset
    data = bytearray(path.read_bytes())
    data[offset + 5_000] ^= 1
    path.write_bytes(data)
    code, said = run(here, ".")
    assert code == 1
    assert said.startswith("DICOM_2_OF_3.ZIP is damaged, and nothing was opened. Fetch it again from the room.")
    assert said.rstrip().endswith("[O02]")
    assert not (here / "in" / "DICOM").exists()
    assert shown(here) == []


@pytest.mark.parametrize(
    ("arguments", "code"), [(("nothing.zip",), "O04"), (("../source",), "O01"), ((".", "--into", "../source"), "O05")]
)
def test_a_mistake_is_one_sentence(here: Path, arguments: tuple[str, ...], code: str) -> None:
    exit_code, said = run(here, *arguments)
    assert (exit_code, len(said.splitlines()) <= 2, said.rstrip().endswith(f"[{code}]")) == (1, True, True)
