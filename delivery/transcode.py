"""A source's file in another transfer syntax: compressed without loss, or uncompressed as STD-GEN-CD asks.

Pixels are decoded, compressed and compared in a worker (`rendering.recode`), piece by piece; here the pieces become a
DICOM file. SOP Instance UID and every value of the data set stay; group lengths and the source's File Meta Information
go. Whatever cannot be done for certain is not done: then the file travels as it is stored.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydicom.uid import ExplicitVRLittleEndian

from delivery.aside import Aside
from delivery.part10 import MAGIC, PREAMBLE, describe, file_meta
from rendering.codecs import NATIVE
from rendering.errors import CannotShow
from rendering.recode import Recoded, RecodePlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from delivery.part10 import Part10
    from delivery.spool import Spool
    from studies.model import Instance, Study

Recode = Callable[[RecodePlan], Awaitable[Recoded]]

_UNDEFINED, _LONGEST = 0xFFFF_FFFF, 0xFFFF_FFFE
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422"})


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One DICOM file as it is to be delivered: `head`, `body`, `tail`."""

    transfer_syntax_uid: str
    head: bytes
    body: Aside
    tail: bytes

    def pieces(self) -> Iterator[bytes]:
        """All of it. `discard` ends that."""
        yield self.head
        yield from self.body
        yield self.tail

    def discard(self) -> None:
        """It is in the ZIP, or not wanted."""
        self.body.discard()


async def rewritten(
    instance: Instance, path: Path, wanted: tuple[str, ...], recode: Recode, spool: Spool
) -> Rewritten | None:
    """The file in the first of the transfer syntaxes `wanted` that suits it, or None: it stays as it is.

    `wanted` are compressed ones, or Explicit VR Little Endian alone. Raises `SpoolFull` and `SpoolAway`.
    """
    try:
        described = await asyncio.to_thread(_described, instance, path)
    except OSError:  # the packing finds the same, and says so
        return None
    if not _suits(instance, described, wanted):
        return None
    plan = RecodePlan(path, described.data_set, described.transfer_syntax_uid, wanted)
    writing = _Writing(Aside(spool))
    try:
        return await writing.written(described, plan, recode)
    except CannotShow:
        writing.body.discard()
        return None
    except BaseException:
        writing.body.discard()
        raise


def as_uncompressed(study: Study) -> Study:
    """The same study, each compressed instance with the size that it has at most when it is uncompressed."""
    series = [replace(one, instances=tuple(map(_as_uncompressed, one.instances))) for one in study.series]
    return replace(study, series=tuple(series))


def _as_uncompressed(instance: Instance) -> Instance:
    if instance.transfer_syntax_uid in NATIVE:
        return instance
    cells = instance.rows * instance.columns * instance.number_of_frames
    colour = instance.photometric_interpretation in _COLOUR or instance.photometric_interpretation.startswith("YBR")
    return replace(instance, size=instance.size + cells * (3 if colour else 2))


def _described(instance: Instance, path: Path) -> Part10:
    with path.open("rb") as source:
        return describe(source, instance)


def _suits(instance: Instance, described: Part10, wanted: tuple[str, ...]) -> bool:
    """Whether it is worth a try."""
    if wanted == (ExplicitVRLittleEndian,):
        return described.transfer_syntax_uid != ExplicitVRLittleEndian
    grey = instance.has_pixels and instance.photometric_interpretation not in _COLOUR
    return grey and described.transfer_syntax_uid in NATIVE


class _Writing:
    """One file in the making."""

    def __init__(self, body: Aside) -> None:
        self.body = body
        self._offsets: list[int] = []

    async def written(self, described: Part10, plan: RecodePlan, recode: Recode) -> Rewritten:
        """Raises `CannotShow`, and the spool's errors."""
        first = piece = await recode(plan)
        done = 0
        while done < first.count:
            if not piece.frames:
                raise CannotShow("it has fewer frames than its header says", "P13")
            await asyncio.to_thread(self._append, piece)
            done += len(piece.frames)
            if done < first.count:
                piece = await recode(replace(plan, wanted=(first.transfer_syntax_uid,), first=done))
        await asyncio.to_thread(self.body.close)
        syntax = first.transfer_syntax_uid
        meta = file_meta(described.sop_class_uid, described.sop_instance_uid, syntax)
        before, behind = self._around(first)
        return Rewritten(syntax, PREAMBLE + MAGIC + meta + first.head + before, self.body, behind + first.tail)

    def _append(self, piece: Recoded) -> None:
        for frame in piece.frames:
            if piece.transfer_syntax_uid == ExplicitVRLittleEndian:
                self.body.append(frame)
            else:
                self._offsets.append(self.body.size)
                even = frame + b"\0" * (len(frame) % 2)
                self.body.append(_item(len(even)))
                self.body.append(even)

    def _around(self, first: Recoded) -> tuple[bytes, bytes]:
        """What stands before and behind the pixels in their element."""
        if not first.tag:
            return b"", b""
        compressed = first.transfer_syntax_uid != ExplicitVRLittleEndian
        padding = self.body.size % 2
        length = _UNDEFINED if compressed else self.body.size + padding
        if self.body.size > _LONGEST:
            raise CannotShow("its pixels do not fit into one element", "P56")
        head = struct.pack("<HH2sHI", first.tag >> 16, first.tag & 0xFFFF, first.vr.encode(), 0, length)
        if not compressed:
            return head, b"\0" * padding
        offsets = struct.pack(f"<{len(self._offsets)}I", *self._offsets)
        return head + _item(len(offsets)) + offsets, struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def _item(length: int) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, length)
