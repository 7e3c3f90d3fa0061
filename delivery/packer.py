"""One part becomes a sealed ZIP: its files brought into the form that is there first, with what the viewer shows."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from delivery.ahead import Ahead
from delivery.looks import looks
from delivery.notes import NOTHING_ENCLOSED, Enclosed
from delivery.parcel import pack
from delivery.parts import FRAMES_SHARE, frames_budget
from delivery.speed import ALWAYS, Speed, Way
from delivery.transcode import as_uncompressed, rewritten
from delivery.viewer.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from delivery.looks import Make
    from delivery.options import Options
    from delivery.parcel import Look, Parcel
    from delivery.parts import Part
    from delivery.spool import Spool
    from delivery.transcode import Recode, Rewritten
    from studies.model import Instance, Study

File = tuple["Instance", "Path"]

#: Seconds of a study's upload that the viewer's frames may take, if a fifth of its bytes takes less.
_WAIT = 1.0
#: On a link of so many bytes a second it is the making that takes time. Small frames are made in a third of the time:
#: stacks of more than so many images get that part of their size.
_QUICK, _STACK, _SMALL_SHARE = 40e6, 50, 40
_SLOW_SHARE = 10


def permitted(options: Options, opens: Collection[Way]) -> tuple[Way, ...]:
    """The ways of a share: `opens` are compressed codings that every receiver can open."""
    if options.pdi:
        return (Way.UNCOMPRESSED,)
    return ALWAYS if options.as_stored else (*ALWAYS, *opens)


class Packer:
    """Packs in a thread, with workers ahead of it. With `look` parcels have a viewer, with `recode` other codings."""

    def __init__(
        self,
        spool: Spool,
        *,
        look: Make | None = None,
        recode: Recode | None = None,
        speed: Speed | None = None,
        ways: Collection[Way] = ALWAYS,
    ) -> None:
        self._spool = spool
        self._look = look
        self._recode = recode
        self._speed = speed or Speed()
        self._ways = ways

    def expected(self, study: Study) -> Study:
        """The study with sizes that its files do not exceed in a parcel: what parts are planned by."""
        return as_uncompressed(study) if Way.UNCOMPRESSED in self._ways else study

    async def packed(
        self,
        study: Study,
        part: Part,
        files: list[File],
        part_bytes: int,
        note: Callable[[int], None],
        *,
        enclosed: Enclosed = NOTHING_ENCLOSED,
        withdrawn: Mapping[str, str] | None = None,
    ) -> Parcel:
        """The part as a parcel of at most `part_bytes`; `note` hears how many instances are done.

        A document of `enclosed` is among the part's instances or not; its words are in every part. `withdrawn` images
        (SOP Instance UIDs, with a few words why) are in it, and the viewer does not show them.
        Raises `SpoolFull`, `SpoolAway`, `Changed`.
        """
        kind = _kind(study, part)
        way = self._speed.way(self._ways, kind, part.of)
        job = _Job(study, part, files, way, self._spool, note, enclosed)
        if self._recode and way.syntaxes:
            job.rewrite(self._recode)
        if self._look:
            budget = self._frames_budget(part, part_bytes, way, self._speed.pace(way, kind).ratio)
            job.show(self._look, budget, withdrawn)
        began = time.perf_counter()
        parcel = await job.run()
        size = sum(one.size for one in part.instances)
        self._speed.packed(way, kind, size, parcel.size, time.perf_counter() - began)
        return parcel

    def _frames_budget(self, part: Part, part_bytes: int, way: Way, ratio: float) -> int | None:
        """A fifth of the files as they travel, or as much as nobody has to wait for: radiographs come whole then.

        A tenth where the files are compressed because the link is slow.
        """
        most = frames_budget(part, part_bytes)
        if most is None:
            return None
        packed = int(sum(one.size for one in part.instances) / ratio)
        link = self._speed.link
        if link > _QUICK and len(part.instances) > _STACK:
            return min(most, packed // _SMALL_SHARE)
        at_once = int(link * _WAIT / part.of)
        share = _SLOW_SHARE if way in {Way.JPEG_LS, Way.HTJ2K} else FRAMES_SHARE
        return min(most, max(packed // share, at_once))


class _Job:
    """One part in the making."""

    def __init__(  # noqa: PLR0917
        self,
        study: Study,
        part: Part,
        files: list[File],
        way: Way,
        spool: Spool,
        note: Callable[[int], None],
        enclosed: Enclosed,
    ) -> None:
        self._study = study
        self._part = part
        self._files = files
        self._way = way
        self._spool = spool
        self._note = note
        self._enclosed = enclosed
        self._stop = threading.Event()
        self._site: Site | None = None
        self._looks: Ahead[File, Look] | None = None
        self._rewritten: Ahead[File, Rewritten | None] | None = None

    def show(self, look: Make, budget: int | None, withdrawn: Mapping[str, str] | None) -> None:
        """With a viewer, if there is room for one."""
        if budget is not None:
            # An enclosed document is there as text.
            self._site = Site(self._study, self._part, self._enclosed.told, budget=budget, withdrawn=withdrawn)
            self._looks = looks(self._site, self._files, look)

    def rewrite(self, recode: Recode) -> None:
        """In another coding, wherever that is possible."""

        async def made(file: File) -> Rewritten | None:
            return await rewritten(*file, self._way.syntaxes, recode, self._spool)

        self._rewritten = Ahead(self._files, made, unused=lambda one: one.discard() if one else None)

    async def run(self) -> Parcel:
        """Raises what packing raises."""
        packing = asyncio.ensure_future(asyncio.to_thread(self._pack))
        try:
            return await asyncio.shield(packing)
        except asyncio.CancelledError:
            self._stop.set()
            self._cancel()
            await asyncio.wait([packing])
            if not packing.exception():  # too late to stop it: nobody takes what it made
                self._spool.discard(packing.result().sealed.name)
            raise
        finally:
            self._cancel()

    def _cancel(self) -> None:
        for one in (self._looks, self._rewritten):
            if one is not None:
                one.cancel()

    def _pack(self) -> Parcel:
        with self._spool.seal() as sink:
            return pack(
                self._enclosed.added(self._study),
                self._part,
                self._files,
                sink,
                site=self._site,
                looks=self._looks or itertools.repeat(None),
                rewritten=self._rewritten or itertools.repeat(None),
                deflate=self._way is not Way.STORED,
                notes=self._enclosed.plain,
                progress=self._note,
                stop=self._stop,
            )


def _kind(study: Study, part: Part) -> str:
    """The modality that most of its bytes are of."""
    here = {one.key for one in part.instances}
    sizes: Counter[str] = Counter()
    for series in study.series:
        sizes[series.modality] += sum(one.size for one in series.instances if one.key in here)
    return max(sizes, key=lambda modality: sizes[modality], default="")
