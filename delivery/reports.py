"""The reports that were found with a study, as text: in the chat, and for the viewer in the parcel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from delivery.viewer.site import Note
from rendering.documents import tellable, titled
from rendering.errors import CannotShow
from studies.identity import identity_line

if TYPE_CHECKING:
    from pathlib import Path

    from rendering.told import Told
    from studies.model import Instance, Study

#: Reads a report or a PDF as text.
Tell = Callable[["Path"], Awaitable["Told"]]
#: Of all reports in a viewer together: letters.
MOST_TEXT = 60_000


class Reports:
    """Each is read once. Without `tell` there are none; one that cannot be read is none, its pages speak for it."""

    def __init__(self, tell: Tell | None, path: Callable[[Instance], Awaitable[Path]]) -> None:
        self._tell = tell
        self._path = path
        self._known: dict[str, Told | None] = {}

    async def words(self, study: Study, instance: Instance) -> str:
        """What is said in the room: what it is, whose, its findings and conclusion. "" for what is no report."""
        told = await self._told(instance) if instance in tellable(study) else None
        if told is None:
            return ""
        head = " · ".join(filter(None, [titled(study, instance), told.title, told.standing]))
        return f"{head}\n{identity_line(study.patient)}\n\n{told.brief}"

    async def notes(self, study: Study) -> tuple[Note, ...]:
        """For the viewer, in the order of the study, as long as they are."""
        found, left = [], MOST_TEXT
        for instance in tellable(study) if self._tell else ():
            if (told := await self._told(instance)) and left:
                text = told.text[:left]
                left -= len(text)
                found.append(Note(told.title or "Document", text, when=told.standing, source=titled(study, instance)))
        return tuple(found)

    async def _told(self, instance: Instance) -> Told | None:
        if self._tell and instance.key not in self._known:
            self._known[instance.key] = await self._read(self._tell, instance)
        return self._known.get(instance.key)

    async def _read(self, tell: Tell, instance: Instance) -> Told | None:
        try:
            return await tell(await self._path(instance))
        except CannotShow:
            return None
