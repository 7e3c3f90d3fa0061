"""A study as one ZIP, or as several whole ones when the server takes less at once. Pure.

Every part is a File-set of its own. Parts are called `DICOM.ZIP`, or `DICOM_1_OF_3.ZIP`; PS3.11 L.4.2 has a name for
one file only, so a receiver that insists on it renames each part after unpacking the one before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from delivery.archive import END_OVERHEAD, MEMBER_OVERHEAD
from delivery.errors import TooLarge
from delivery.narrow import is_document
from delivery.records import REFERRING, kind_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from studies.model import Instance, Study

#: File Meta Information put in front, ZIP headers, directory record, manifest entry: at most, in bytes.
INSTANCE_OVERHEAD = 4096 + MEMBER_OVERHEAD
#: README.TXT, patient and study records, the manifest's frame: at most, in bytes.
PART_OVERHEAD = 16384 + END_OVERHEAD
#: A series' record.
SERIES_OVERHEAD = 1024
#: Kept free in each part for the viewer: a sixth, which is a fifth of the rest. A ZIP so small that this is less than
#: the viewer itself needs, with every decoder, goes without.
VIEWER_SHARE, VIEWER_ALONE = 6, 1_000_000
#: The least limit of a part under which it has a viewer.
LEAST_WITH_VIEWER = VIEWER_SHARE * VIEWER_ALONE
#: What the frames of a part have at most: a fifth of the DICOM files, or so much that radiographs come whole.
FRAMES_SHARE, FRAMES_SMALL = 5, 24_000_000


def consists_of(study: Study) -> str:
    """A digest of which instances the study has: another one when it is no longer what was planned."""
    files = sorted(f"{one.key} {one.size}" for one in study.instances)
    return hashlib.sha256("\n".join(files).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Part:
    """One ZIP to be: number `number` of `of`. One that is `too_large` holds one instance and is not to be packed."""

    number: int
    of: int
    instances: tuple[Instance, ...]
    too_large: bool = False

    @property
    def file_name(self) -> str:
        """Of the ZIP. Says nothing of anybody."""
        return "DICOM.ZIP" if self.of == 1 else f"DICOM_{self.number}_OF_{self.of}.ZIP"


def plan_parts(study: Study, limit_bytes: int, first: Container[str] = ()) -> list[Part]:
    """Every instance in exactly one part, each part's ZIP at most `limit_bytes`.

    A series stays together where it fits into a part at all. They follow each other as in the study, but for what is
    to be seen first: documents, and what has one of the SOP Instance UIDs `first`.

    An instance that alone exceeds the limit gets a part marked `too_large`; these come last and have number 0, so that
    the numbers of the others count what can be sent.
    """
    filling = _Filling(limit_bytes - PART_OVERHEAD, _kept_free(limit_bytes))
    for series in sorted(study.series, key=lambda one: not _leads(one.instances, first)):
        filling.add(series.instances)
    bins = sorted(filling.bins, key=lambda one: not _leads(one, first))
    parts = [Part(number, len(bins), tuple(one)) for number, one in enumerate(bins, 1)]
    return parts + [Part(0, len(parts), (one,), too_large=True) for one in filling.too_large]


def _leads(instances: Iterable[Instance], first: Container[str]) -> bool:
    return any(is_document(one) or one.sop_instance_uid in first for one in instances)


def frames_budget(part: Part, limit_bytes: int) -> int | None:
    """Bytes that the viewer's frames of a part may take in its ZIP; None where there is no room for a viewer."""
    stored = sum(one.size for one in part.instances)
    taken = sum(map(packed_size, part.instances)) + PART_OVERHEAD + SERIES_OVERHEAD * len(part.instances)
    left = limit_bytes - taken - VIEWER_ALONE
    return min(left, max(stored // FRAMES_SHARE, FRAMES_SMALL)) if _kept_free(limit_bytes) and left > 0 else None


def _kept_free(limit_bytes: int) -> int:
    share = limit_bytes // VIEWER_SHARE
    return share if share >= VIEWER_ALONE else 0


class _Filling:
    """Bins of `room` bytes that are filled one after the other, but for `kept_free` bytes, for large files only."""

    def __init__(self, room: int, kept_free: int) -> None:
        self.bins: list[list[Instance]] = []
        self.too_large: list[Instance] = []
        self._most = room - SERIES_OVERHEAD
        self._room = room - kept_free
        self._free = 0

    def add(self, series: tuple[Instance, ...]) -> None:
        sizes = [(one, packed_size(one)) for one in series]
        fitting = [(one, size) for one, size in sizes if size <= self._most]
        self.too_large += [one for one, size in sizes if size > self._most]
        if not fitting:
            return
        self._free -= SERIES_OVERHEAD
        if self._free < sum(size for _, size in fitting) <= self._room - SERIES_OVERHEAD:
            self._open()
        for instance, size in fitting:
            self._put(instance, size)

    def _put(self, instance: Instance, size: int) -> None:
        if size > self._free:
            self._open()
        self.bins[-1].append(instance)
        self._free -= size

    def _open(self) -> None:
        self.bins.append([])
        self._free = self._room - SERIES_OVERHEAD


def packed_size(instance: Instance) -> int:
    """What one instance takes in a ZIP at most, in bytes."""
    # A record that repeats references is at most as long as what they are in.
    record = instance.size if kind_of(instance.sop_class_uid, has_pixels=False) in REFERRING else 0
    return instance.size + record + INSTANCE_OVERHEAD


def refusal(part: Part, limit_bytes: int) -> TooLarge:
    """The sentence about a part that is `too_large`."""
    [instance] = part.instances
    which = "One image" if instance.instance_number is None else f"Image {instance.instance_number}"
    return TooLarge(
        f"{which} is not sent: it has {_megabytes(instance.size)} MB, this server takes {_megabytes(limit_bytes)} MB. "
        "Ask the operator to raise the limit, or fetch this one the usual way.",
        "D10",
    )


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:.3g}" if count < 1_000_000_000 else f"{count / 1_000_000:.0f}"  # noqa: PLR2004
