"""What happens in the room, and what is looked at."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.demo.people import Person
    from bot.demo.seen import SeenEvent
    from bot.demo.stage import Stage

#: Seconds for an answer: a share of a stack is the longest.
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A section of the page."""

    heading: str
    line: str
    #: Names of files.
    pictures: tuple[str, ...]


class Room:
    """What the clinician types there, what the bot answers, and the registrar's phone."""

    def __init__(self, played: Stage, room: str, phone: Person, directory: Path) -> None:
        self.room, self.phone = room, phone
        self._clinician, self._bot = played.clinician, played.bot
        self._directory = directory

    async def type(self, text: str, until: Callable[[SeenEvent], bool]) -> list[SeenEvent]:
        """Type a line; all that the bot said to it when `until` holds of something."""
        since = len(self._clinician.events)
        await self._clinician.send(self.room, text)
        with contextlib.suppress(TimeoutError):
            await self._clinician.wait(lambda one: self._is_answer(one) and until(one), PATIENCE, since)
        answers = [one for one in self._clinician.events[since:] if self._is_answer(one)]
        if not any(map(until, answers)):
            raise RuntimeError(f"After {text} the bot said only: {[one.body for one in answers]}")
        return answers

    async def shoot(self, name: str, first: SeenEvent | None = None) -> str:
        """Photograph the phone with `first` at the top, or the newest at the bottom."""
        await self.phone.call("shoot", path=str(self._directory / name), first=first.event_id if first else None)
        return name

    def said(self, words: str = "") -> SeenEvent:
        """The first that the bot said here with these words in it."""
        return next(one for one in self._clinician.events if self._is_answer(one) and words in one.body)

    def _is_answer(self, event: SeenEvent) -> bool:
        return (event.room, event.sender) == (self.room, self._bot) and bool(event.msgtype)


async def scenes(played: Stage, room: str, phone: Person, directory: Path) -> AsyncIterator[Scene]:
    """Play all, one after the other."""
    here = Room(played, room, phone, directory)
    for play in (_hello, _mistake, _ankle, _body, _closer):
        yield await play(here)


def _any(_: SeenEvent) -> bool:
    return True


def _sent(event: SeenEvent) -> bool:
    return "\nSent: " in event.body


def _is_picture(event: SeenEvent) -> bool:
    return event.msgtype == "m.image"


def _pictures(events: list[SeenEvent]) -> list[SeenEvent]:
    return list(filter(_is_picture, events))


async def _hello(here: Room) -> Scene:
    first = await here.shoot("hello.jpg", here.said())
    [answer, *_] = await here.type("!help view", _any)
    line = "Said once in each room, and again after `!help`; `!help view` tells one command in full."
    return Scene("The bot comes into a room", line, (first, await here.shoot("help.jpg", answer)))


async def _mistake(here: Room) -> Scene:
    await here.type("!share study 999 000 0019", _any)
    await here.type("!share study", _any)
    line = "A number that no patient can have; several studies, of which none is guessed."
    return Scene("Mistakes and questions", line, (await here.shoot("mistake.jpg"),))


async def _ankle(here: Room) -> Scene:
    # Not by its number: both studies are of the same minute, and either may stand first.
    events = await here.type("!share study SYNDX00000", _sent)
    pictures = _pictures(events)
    beginning = await here.shoot("ankle.jpg", events[0])
    end = await here.shoot("ankle-files.jpg")
    await here.phone.call("open_picture", event_id=pictures[1].event_id)
    opened = await here.shoot("ankle-opened.jpg")
    await here.phone.call("back")
    return Scene(
        "An X-ray is shared", "Every view, then the DICOM files; a picture is tapped.", (beginning, end, opened)
    )


async def _body(here: Room) -> Scene:
    events = await here.type("!share study SYNCT00000", _sent)
    pictures = _pictures(events)
    sheet = await here.shoot("ct.jpg", pictures[0])
    await here.phone.call("open_picture", event_id=pictures[0].event_id)
    opened = await here.shoot("ct-opened.jpg")
    await here.phone.call("back")
    middle = await here.shoot("ct-middle.jpg", pictures[1])
    return Scene("A CT is shared", "A sheet of evenly spaced slices, the middle one large.", (sheet, opened, middle))


async def _closer(here: Room) -> Scene:
    await here.type("!view 1 bone zoom 3x at 40,62", _is_picture)
    share = here.said("Share 1: ")
    await here.type("!view 1 invert", _is_picture)
    room = await here.shoot("view.jpg", share)
    await here.phone.call("open_thread", room=here.room, event_id=share.event_id)
    line = "`!view 1 bone zoom 3x at 40,62`, `!view 1 invert`: answers stand in the share's thread."
    return Scene("A closer look", line, (room, await here.shoot("view-thread.jpg")))
