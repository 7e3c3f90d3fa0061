"""Making pictures: ours against the straightforward way, dcmtk and Orthanc, and above the floor, in one run.

- *Ours*: from the file to the JPEG of 512 pixels, as a warm worker makes it. Rows "as posted" and sheets are whole
  previews: words, scale bar, thumbnail and blurhash, which no peer makes.
- *Straightforward*: pydicom's `pixel_array`, `apply_modality_lut` and `apply_voi_lut`, Pillow's `thumbnail` and JPEG,
  with the decoders that pydicom's documentation tells people to install, in a process of its own that is warm too.
- *dcmtk*: dcmj2pnm (for JPEG-LS dcml2pnm), scaled to the same width; the start of its process is taken off.
- *Orthanc*: `/rendered` over HTTP on a kept connection, the file being in its store already.
- *Floor*: reading the file, and the decoder alone, for the size that is needed.

All take turns of some pictures each, and of each the quickest counts: what else the machine does then disturbs least.
Before the clock starts, ours is compared with the straightforward way's picture: whoever is quick shall be right.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from PIL import Image

from bench.pictures import pictures
from bench.renderers import Dcmtk, Floor, Orthanc, Ours, Straightforward
from bench.table import Row, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.pictures import Picture
    from bench.renderers import Renderer

#: As many turns as fit into so many seconds, but at least and at most so many.
BUDGET, LEAST, MOST = 8.0, 5, 40
#: As many pictures are made in one turn, unless they take longer than this.
IN_A_ROW, ROW_SECONDS = 5, 0.2
#: Mean difference from the straightforward way's picture, in levels of 256. The window is applied before the mean
#: there and after it here.
ALIKE = 4.0


def main(
    *,
    slices: Annotated[int, typer.Option(min=40, help="Of the CT study's sheet.")] = 600,
    only: Annotated[str, typer.Option(help="Only pictures with this in their name.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of a table.")] = False,
) -> None:
    """Measure making pictures against pydicom with Pillow, dcmtk and Orthanc."""
    with tempfile.TemporaryDirectory(prefix="carrierbag-bench-") as directory, _peers(Path(directory)) as peers:
        wanted = [one for one in pictures(Path(directory), slices) if only in one.name]
        show([row for picture in wanted for row in measured(picture, peers)], as_json=as_json)


@contextlib.contextmanager
def _peers(directory: Path) -> Iterator[list[Renderer]]:
    with Straightforward() as plain, Orthanc() as server:
        yield [Ours(), Floor(), plain, Dcmtk(directory), server]


def measured(picture: Picture, renderers: Sequence[Renderer]) -> list[Row]:
    """One row for each that ours is compared with. Raises `RuntimeError` when the picture is another."""
    compare(picture, renderers)
    best = fastest(picture, renderers)
    ours, floor, plain = best["ours"], best["floor"], best["straightforward"]
    rows = [_row(picture.name, ours, "straightforward", plain, picture.goal)]
    never_slower = None if picture.posted else 1.0
    rows += [_row(picture.name, ours, name, best[name], never_slower) for name in ("dcmtk", "Orthanc") if name in best]
    return [*rows, _row(picture.name, ours, "floor", floor, None)]


def fastest(picture: Picture, renderers: Sequence[Renderer]) -> dict[str, float]:
    """Seconds of everybody's quickest turn, by name; who cannot make the picture is left out."""
    best: dict[str, float] = {}
    began, turns = time.monotonic(), 0
    while turns < LEAST or (turns < MOST and time.monotonic() - began < BUDGET):
        for one in [one for one in renderers if turns == 0 or one.name in best]:
            seconds = min(_turn(one, picture), default=None)
            if seconds is not None:
                best[one.name] = min(seconds, best.get(one.name, seconds))
        turns += 1
    return best


def _turn(one: Renderer, picture: Picture) -> list[float]:
    """Some in a row: a worker makes picture after picture, and so its code is in the cache."""
    made: list[float] = []
    while len(made) < IN_A_ROW and sum(made) < ROW_SECONDS:
        seconds = one.seconds(picture)
        if seconds is None:
            break
        made.append(seconds)
    return made


def compare(picture: Picture, renderers: Sequence[Renderer]) -> None:
    """Whether our picture is the one that pydicom and Pillow make, where both make one without words."""
    if picture.columns > 1 or picture.posted:
        return
    ours, plain = (_levels(one.jpeg(picture)) for one in renderers if isinstance(one, Ours | Straightforward))
    if ours.shape != plain.shape or np.abs(ours - plain).mean() > ALIKE:
        raise RuntimeError(f"{picture.name}: not the same picture")


def _levels(jpeg: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image).astype(np.int16)


def _row(name: str, ours: float, whom: str, theirs: float, goal: float | None) -> Row:
    ratio = theirs / ours
    against = f"{whom}: {theirs * 1000:.2f} ms"
    if goal is None:
        return Row(name, ours * 1000, "ms", against, ratio)
    return Row(name, ours * 1000, "ms", against, ratio, f"at least {goal:g} x", ratio >= goal)


if __name__ == "__main__":
    typer.run(main)
