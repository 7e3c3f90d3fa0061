"""Which way a parcel's files travel, from how fast the last uploads went.

A parcel is made and uploaded part by part, one part made while the one before is uploaded. A part takes as long as the
slower of both, and the first has to wait for both: from how many bytes a second each way is made, how much smaller it
becomes and how many the link takes follows which is there first. What is not known yet is assumed, and learnt.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, JPEGLSLossless

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

#: Bytes a second of a link of which nothing is known: 100 Mbit/s, and how many uploaded bytes replace the guess.
UNKNOWN, _GUESSED = 12_500_000.0, 2_000_000.0
#: Seconds of an upload that have nothing to do with its length: asking, waiting for the answer.
_ROUND_TRIPS = 0.05
#: A link faster than this is none.
_FASTEST = 2e9
#: So many bytes of the last uploads count, and no more uploads than this.
_RECENT, _MOST = 30_000_000, 64
#: The part that a new observation has in what is expected next; packing less than this teaches nothing.
_WEIGHT, _LEAST = 0.5, 2_000_000
#: A link is written down when it differs by so much from what was.
_NEWS = 1.1


class Way(StrEnum):
    """How the files of a part travel. The ZIP deflates what is not compressed in itself, but for `STORED`."""

    STORED = "stored"
    DEFLATED = "deflated"
    JPEG_LS = "jpeg-ls"
    HTJ2K = "htj2k"
    #: Everything in Explicit VR Little Endian (IHE PDI, STD-GEN-CD).
    UNCOMPRESSED = "uncompressed"

    @property
    def syntaxes(self) -> tuple[str, ...]:
        """Transfer syntaxes that files are brought into, the best first; none: they stay as they are."""
        return _SYNTAXES.get(self, ())


_SYNTAXES = {
    Way.JPEG_LS: (str(JPEGLSLossless),),
    Way.HTJ2K: (str(HTJ2KLossless), str(JPEGLSLossless)),
    Way.UNCOMPRESSED: (str(ExplicitVRLittleEndian),),
}
#: What no receiver has to be asked about.
ALWAYS = (Way.STORED, Way.DEFLATED)


@dataclass(frozen=True, slots=True)
class Pace:
    """Bytes of the source a second that are packed, and how often smaller they are then."""

    rate: float
    ratio: float

    def seconds(self, link: float, parts: int) -> float:
        """For one byte of a study in so many parts, until it is on the server."""
        made, sent = 1 / self.rate, 1 / (self.ratio * link)
        return max(made, sent) + min(made, sent) / parts


#: On two cores, with the viewer's frames, which cost every way the same. How the ways compare hardly depends on the
#: machine; how quick it is, and how busy, is learnt.
ASSUMED = {
    Way.STORED: Pace(80e6, 1.0),
    Way.DEFLATED: Pace(75e6, 2.0),
    Way.JPEG_LS: Pace(33e6, 3.5),
    Way.HTJ2K: Pace(50e6, 3.3),
    Way.UNCOMPRESSED: Pace(50e6, 2.0),
}
#: Their noise leaves less to be saved, by that factor.
_RADIOGRAPHS, _NOISIER = frozenset({"CR", "DX", "RG", "MG", "IO", "PX"}), 0.65


class Speed:
    """What the bot knows of its link and of its own pace. For the event loop only.

    `file` keeps the link's speed over a restart; it says nothing else.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._uploads: deque[tuple[int, float]] = deque(maxlen=_MOST)
        self._ratios: dict[tuple[Way, str], float] = {}
        #: How fast this machine is with a kind of pictures, compared with what is assumed; "" is the last of all.
        self._machine = {"": 1.0}
        self._assumed = self._written = self._read()

    @property
    def link(self) -> float:
        """Bytes a second, over the last uploads."""
        seen = sum(size for size, _ in self._uploads)
        guessed = max(0.0, _GUESSED - seen)
        return (guessed + seen) / (guessed / self._assumed + sum(seconds for _, seconds in self._uploads))

    def uploaded(self, size: int, seconds: float) -> None:
        """An upload of that many bytes took so long."""
        self._uploads.append((size, max(seconds - _ROUND_TRIPS, size / _FASTEST)))
        while sum(size for size, _ in self._uploads) - self._uploads[0][0] > _RECENT:
            self._uploads.popleft()
        if not 1 / _NEWS < self.link / self._written < _NEWS:
            self._write()

    def packed(self, way: Way, kind: str, size: int, made: int, seconds: float) -> None:
        """So many bytes of a kind of picture became `made` in that time."""
        if size < _LEAST or made <= 0 or seconds <= 0:
            return
        before = self.pace(way, kind)
        rate = 1 / (_WEIGHT * seconds / size + (1 - _WEIGHT) / before.rate)
        self._ratios[way, kind] = 1 / (_WEIGHT * made / size + (1 - _WEIGHT) / before.ratio)
        self._machine[kind] = self._machine[""] = rate / ASSUMED[way].rate

    def pace(self, way: Way, kind: str) -> Pace:
        """What is expected of pictures of that kind (a modality)."""
        assumed = ASSUMED[way]
        noise = _NOISIER if kind in _RADIOGRAPHS else 1.0
        ratio = self._ratios.get((way, kind)) or max(1.0, assumed.ratio * noise)
        return Pace(assumed.rate * self._machine.get(kind, self._machine[""]), ratio)

    def way(self, allowed: Collection[Way], kind: str, parts: int = 1) -> Way:
        """The quickest of those allowed, of equals the plainest."""
        link = self.link
        return min((way for way in Way if way in allowed), key=lambda way: self.pace(way, kind).seconds(link, parts))

    def expected(self, opens: Collection[Way], kind: str = "", parts: int = 1) -> float | None:
        """Bytes of a study a second, from the source to the server; None as long as nothing was ever uploaded."""
        if not self._uploads and self._assumed == UNKNOWN:
            return None
        pace = self.pace(self.way((*ALWAYS, *opens), kind, parts), kind)
        return 1 / pace.seconds(self.link, parts)

    def _read(self) -> float:
        try:
            said = float(json.loads(self._file.read_text("ascii"))["bytes_per_second"]) if self._file else UNKNOWN
        except (OSError, ValueError, KeyError, TypeError):
            return UNKNOWN
        return said if 1 <= said <= _FASTEST else UNKNOWN

    def _write(self) -> None:
        self._written = self.link
        if self._file is not None:
            try:
                self._file.write_text(json.dumps({"bytes_per_second": round(self._written)}), "ascii")
            except OSError:  # it is worth a guess only
                return
