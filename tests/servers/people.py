"""Accounts and people on the tests' homeserver. The fixtures that hand them out stand in tests/conftest.py."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.demo.people import Person

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from bot.demo.homeserver import Homeserver

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Account:
    """An account that nobody has signed in to yet."""

    user_id: str
    name: str
    password: str


async def new_account(homeserver: Homeserver, name: str, *, admin: bool = False) -> Account:
    """An account of its own for this test: the name gets a number."""
    local, password = f"{name}-{next(_numbers)}", f"password of {name}"
    return Account(await homeserver.register(local, password, admin=admin), local, password)


class People:
    """Signs people in, and out again at the end of the test."""

    def __init__(self, homeserver: Homeserver, leaving: AsyncExitStack) -> None:
        self._homeserver = homeserver
        self._leaving = leaving

    async def __call__(self, who: str | Account, **options: Any) -> Person:
        """A new person (`await person("anna")`), or another device of an account. Options are `Person.start`'s."""
        account = await new_account(self._homeserver, who) if isinstance(who, str) else who
        session = Person.start(self._homeserver.url, account.name, account.password, **options)
        return await self._leaving.enter_async_context(session)

    async def room(self, owner: Person, *others: Person, **options: Any) -> str:
        """A room (encrypted and invite-only unless told otherwise) in which all of them are joined and know it."""
        room = await owner.create_room("Ankle clinic", [other.user_id for other in others], **options)
        for other in others:
            await other.join(room)
            await owner.wait(lambda event, who=other.user_id: is_join(event, room, who))
        return room


def is_join(event: Any, room: str, user_id: str) -> bool:
    """Does this event say that the user has joined the room?"""
    return (event.room, event.type, event.state_key, event.content.get("membership")) == (
        room,
        "m.room.member",
        user_id,
        "join",
    )
