"""Frames for the viewer that travels in a parcel: real values that can still be windowed, within a number of bytes.

A frame is kept whole and exact if that fits into its room. Else it is made smaller by a whole factor (the mean of each
block, as previews are), and its values coarser, until it fits: every frame by itself, so that the same file always
makes the same bytes. How it is windowed comes from the one greyscale pipeline (`rendering.window`), not from the page.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rendering.autowindow import windowed
from rendering.frame import FULL, read_frame
from rendering.header import opened
from rendering.notes import lossy_note
from rendering.predict import bits, deflated, residuals, squeezed
from rendering.reduce import box_mean, factor
from rendering.safely import guarded
from rendering.values import filled, padding
from rendering.window import WHITE, Lut, levels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rendering.frame import Frame
    from rendering.window import Greyscale

#: Factors by which a frame may be made smaller; by how many bits its values may be made coarser, as long as its window
#: has so many steps: a narrow window (brain) needs fine values more than pixels.
_SMALLER, _COARSER, _STEPS = (1, 2, 3, 4, 6, 8, 12, 16), 4, 32
#: Bits of a pixel below which a frame of that size is not even tried.
_LEAST_BITS = 2.2
_DEEPEST = 1 << 16
#: Bits by which a band through the middle is fuller than the rest of a frame.
_TOO_MUCH = 0.7
#: Frames of one job.
_PORTION = 20
#: Of the picture that stands for a series, and of a header that is shown as a table.
_THUMBNAIL_EDGE, _THUMBNAIL_QUALITY = 96, 75
_HEAD_LIMIT = 1 << 17
_QUALITIES = (88, 75, 60)
_PAGE_QUALITY = 80
_MOST_PAGES = 3


@dataclass(frozen=True, slots=True)
class QuickPlan:
    """What is wanted of one file. Picklable: it travels to a worker."""

    path: Path
    #: Bytes that one frame may take.
    room: int
    #: Indexes of frames, from 0.
    first: int = 0
    count: int = 1
    #: Whether a thumbnail of the first of them is wanted.
    thumbnail: bool = False
    #: Whether it is a document, which has pages instead of frames.
    pages: bool = False

    def portions(self) -> Iterator[QuickPlan]:
        """The same in jobs of a second or so: what moves may have thousands of frames."""
        for first in range(self.first, self.first + self.count, _PORTION):
            count = min(_PORTION, self.first + self.count - first)
            yield replace(self, first=first, count=count, thumbnail=self.thumbnail and first == self.first)


@dataclass(frozen=True, slots=True)
class QuickFrame:
    """One frame: `data` in the coding that `about` (JSON) names, with all that it takes to show it."""

    about: str
    data: bytes


@dataclass(frozen=True, slots=True)
class QuickLook:
    """What was made of one file. `head` is its data set up to the pixels, deflated; `thumbnail` is JPEG."""

    frames: tuple[QuickFrame, ...]
    head: bytes = b""
    transfer_syntax_uid: str = ""
    thumbnail: bytes = b""

    def followed_by(self, more: QuickLook) -> QuickLook:
        """Together with the next portion of the same file."""
        return replace(self, frames=self.frames + more.frames)


def quick_look(plan: QuickPlan) -> QuickLook:
    """Frames or pages of one file. Raises `CannotShow`, and nothing else whatever the file holds."""
    with guarded():
        return _pages(plan) if plan.pages else _frames(plan)


def _frames(plan: QuickPlan) -> QuickLook:
    head, syntax, size = _head(plan.path)
    frames, thumbnail = [], b""
    for index in range(plan.first, plan.first + plan.count):
        frame, made = _made(plan.path, index, plan.room, size)
        frames.append(made)
        if plan.thumbnail and not thumbnail:
            thumbnail = _thumbnail(frame)
    return QuickLook(tuple(frames), head if plan.first == 0 else b"", syntax, thumbnail)


def _head(path: Path) -> tuple[bytes, str, tuple[int, int]]:
    """The data set up to the pixels, its transfer syntax, and rows and columns."""
    with opened(path) as header:
        rows, columns = int(header.data_set.get("Rows") or 0), int(header.data_set.get("Columns") or 0)
        end = header.stream.tell()
        header.stream.seek(0)
        data = header.stream.read(min(end, _HEAD_LIMIT))
        return squeezed(data), header.transfer_syntax_uid, (rows, columns)


def _made(path: Path, index: int, room: int, size: tuple[int, int]) -> tuple[Frame, QuickFrame]:
    """The frame as large as fits, and its coding."""
    first = next((k for k in _SMALLER if 8 * room * k * k >= _LEAST_BITS * size[0] * size[1]), _SMALLER[-1])
    for k in (k for k in _SMALLER if k >= first):
        frame = read_frame(path, index, edge=max(1, max(size) // k) if k > 1 else FULL)
        if (coded := _coded(frame, room)) is not None:
            break
    about, data = coded or ({}, b"")
    about |= {"size": size, **_whole_spacing(frame, size), **_shown(frame)}
    return frame, QuickFrame(json.dumps(about, separators=(",", ":")), data)


def _coded(frame: Frame, room: int) -> tuple[dict[str, Any], bytes] | None:
    return _picture(frame, room) if frame.grey is None else _values(frame.pixels, frame.grey, room)


def _values(pixels: NDArray[Any], grey: Greyscale, room: int) -> tuple[dict[str, Any], bytes] | None:
    """Stored value = base + step * coded value. How coarse they must be is seen in a band through the middle."""
    cells, base, step = _counted(pixels)
    rows = cells.shape[0]
    needed = bits(residuals(cells[rows * 3 // 8 : rows * 5 // 8 + 1])) - 8 * room / cells.size
    for coarser in range(max(0, math.ceil(needed - _TOO_MUCH)), _coarsest(pixels, grey, step) + 1):
        if coarser and (mask := padding(pixels, grey)) is not None:
            cells, base, step = _counted(filled(pixels, grey, mask))
        data = deflated(residuals(np.right_shift(cells, coarser, dtype=np.uint16)))
        if len(data) <= room:
            return {"coding": "med", "rows": rows, "columns": cells.shape[1], "step": step * (1 << coarser),
                    "base": base + step * ((1 << coarser) // 2)}, data  # fmt: skip
    return None


def _coarsest(pixels: NDArray[Any], grey: Greyscale, step: float) -> int:
    voi, slope = windowed(pixels, grey).voi, abs(getattr(grey.modality, "slope", 1.0))
    width = len(voi.entries) if isinstance(voi, Lut) else voi.width if voi else 0.0
    steps = width / (_STEPS * step * slope)
    return min(_COARSER, int(math.log2(steps))) if steps > 1 else 0


def _counted(pixels: NDArray[Any]) -> tuple[NDArray[np.uint16], float, float]:
    """Values counted from the lowest as 16 bits, the lowest, and the step between two of them."""
    finite = pixels if pixels.dtype.kind in "iu" else np.nan_to_num(pixels, nan=float(np.nanmin(pixels)))
    low, high = finite.min(), finite.max()
    span = int(high) - int(low) if finite.dtype.kind in "iu" else float(high) - float(low)
    if finite.dtype.kind in "iu" and span < _DEEPEST:
        cells = finite.view(f"u{finite.dtype.itemsize}") - np.array(low).view(f"u{finite.dtype.itemsize}")
        return cells.astype(np.uint16), int(low), 1
    step = span / (_DEEPEST - 1) or 1.0
    return np.rint((finite.astype(np.float64) - float(low)) / step).astype(np.uint16), float(low), step


def _picture(frame: Frame, room: int) -> tuple[dict[str, Any], bytes] | None:
    """Colour has no window: a JPEG will do."""
    from PIL import Image  # noqa: PLC0415 few frames need it

    from rendering.encode import jpeg  # noqa: PLC0415

    image = Image.fromarray(np.ascontiguousarray(frame.pixels))
    for quality in _QUALITIES:
        data = jpeg(image, quality)
        if len(data) <= room:
            return {"coding": "jpeg", "rows": image.height, "columns": image.width}, data
    return None


def _whole_spacing(frame: Frame, size: tuple[int, int]) -> dict[str, Any]:
    """Size in mm of a pixel of the whole frame, and where that was measured."""
    known = frame.spacing
    if known is None:
        return {}
    down, across = frame.pixels.shape[0] / size[0], frame.pixels.shape[1] / size[1]
    return {"spacing": [known.row * down, known.column * across], "plane": str(known.plane)}


def _shown(frame: Frame) -> dict[str, Any]:
    """How it is seen, and what must be said about it."""
    about: dict[str, Any] = {"aspect": frame.aspect}
    if frame.grey is not None:
        about["grey"] = _pipeline(windowed(frame.pixels, frame.grey))
    if frame.orientation is not None:
        about["directions"] = [frame.orientation.right, frame.orientation.bottom]
    if masks := list(_masks(frame)):
        about["masks"] = masks
    if note := lossy_note([frame.origin]):
        about["lossy"] = note
    return about


def _masks(frame: Frame) -> Iterator[dict[str, Any]]:
    """What lies over the picture, from below: which of its pixels, and at which level."""
    if frame.shutter is not None:
        yield _mask(frame.shutter.covered, frame.shutter.level)
    if frame.graphics is not None:
        yield _mask(frame.graphics, WHITE)


def _mask(covered: NDArray[np.bool_], level: int) -> dict[str, Any]:
    bits_of = np.packbits(covered, axis=None, bitorder="little").tobytes()
    return {"level": level, "rows": covered.shape[0], "columns": covered.shape[1],
            "bits": base64.b64encode(squeezed(bits_of)).decode()}  # fmt: skip


def _pipeline(grey: Greyscale) -> dict[str, Any]:
    """`Greyscale` as JSON."""
    return {
        "modality": _step(grey.modality),
        "voi": _step(grey.voi),
        "inverted": grey.inverted,
        "padding": grey.padding,
    }


def _step(step: Any) -> Any:
    if isinstance(step, Lut):
        return {"first": step.first, "entries": step.entries.tolist(), "bits": step.bits}
    return None if step is None else asdict(step)


def _thumbnail(frame: Frame) -> bytes:
    from PIL import Image  # noqa: PLC0415

    from rendering.encode import jpeg, smaller  # noqa: PLC0415

    pixels = box_mean(frame.pixels, factor(frame.pixels.shape[0], frame.pixels.shape[1], 2 * _THUMBNAIL_EDGE))
    if frame.grey is not None:
        pixels = levels(pixels, replace(windowed(frame.pixels, frame.grey), padding=None))
    image = Image.fromarray(np.ascontiguousarray(pixels))
    high = max(1, round(image.height * frame.aspect))
    return jpeg(smaller(image.resize((image.width, high)), _THUMBNAIL_EDGE), _THUMBNAIL_QUALITY)


def _pages(plan: QuickPlan) -> QuickLook:
    from rendering.encode import jpeg, smaller  # noqa: PLC0415

    images = list(_opened_pages(plan.path))
    frames = []
    for image in images:
        about = {"coding": "jpeg", "rows": image.height, "columns": image.width, "aspect": 1,
                 "size": [image.height, image.width], "fitted": True}  # fmt: skip
        frames.append(QuickFrame(json.dumps(about), jpeg(image, _PAGE_QUALITY)))
    thumbnail = jpeg(smaller(images[0], _THUMBNAIL_EDGE), _THUMBNAIL_QUALITY) if plan.thumbnail else b""
    return QuickLook(tuple(frames), thumbnail=thumbnail)


def _opened_pages(path: Path) -> Iterator[Any]:
    from rendering.documents import page  # noqa: PLC0415
    from rendering.errors import NO_PAGE, CannotShow  # noqa: PLC0415

    for number in range(_MOST_PAGES):
        try:
            yield page(path, number)
        except CannotShow as error:
            if number == 0 or error.code != NO_PAGE:
                raise
            return
