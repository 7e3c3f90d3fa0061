"""A part of a study becomes a sealed `DICOM.ZIP`: read, checked, deflated, encrypted, in one pass and flat memory.

The order in the ZIP is the instances with the viewer's frames of them between, the viewer, README.TXT, DICOMDIR,
manifest.json: what is told about the instances is written when they were seen, so that each source file is needed once
and for a moment only.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, Union

from isal import isal_zlib
from pydicom.uid import DeflatedExplicitVRLittleEndian

from delivery.archive import Archive
from delivery.errors import Changed, Stopped
from delivery.fileset import DICOMDIR, Member, dicomdir, file_ids
from delivery.manifest import MANIFEST, README, Delivered, WebFile, manifest, readme
from delivery.part10 import Part10, describe
from delivery.passage import Passage, changed
from delivery.records import keys_of, kind_of
from rendering.codecs import NATIVE

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from delivery.parts import Part
    from delivery.passage import Piece
    from delivery.sealed import SealedFile
    from delivery.spool import Sink
    from delivery.transcode import Rewritten
    from delivery.viewer.site import Site
    from rendering.quicklook import QuickLook
    from studies.model import Instance, Study

#: What was made of a file for the viewer, why nothing was, or None where there is nothing to see in it.
Look: TypeAlias = Union["QuickLook", str, None]

_BUFFER = 1024 * 1024
_DEFLATABLE = NATIVE - {DeflatedExplicitVRLittleEndian}


@dataclass(frozen=True, slots=True)
class Parcel:
    """One ZIP that is ready to be uploaded: `DICOM.ZIP`, or part `part` of `of`."""

    #: For the room's event; the upload itself has no name.
    file_name: str
    #: Of the ZIP, and of the ciphertext, in bytes.
    size: int
    instances: int
    part: int
    of: int
    sealed: SealedFile
    digests: tuple[Delivered, ...] = ()


def pack(
    study: Study,
    part: Part,
    files: Iterable[tuple[Instance, Path]],
    sink: Sink,
    *,
    site: Site | None = None,
    looks: Iterable[Look] = itertools.repeat(None),
    rewritten: Iterable[Rewritten | None] = itertools.repeat(None),
    deflate: bool = False,
    notes: str = "",
    progress: Callable[[int], None] | None = None,
    stop: threading.Event | None = None,
) -> Parcel:
    """Write one part into the sink and close it. Blocking: belongs in a thread.

    `files` gives the part's instances in any order, each file only borrowed until the next is asked for; `looks` what
    the viewer of `site` shall show of each, `rewritten` the file that goes in its place, if another one does. What is
    not compressed is deflated, if `deflate`. `notes` stand in README.TXT. `progress` is told the number of instances
    done; `stop` is looked at for every megabyte.
    Raises `SpoolFull`, `SpoolAway`, `Changed` (a source file went away or changed meanwhile), `Stopped`.
    """
    packing = Packing(study, part, sink, site=site, deflate=deflate, notes=notes, stop=stop)
    for done, ((instance, path), look, other) in enumerate(zip(files, looks, rewritten, strict=False), 1):
        packing.add(instance, path, look, other)
        if progress:
            progress(done)
    return packing.finish()


class Packing:
    """The same step by step, for files that come one by one: `add` each instance of the part, then `finish`.

    With a `site` a viewer travels along, and `add` is told what was made of each file by `Site.plan`.
    """

    def __init__(
        self,
        study: Study,
        part: Part,
        sink: Sink,
        *,
        site: Site | None = None,
        deflate: bool = False,
        notes: str = "",
        stop: threading.Event | None = None,
    ) -> None:
        self._study = study
        self._part = part
        self._sink = sink
        self._site = site
        self._deflate = deflate
        self._notes = notes
        self._stop = stop
        self._file_ids = _ids_by_instance(study)
        self._archive = Archive(sink)
        self._members: list[Member] = []
        self._delivered: list[Delivered] = []
        self._web: list[WebFile] = []
        self._buffer = bytearray(_BUFFER)

    def add(self, instance: Instance, path: Path, look: Look = None, rewritten: Rewritten | None = None) -> None:
        """One instance from its file or, in its place, as it was rewritten; and what the viewer shows of it."""
        try:
            with path.open("rb") as source:
                self._add(instance, source, rewritten)
        except OSError:
            # Its own words hold the path, and sources may name files after patients.
            raise Changed(
                "An image at the source can no longer be read. I keep your place and try again.", "D21"
            ) from None
        finally:
            if rewritten is not None:
                rewritten.discard()
        if self._site is not None and look is not None:
            self._add_web(self._site.take(instance, look))

    def finish(self) -> Parcel:
        """DICOMDIR and manifest, the end of the ZIP, and the seal. Raises `Changed` when instances are missing."""
        if len(self._members) != len(self._part.instances):
            raise Changed("Images are missing at the source that were there before. I keep your place.", "D22")
        self._members.sort(key=lambda member: member.file_id)
        self._delivered.sort(key=lambda one: one.file)
        if self._site is not None:
            self._add_web(self._site.members(self._delivered))
        told = readme(self._study, self._part, self._delivered, viewer=self._site is not None, notes=self._notes)
        self._add_bytes(README, told)
        self._add_bytes(DICOMDIR, dicomdir(self._study, self._members))
        self._add_bytes(MANIFEST, manifest(self._study, self._part, self._delivered, self._web))
        self._archive.finish()
        sealed = self._sink.close()
        digests = tuple(self._delivered)
        return Parcel(
            self._part.file_name, sealed.size, len(digests), self._part.number, self._part.of, sealed, digests
        )

    def _add(self, instance: Instance, source: BinaryIO, rewritten: Rewritten | None) -> None:
        described = describe(source, instance)
        file_id = self._file_ids[instance.key]
        kind = kind_of(described.sop_class_uid, has_pixels=instance.has_pixels)
        keys = keys_of(kind, source, described, instance)
        was, syntax = described.transfer_syntax_uid, described.transfer_syntax_uid
        pieces = _File(source.fileno(), described, self._buffer, self._stop).pieces
        if rewritten is not None:
            syntax, pieces = rewritten.transfer_syntax_uid, rewritten.pieces
        passage = Passage(pieces, deflate=self._deflate and syntax in _DEFLATABLE)
        name = "/".join(file_id)
        self._members.append(Member(file_id, kind, keys, replace(described, transfer_syntax_uid=syntax)))
        self._delivered.append(
            Delivered(
                name, described.sop_instance_uid, syntax, passage.size, passage.sha256, "" if syntax == was else was
            )
        )
        self._archive.add(name, passage.size, passage.crc, passage, packed=passage.packed)

    def _add_web(self, members: Iterable[tuple[str, bytes]]) -> None:
        for name, data in members:
            self._web.append(WebFile(name, len(data), hashlib.sha256(data).hexdigest()))
            self._archive.add_text(name, data)

    def _add_bytes(self, name: str, data: bytes) -> None:
        self._archive.add(name, len(data), isal_zlib.crc32(data), [data])


class _File:
    """One source file, read a buffer at a time; one that fits into the buffer is read once only."""

    def __init__(self, descriptor: int, described: Part10, buffer: bytearray, stop: threading.Event | None) -> None:
        self._descriptor = descriptor
        self._described = described
        self._buffer = memoryview(buffer)
        self._stop = stop
        self._whole: memoryview | None = None

    def pieces(self) -> Iterator[Piece]:
        """As it is delivered. Raises `Changed` when it has become shorter, `Stopped`, `OSError`."""
        yield self._described.head
        if self._whole is not None:
            yield self._whole
            return
        offset, end = self._described.start, self._described.source_size
        fits = end - offset <= len(self._buffer)
        while offset < end:
            piece = self._read(offset, end)
            self._whole = piece if fits and len(piece) == end - offset else None
            yield piece
            offset += len(piece)

    def _read(self, offset: int, end: int) -> memoryview:
        if self._stop and self._stop.is_set():
            raise Stopped("Stopped. Nothing of this was sent.", "D23")
        count = os.preadv(self._descriptor, [self._buffer[: end - offset]], offset)
        if not count:
            raise changed()
        return self._buffer[:count]


def _ids_by_instance(study: Study) -> dict[str, tuple[str, ...]]:
    """By `Instance.key`: twice the same SOP Instance UID in one study is wrong, and must still not lose a file."""
    return {instance.key: file_id for instance, file_id in zip(study.instances, file_ids(study), strict=True)}
