"""What colleagues wrote about a share, on its way into the study: a PDF in a series of its own, and plain text.

Everything follows from the notes, the study and the share: a restart makes the same bytes under the same UIDs.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import textwrap
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from delivery.encapsulated import MODALITY, PDF, Filing, encapsulated_pdf
from delivery.viewer.site import Note
from rendering.paper import Passage, paper
from studies.identity import identity_line, without_controls
from studies.model import Instance, Series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from delivery.parts import Part
    from studies.model import Study

TITLE = "Clinical notes"
#: Beyond the numbers that modalities give; all shares of a study use it, each with a UID of its own.
SERIES_NUMBER = 9901
#: Letters in a line of README.TXT.
_WIDTH = 100
_EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Written:
    """One note."""

    #: The Matrix ID whose device proved itself.
    author: str
    #: What the author's server calls them, "" if nothing.
    name: str
    #: When it came in: Unix seconds.
    at: float
    text: str
    #: Where it was written, in words.
    source: str

    @property
    def who(self) -> str:
        """E.g. `Anna Kowalski (@anna:trust-a.example)`."""
        name = without_controls(self.name)
        return f"{name} ({self.author})" if name and name != self.author else self.author

    @property
    def when(self) -> str:
        """E.g. `24 Nov 2026, 14:26 GMT`: the hospital's time."""
        return f"{_local(self.at):%d %b %Y, %H:%M %Z}"

    @property
    def byline(self) -> str:
        """Who, when, where."""
        return f"{self.who} · {self.when} · {self.source}"


@dataclass(frozen=True, slots=True)
class Notes:
    """Those notes of a share that go together as one document."""

    #: The share's number, as people say it, and what is unique about it in all the world.
    share: int = 0
    origin: str = ""
    #: When the share was opened: Unix seconds.
    begun_at: float = 0.0
    #: Which of the share's documents, from 1.
    number: int = 1
    written: tuple[Written, ...] = ()

    @property
    def told(self) -> tuple[Note, ...]:
        """For the viewer in the parcel, the oldest first."""
        return tuple(Note("Note", one.text, one.who, one.when, one.source) for one in self.written)

    @property
    def plain(self) -> str:
        """For README.TXT; "" without notes."""
        return "\n".join(f"{one.byline}:\n\n{_indented(one.text)}\n" for one in self.written)

    def filed(self, study: Study) -> Filed:
        """The document, and the study with it."""
        series_uid, uids = self._uid(study), [self._uid(study, place + 1) for place in range(self.number)]
        data = encapsulated_pdf(study, self._filing(series_uid, uids[-1]), self._pdf(study))
        # Those before have gone already; with them each keeps its place, and so its file name.
        documents = [Instance(uid, PDF, _EXPLICIT, place) for place, uid in enumerate(uids, 1)]
        documents[-1] = replace(documents[-1], size=len(data))
        series = Series(series_uid, MODALITY, SERIES_NUMBER, TITLE, instances=tuple(documents))
        return Filed(replace(study, series=(*study.series, series)), documents[-1], data)

    def _filing(self, series_uid: str, uid: str) -> Filing:
        begun, made = _local(self.begun_at), _local(max(one.at for one in self.written))
        return Filing(series_uid, SERIES_NUMBER, TITLE, begun, uid, self.number, TITLE, made)

    def _pdf(self, study: Study) -> bytes:
        about = [identity_line(study.patient), _examination(study)]
        passages = [Passage(one.byline, one.text) for one in self.written]
        made = _local(max(one.at for one in self.written))
        return paper(TITLE, about, passages, foot=f"Share {self.share} · sent by carrierbag", made_at=made)

    def _uid(self, study: Study, *which: int) -> str:
        """From a UUID (PS3.5 annex B.2) of this share alone."""
        name = " ".join(["notes", study.study_instance_uid, self.origin, *map(str, which)])
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"

    @property
    def file_name(self) -> str:
        """Of the ZIP with what was written later. Says nothing of anybody."""
        return f"NOTES_{self.number}.ZIP"

    @property
    def size(self) -> int:
        """Bytes that the words take in a ZIP beside the document, at most: in README.TXT, and for the viewer."""
        return 2 * len(self.plain.encode())


NO_NOTES = Notes()


@dataclass(frozen=True, slots=True)
class Filed:
    """A document, and the study that it was filed with."""

    study: Study
    instance: Instance
    data: bytes


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What goes along with a study's own files: words for README.TXT and for the viewer, and perhaps a document."""

    plain: str = ""
    told: tuple[Note, ...] = ()
    filed: Filed | None = None

    def added(self, study: Study) -> Study:
        """The study with the document."""
        return self.filed.study if self.filed else study

    @contextlib.contextmanager
    def lent(self, part: Part) -> Iterator[list[tuple[Instance, Path]]]:
        """The document with its file, if this part has it; for this process alone."""
        if self.filed is None or self.filed.instance not in part.instances:
            yield []
            return
        with _in_memory(self.filed.data) as path:
            yield [(self.filed.instance, path)]


NOTHING_ENCLOSED = Enclosed()


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[Path]:
    """A file that in clear never lies on a disk."""
    with os.fdopen(os.memfd_create("document", os.MFD_CLOEXEC), "wb") as file:
        file.write(data)
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")


def _local(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).astimezone()


def _examination(study: Study) -> str:
    named = " ".join(filter(None, ["/".join(study.modalities), without_controls(study.study_description)]))
    dated = f"{study.study_date:%d %b %Y}" if study.study_date else ""
    number = f"accession number {without_controls(study.accession_number)}" if study.accession_number else ""
    return ", ".join(filter(None, (named, dated, number)))


def _indented(text: str) -> str:
    paragraphs = (textwrap.wrap(line, _WIDTH - 4, break_on_hyphens=False) or [""] for line in text.splitlines())
    return "\n".join(f"    {line}".rstrip() for paragraph in paragraphs for line in paragraph)
