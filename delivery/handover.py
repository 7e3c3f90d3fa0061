"""One share's way from the source to what can be posted: previews, then parcels. No Matrix I/O happens here.

Both walks yield what shall stand in the room, one posting after the other; the caller posts each and asks for the next.
Steps that were kept before (a restart) are passed over and not made again: the step's name is the posting's identity.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from delivery.narrow import key_images, marked, narrowed
from delivery.notes import NO_NOTES, Enclosed, Notes
from delivery.packer import Packer
from delivery.parts import LEAST_WITH_VIEWER, Part, plan_parts, refusal
from delivery.reports import Reports
from delivery.viewer.site import Note
from rendering.documents import pages
from rendering.errors import NO_PAGE, CannotShow
from rendering.guided import guided, withdrawn
from rendering.guides import MOST_GUIDES, is_guide
from rendering.keyimages import unshown
from rendering.kinds import kind
from rendering.preview import Preview, PreviewPlan

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
    from pathlib import Path

    from delivery.options import Options
    from delivery.parcel import Parcel
    from delivery.reports import Tell
    from delivery.spool import Spool
    from rendering.guides import Guide
    from rendering.keyimages import Choice
    from studies.model import Instance, Study, StudySource

Render = Callable[[PreviewPlan], Awaitable[Preview]]
#: Reads a key object selection or presentation state, None where it makes no sense.
Read = Callable[["Path"], Awaitable["Guide | None"]]

#: The step that names what could not be shown.
UNSHOWN = "unshown"
#: The step that names what could not be sent.
TOO_LARGE = "too large"
#: As many files are named in one message; the others are counted.
NAMED = 100


@dataclass(frozen=True, slots=True)
class Posting:
    """What shall stand in the room under this step: a picture, a parcel, or words."""

    step: str
    item: Preview | Parcel | str
    #: Its place among all of its kind, from 1.
    number: int = 1
    #: What its author wrote about it, then what is wrong with it: a line for each file that a sheet could not show.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work on one share is: `done` of `total` of what `phase` counts."""

    phase: str
    done: int
    total: int


class Handover:
    """The work on one study. Without a `packer` of its own, its parcels are as stored and have no viewer.

    `on_progress` is called from the event loop and from threads: it must only take note.
    """

    def __init__(
        self,
        study: Study,
        source: StudySource,
        *,
        spool: Spool,
        render: Render,
        read: Read,
        tell: Tell | None = None,
        packer: Packer | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.study = study
        self._source = source
        self._packer = packer or Packer(spool)
        self._render = render
        self._read = read
        self._reports = Reports(tell, self._file)
        self._on_progress = on_progress
        self._left_out = ""

    async def narrow(self, options: Options) -> Study:
        """Go on with less than the whole study. Raises `NothingLeft`, and the errors of `studies.errors`."""
        whole, guides = self.study, await self.guides() if options.key else []
        self.study = narrowed(whole, options)
        if options.key:
            self.study = key_images(self.study, guides)
        if self.study != whole:
            counts = f"{len(self.study.instances)} of {len(whole.instances)} files"
            self._left_out = f"This is not the whole study: {options.words} only, {counts}."
        return self.study

    async def previews(self, kept: Collection[str]) -> AsyncGenerator[Posting, None]:
        """Every picture, key images first, then in reading order, what a report says before its pages.

        Then one message that names what has none, and why.

        Raises the errors of `studies.errors` when the source fails.
        """
        if UNSHOWN in kept:  # the last of them
            return
        guides = await self.guides()
        choices = [*guided(self.study, guides), *pages(self.study)]
        problems = _lines(_without_picture(self.study, choices, guides))
        for number, choice in enumerate(choices, start=1):
            self._on_progress(Progress("Preview", number, len(choices)))
            if report := await self._report(choice, kept):
                yield report
            step = f"preview {choice.key}"
            if step in kept:
                continue
            try:
                preview = await self._render(choice.plan(await self.paths(choice)))
            except CannotShow as error:
                if error.code != NO_PAGE:
                    problems += _lines((instance, _why(choice, instance, error)) for instance, _ in choice.instances)
                continue
            notes = _lines((choice.instances[tile][0], reason) for tile, reason in preview.problems)
            yield Posting(step, preview, number, (*choice.notes, *notes))
        if problems:
            yield Posting(UNSHOWN, _unshown_words(list(dict.fromkeys(problems))))

    async def parcels(
        self, kept: Collection[str], part_bytes: int, first: Collection[str] = (), notes: Notes = NO_NOTES
    ) -> AsyncGenerator[Posting, None]:
        """Every part as a sealed ZIP in the spool, then one message that names what is too large to be sent.

        `part_bytes`, the most that one ZIP may have, `first`, the SOP Instance UIDs that lead, and `notes` must be the
        same after a restart: the numbers of parts mean them.
        Raises the errors of `studies.errors` and `delivery.errors`.
        """
        refused, enclosed = [], await self._enclosed(notes)
        part_bytes -= notes.size
        for part in plan_parts(self._packer.expected(enclosed.added(self.study)), part_bytes, first):
            step = f"parcel {part.number}"
            if part.too_large:
                refused.append(str(refusal(part, part_bytes)))
            elif step not in kept:
                yield Posting(step, await self._packed(part, part_bytes, enclosed), part.number)
        if refused and TOO_LARGE not in kept:
            yield Posting(TOO_LARGE, _listed(refused))

    async def further(self, notes: Notes) -> Parcel:
        """Notes that were written when the rest was gone: a parcel of their own, to be unpacked beside the others."""
        enclosed = await self._enclosed(notes)
        part = Part(1, 1, (enclosed.filed.instance,) if enclosed.filed else ())
        return replace(await self._packed(part, LEAST_WITH_VIEWER, enclosed), file_name=notes.file_name)

    async def _enclosed(self, notes: Notes) -> Enclosed:
        filed = await asyncio.to_thread(notes.filed, self.study) if notes.written else None
        told = (*notes.told, *await self._reports.notes(self.study))
        if not self._left_out:
            return Enclosed(notes.plain, told, filed)
        first = Note("Not the whole study", self._left_out, source="carrierbag", warns=True)
        return Enclosed(f"carrierbag:\n\n    {self._left_out}\n\n{notes.plain}", (first, *told), filed)

    async def _report(self, choice: Choice, kept: Collection[str]) -> Posting | None:
        """What a document says, before its first page."""
        instance, page = choice.instances[0]
        step = f"report {instance.key}"
        if not choice.page or page or step in kept:
            return None
        words = await self._reports.words(self.study, instance)
        return Posting(step, words) if words else None

    async def key_images(self) -> list[str]:
        """SOP Instance UIDs of what is to be seen first."""
        here = {one.sop_instance_uid for one in self.study.instances}
        return sorted(marked(await self.guides()) & here)

    async def guides(self) -> list[Guide]:
        """What is said in the study about its pictures. Whatever cannot be read is named with the rest."""
        documents = sorted(filter(is_guide, self.study.instances), key=lambda one: one.size)[:MOST_GUIDES]
        found = []
        for _, path in await self._files(documents) if documents else ():
            with contextlib.suppress(CannotShow):
                found.append(await self._read(path))
        return [guide for guide in found if guide is not None]

    async def paths(self, choice: Choice) -> dict[str, Path]:
        """The file of each instance that the choice needs, by `Instance.key`."""
        return {instance.key: path for instance, path in await self._files(choice.files)}

    async def _file(self, instance: Instance) -> Path:
        [(_, path)] = await self._files([instance])
        return path

    async def _files(self, instances: Sequence[Instance]) -> list[tuple[Instance, Path]]:
        async with contextlib.aclosing(self._source.fetch(instances)) as fetched:  # type: ignore[type-var]
            return [one async for one in fetched]

    async def _packed(self, part: Part, part_bytes: int, enclosed: Enclosed) -> Parcel:
        with enclosed.lent(part) as ours:
            enclosed_here = {instance for instance, _ in ours}
            theirs = [one for one in part.instances if one not in enclosed_here]
            return await self._pack(part, [*ours, *await self._files(theirs)], part_bytes, enclosed)

    async def _pack(
        self, part: Part, files: list[tuple[Instance, Path]], part_bytes: int, enclosed: Enclosed
    ) -> Parcel:
        phase = "Packing" if part.of == 1 else f"Packing part {part.number} of {part.of}: image"

        def note(done: int) -> None:
            self._on_progress(Progress(phase, done, len(files)))

        gone = withdrawn(await self.guides())
        return await self._packer.packed(self.study, part, files, part_bytes, note, enclosed=enclosed, withdrawn=gone)


def _lines(problems: Iterable[tuple[Instance, str]]) -> list[str]:
    """One line for each file, however many of its frames have the problem."""
    return list(dict.fromkeys(_line(instance, reason) for instance, reason in problems))


def _line(instance: Instance, reason: str) -> str:
    number = f"Image {instance.instance_number}" if instance.instance_number is not None else "An image"
    return f"{number} ({instance.sop_instance_uid}): {reason}"


def _without_picture(study: Study, choices: Sequence[Choice], guides: Sequence[Guide]) -> list[tuple[Instance, str]]:
    """Every instance of which no picture is even tried, with a few words on what it is. Guides speak for themselves."""
    gone = withdrawn(guides)
    said = {guide.sop_instance_uid for guide in guides} | gone.keys()
    said |= {choice.instances[0][0].sop_instance_uid for choice in choices if choice.page}
    taken_back = [(one, gone[one.sop_instance_uid]) for one in study.instances if one.sop_instance_uid in gone]
    return [*taken_back, *(pair for pair in unshown(study) if pair[0].sop_instance_uid not in said)]


def _why(choice: Choice, instance: Instance, error: CannotShow) -> str:
    return f"{kind(instance.sop_class_uid)}: {error.reason}" if choice.page else error.reason


def _unshown_words(problems: Sequence[str]) -> str:
    return f"No preview of these; they are in the DICOM files all the same:\n{_listed(problems)}"


def _listed(lines: Sequence[str]) -> str:
    """Each on its line, as long as the event stays small enough (Matrix, size limits: 65,536 bytes)."""
    more = [f"and {len(lines) - NAMED} more"] if len(lines) > NAMED else []
    return "\n".join([*lines[:NAMED], *more])
