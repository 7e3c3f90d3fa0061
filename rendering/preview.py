"""From one planned picture to a JPEG that a phone shows: the entry point of this floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Long edge of a preview in pixels.
LONG_EDGE = 1600
#: A preview's JPEG is never larger than this many bytes.
MAXIMUM_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class Tile:
    """One instance's frame in a picture."""

    path: Path
    #: Index of the frame, from 0.
    frame: int = 0
    #: Burnt under or over the tile, e.g. the slice number. Never about the patient.
    label: str = ""


@dataclass(frozen=True, slots=True)
class PreviewPlan:
    """What one picture shall show. Picklable: it travels to a worker."""

    #: Stable within a share, e.g. "view/1.2.3" or "sheet/1.2.4"; names the step of the corridor.
    key: str
    tiles: tuple[Tile, ...]
    #: Burnt in, e.g. "Ankle AP, R". Never about the patient.
    caption: str = ""
    #: For screen readers, e.g. "Radiograph of right ankle, AP view". Never about the patient.
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture ready to be sent. `data` and `thumbnail` are JPEG."""

    key: str
    data: bytes
    width: int
    height: int
    thumbnail: bytes
    thumbnail_width: int
    thumbnail_height: int
    blurhash: str
    alt_text: str
    caption: str
