"""Good files of every kind that the bot draws: pydicom's own, `pydicom-data`'s, and our synthetic studies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import data_store
import pydicom

from rendering.guides import read_guide
from rendering.preview import PreviewPlan, Tile, render
from studies import synthetic
from studies.read import read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PACKAGED = (Path(pydicom.__file__).parent / "data" / "test_files", Path(data_store.__file__).parent / "data")
#: Larger ones only make it slow.
_LARGEST = 1_100_000
#: Damaged on purpose by those who made them.
_DAMAGED = {
    "JPEG2000-embedded-sequence-delimiter.dcm",
    "MR_truncated.dcm",
    "meta_missing_tsyntax.dcm",
    "nested_priv_SQ.dcm",
}
_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.9.1.", "1.2.840.10008.5.1.4.1.1.104.1"
_GUIDES = "1.2.840.10008.5.1.4.1.1.11.", "1.2.840.10008.5.1.4.1.1.88.59"


@dataclass(frozen=True, slots=True)
class Sample:
    """A good file, what is drawn of it, and a word for its kind: files of one kind go through the same decoder."""

    path: Path
    kind: str
    #: For a presentation state: the image that it is about.
    image: Path | None = None

    def jobs(self, path: Path) -> list[tuple[Callable[..., Any], Any]]:
        """What the bot does with a file of this kind at `path`."""
        if self.kind != "guide":
            return [(render, PreviewPlan("view/1", (Tile(path, page=self.kind == "page"),)))]
        through = [] if self.image is None else [(render, PreviewPlan("view/1", (Tile(self.image, state=path),)))]
        return [(read_guide, path), *through]


def corpus(directory: Path) -> list[Sample]:
    """All of it; what is synthetic is written into `directory`."""
    packaged = (path for root in _PACKAGED for path in sorted(root.rglob("*")) if path.name not in _DAMAGED)
    return [*_samples(packaged), *_synthetic(directory)]


def _samples(paths: Iterator[Path]) -> Iterator[Sample]:
    for path in paths:
        if path.is_file() and path.stat().st_size <= _LARGEST and (kind := _kind(path)):
            yield Sample(path, kind)


def _kind(path: Path) -> str:
    """The transfer syntax of a picture, "page" or "guide", or "" for what is not drawn."""
    try:
        header = read_header(path)
    except Exception:  # noqa: BLE001 pydicom ships broken ones
        return ""
    if header is None:
        return ""
    if header.instance.sop_class_uid.startswith(_DOCUMENTS) and not header.instance.has_pixels:
        return "page"
    return header.instance.transfer_syntax_uid if header.instance.has_pixels else ""


def _synthetic(directory: Path) -> Iterator[Sample]:
    image = min(synthetic.write_ankle(directory / "ankle"), key=lambda path: path.stat().st_size)
    for one in (synthetic.write_ct(directory / "ct", slices=1, rows=128)[0],):
        yield Sample(one, "synthetic")
    for write in (synthetic.write_report, synthetic.write_document, synthetic.write_ecg):
        yield Sample(write(directory / "pages"), "page")
    yield Sample(synthetic.write_selection(directory / "guides"), "guide")
    yield Sample(synthetic.write_marks(directory / "guides"), "guide", image)
