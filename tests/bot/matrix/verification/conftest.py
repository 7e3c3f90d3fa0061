"""A running bot that can be verified, and people with real clients who compare emoji with it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bot.matrix.verification.desk import Desk
from tests.bot.matrix.conftest import joined, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from bot.demo.people import Person
    from bot.matrix.session import MatrixSession
    from bot.matrix.verification.case import Verification
    from bot.matrix.verification.note import Note
    from tests.bot.matrix.conftest import Bot


@dataclass
class Clock:
    """The desk's, which can be put forward."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Reception:
    """The bot's desk, with everything that it ever told its operator."""

    bot: Bot
    session: MatrixSession
    desk: Desk
    told: list[Verification] = field(default_factory=list)
    heard: list[Note] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    async def to_compare(self) -> Verification:
        """The one that waits for the operator."""
        await until(lambda: any(one.to_compare for one in self.desk.open))
        return next(one for one in self.desk.open if one.to_compare)

    async def ended(self) -> Verification:
        """The newest, once it is over."""
        await until(lambda: self.desk.open and self.desk.open[-1].state.name in {"DONE", "ENDED"})
        return self.desk.open[-1]

    async def level(self, person: Person) -> str:
        """How far the person's device is believed."""
        standing = await self.session.trust.standing(person.user_id)
        return next(one.level.word for one in standing.devices if one.device_id == person.device_id)


@asynccontextmanager
async def reception(bot: Bot, **options: Any) -> AsyncIterator[Reception]:
    """The bot, running, with a desk. Options are the desk's."""
    async with bot.session() as session:
        here = Reception(bot, session, None, clock=Clock())  # type: ignore[arg-type]
        usual = {"welcomes": lambda _: True, "on_change": here.told.append, "clock": here.clock}
        here.desk = desk = Desk(session, **(usual | options))

        def hear(note: Note) -> None:
            here.heard.append(note)
            desk.hear(note)

        loop = bot.loop(session, on_note=hear)
        tasks = [asyncio.create_task(loop.run()), asyncio.create_task(desk.run())]
        try:
            await asyncio.wait_for(loop.ready.wait(), 60)
            yield here
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


@pytest.fixture
def receiving(bot: Bot) -> Callable[..., Any]:
    """`async with receiving(...) as here`."""
    return lambda **options: reception(bot, **options)


async def direct_room(bot: Bot, person: Person, **options: Any) -> str:
    """A chat of two."""
    room = await person.create_room("", [bot.user_id], preset="trusted_private_chat", **options)
    await person.wait(lambda event: joined(event, room, bot.user_id))
    return room


async def reaches(person: Person, user: str, phase: str, seconds: float = 30) -> dict[str, Any]:
    """The person's verification with somebody, once it is so far (or has emoji, or was cancelled)."""
    end = time.monotonic() + seconds
    while True:
        found = await person.verification(user)
        if found and (found["phase"] == phase or (phase == "emoji" and found["emoji"])):
            return found
        assert time.monotonic() < end, f"{found} is not {phase}"
        await asyncio.sleep(0.1)


async def believes(person: Person, user: str, seconds: float = 10) -> bool:
    """Whether the person's client shows somebody as verified: it signs, uploads and asks anew after "done"."""
    end = time.monotonic() + seconds
    while not (verified := (await person.identity(user))["verified"]):
        if time.monotonic() > end:
            break
        await asyncio.sleep(0.3)
    return verified


def shown(verification: Verification) -> list[list[str]]:
    """The bot's emoji as the client reports its own."""
    return [list(one) for one in verification.emoji]


def seen_in(events: Any) -> str:
    """All that stands in these events, for looking for what must not."""
    return "\n".join(str(_plain(event)) for event in events)


def _plain(event: Any) -> Mapping[str, Any]:
    return dict(vars(event))
