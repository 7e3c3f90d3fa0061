"""Who makes pictures in `bench.render`: our renderer, the floor below it, and the peers."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from rendering import montage
from rendering.codecs import COMPRESSED, decode
from rendering.encode import jpeg
from rendering.frame import codestream, read_frame
from rendering.header import opened
from rendering.module import pixel_module
from rendering.preview import PreviewPlan, Tile, render
from rendering.reduce import factor

if TYPE_CHECKING:
    from bench.pictures import Picture

_TOP = Path(__file__).resolve().parents[1]
_PEERS = _TOP / ".venv-bench"
QUALITY = 88


class Renderer(Protocol):
    """Makes a picture as often as it is asked to."""

    @property
    def name(self) -> str:
        """Whom the table names."""

    def seconds(self, picture: Picture) -> float | None:
        """From the file to the JPEG, in memory; None when it cannot show it."""


class Ours:
    """What the product does: one frame as a JPEG of `edge` without words, or a whole contact sheet as it is posted."""

    name = "ours"

    def seconds(self, picture: Picture) -> float:
        """In this process, as in a warm worker."""
        started = time.perf_counter()
        self.jpeg(picture)
        return time.perf_counter() - started

    def jpeg(self, picture: Picture) -> bytes:
        """The picture."""
        if picture.columns > 1 or picture.posted:
            return render(_plan(picture)).data
        frame = read_frame(picture.files[0], edge=picture.edge)
        return jpeg(montage.single(frame, picture.edge, picture.edge, 1).image, QUALITY)


def _plan(picture: Picture) -> PreviewPlan:
    several = len(picture.files) > 1
    tiles = [Tile(file, label=str(place) if several else "") for place, file in enumerate(picture.files, 1)]
    return PreviewPlan("bench", tuple(tiles), "Caption of the picture")


class Floor:
    """What nobody can do without: reading the files, and the decoder alone, for the size that is needed."""

    name = "floor"

    def seconds(self, picture: Picture) -> float:
        """Headers are read beforehand."""
        return sum(_least(file, picture.edge) for file in picture.files)


def _least(file: Path, edge: int) -> float:
    with opened(file) as header:
        module = pixel_module(header.data_set, header.tag)
        started = time.perf_counter()
        if header.transfer_syntax_uid in COMPRESSED:
            data = codestream(header, module, 0)
            decode(data, header.transfer_syntax_uid, module, factor(module.rows, module.columns, edge))
        else:
            header.stream.read(header.length)
    return time.perf_counter() - started


class Dcmtk:
    """dcmj2pnm and its sibling: a process for each file, of which the start is taken off."""

    name = "dcmtk"

    def __init__(self, directory: Path) -> None:
        self._out = directory / "dcmtk.out"
        self._start = 1.0

    def seconds(self, picture: Picture) -> float | None:
        """None where it cannot."""
        if not picture.dcmtk:
            return None
        # The quickest start so far, one more try each time.
        self._start = min(self._start, _run(picture.dcmtk[0], "--version") or 1.0)
        seconds = _run(*picture.dcmtk, picture.files[0], self._out)
        return None if seconds is None else max(seconds - self._start, 1e-6)


def _run(*command: str | Path) -> float | None:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    return None if done.returncode else time.perf_counter() - started


class Program:
    """A program that answers orders, each a line of JSON, with the seconds that it took."""

    def __init__(self, name: str, *command: str | Path) -> None:
        self.name = name
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(list(map(str, command)), stdin=pipe, stdout=pipe, text=True)

    def seconds(self, picture: Picture) -> float | None:
        """As it measured it itself."""
        seconds: float | None = self.answer(picture).get("seconds")
        return seconds

    def answer(self, picture: Picture) -> dict[str, Any]:
        """To one order. Raises `RuntimeError` when the program has ended."""
        order = {"files": list(map(str, picture.files)), "edge": picture.edge, "columns": picture.columns}
        sent, answers = self._process.stdin, self._process.stdout
        if sent is None or answers is None:
            raise RuntimeError("started without pipes")
        print(json.dumps(order), file=sent, flush=True)
        line = answers.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


class Straightforward(Program):
    """pydicom and Pillow, with the peers' own Python."""

    def __init__(self) -> None:
        super().__init__("straightforward", _PEERS / "bin" / "python", _TOP / "bench" / "straightforward.py")

    def jpeg(self, picture: Picture) -> bytes:
        """The picture itself. Raises `RuntimeError` when it cannot make it."""
        answer = self.answer(picture)
        if "jpeg" not in answer:
            raise RuntimeError(f"{picture.name}: the straightforward way fails: {answer}")
        return base64.b64decode(answer["jpeg"])


class Orthanc(Program):
    """Debian's Orthanc, alone in a network namespace: in this release it cannot be told to listen to us only."""

    def __init__(self) -> None:
        alone = ("unshare", "--map-root-user", "--net")
        super().__init__("Orthanc", *alone, "python3", _TOP / "bench" / "orthanc.py", _PEERS / "orthanc")
