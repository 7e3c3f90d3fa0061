"""Reading the headers of 10,000 files: our scanner against pydicom reading the same attributes; and the whole index."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom

from bench.table import Row, show
from config.state import FieldCipher
from studies.foreign import TAGS
from studies.model import StudyQuery
from studies.read import read_header
from studies.sources.folder import FolderSource
from studies.synthetic import write_ct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GOAL = 10.0
#: pydicom reads only this many: it would take half a minute for all.
SAMPLE = 1000


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--files", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="carrierbag-bench-") as directory:
        show(asyncio.run(_measure(Path(directory), options.files)), options.json)


async def _measure(directory: Path, files: int) -> list[Row]:
    paths = _make(directory / "files", files)
    theirs = _rate(_with_pydicom, paths[:SAMPLE])
    ours = max(_rate(read_header, paths) for _ in range(3))
    rows = [_compared("headers read", ours, theirs)]
    source = FolderSource("bench", directory / "files", directory / "index", FieldCipher(secrets.token_bytes(32)))
    await source.open()
    started = time.perf_counter()
    await source.rescan()
    rows.append(_compared("files indexed (read, sealed, committed)", files / (time.perf_counter() - started), theirs))
    rows += await _answers(source, files)
    await source.close()
    return rows


def _make(directory: Path, files: int) -> list[Path]:
    """Studies of 100 slices of 16 x 16 pixels: the headers of real CTs with next to nothing behind them."""
    return [
        path
        for number in range(files // 100)
        for path in write_ct(directory / f"{number:03}", slices=100, seed=number, rows=16)
    ]


def _with_pydicom(path: Path) -> object:
    dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
    return [element.value for element in dataset]


def _rate(read: Callable[[Path], object], paths: Sequence[Path]) -> float:
    started = time.perf_counter()
    for path in paths:
        read(path)
    return len(paths) / (time.perf_counter() - started)


def _compared(name: str, ours: float, theirs: float) -> Row:
    ratio = ours / theirs
    return Row(name, ours, "files/s", f"pydicom {theirs:,.0f} files/s", ratio, f"at least {GOAL:.0f} x", ratio >= GOAL)


async def _answers(source: FolderSource, files: int) -> list[Row]:
    started = time.perf_counter()
    await source.rescan()
    again = time.perf_counter() - started
    started = time.perf_counter()
    found = await source.find(StudyQuery(nhs_number="9990000018"))
    answer = time.perf_counter() - started
    return [
        Row(f"scan of {files} unchanged files", again, "s", goal="under 0.3 s", met=again < 0.3),  # noqa: PLR2004
        Row(f"find, {len(found)} studies of 100 slices", answer, "s", goal="under 0.3 s", met=answer < 0.3),  # noqa: PLR2004
    ]


if __name__ == "__main__":
    main()
