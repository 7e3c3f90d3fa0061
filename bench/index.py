"""Reading the headers of 10,000 files: our scanner against pydicom reading the same attributes; and the whole index.

Rates are per second of processor time (the files are in the page cache): other programs then disturb them least.
"""

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

#: The best of so many rounds counts.
ROUNDS = 3
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
    rates = [(_rate(read_header, paths), _rate(_with_pydicom, paths[:SAMPLE])) for _ in range(ROUNDS)]
    ours, theirs = (max(column) for column in zip(*rates, strict=True))
    rows = [_compared("headers read", ours, theirs, 10)]
    source = FolderSource("bench", directory / "files", directory / "index", FieldCipher(secrets.token_bytes(32)))
    await source.open()
    started = time.process_time()
    await source.rescan()
    indexed = files / (time.process_time() - started)
    rows.append(_compared("files read, sealed and indexed", indexed, theirs, 5))
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
    started = time.process_time()
    for path in paths:
        read(path)
    return len(paths) / (time.process_time() - started)


def _compared(name: str, ours: float, theirs: float, goal: float) -> Row:
    against = f"pydicom, header only: {theirs:,.0f}"
    return Row(name, ours, "files/s", against, ours / theirs, f"at least {goal:.0f} x", ours / theirs >= goal)


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
