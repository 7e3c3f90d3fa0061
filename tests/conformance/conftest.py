"""A bot behind a proxy that reads along and rewrites, people with real clients, and devices made by hand."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from bot.demo.people import Person, log_in
from bot.matrix.patience import Patience
from config.errors import TryLater
from tests.bot.matrix.conftest import Bot, Raw, joined, make_bot, until
from tests.servers.peer import Peer
from tests.servers.people import new_account
from tests.servers.rewriting import Rewriting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from bot.matrix.session import MatrixSession

    Bare = Callable[[str, str], Awaitable[Raw]]
    MakePeer = Callable[[str], Awaitable[Peer]]

#: Enough to get over what the tests break, without waiting for it.
QUICK = Patience(attempts=6, first_pause=0.02, longest_pause=0.1, longest_limit=3)


@pytest.fixture
async def exits() -> AsyncIterator[AsyncExitStack]:
    """For what must end with the test."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def proxy(homeserver: Homeserver) -> AsyncIterator[Rewriting]:
    async with Rewriting.start(homeserver.url) as running:
        yield running


@pytest.fixture
async def bot(homeserver: Homeserver, proxy: Rewriting, tmp_path: Path) -> Bot:
    """A bot that was never started, and sees the homeserver through the proxy."""
    made = make_bot(homeserver.url, await new_account(homeserver, "bot"), tmp_path / "state")
    made.account = replace(made.account, homeserver=proxy.url)
    return made


@pytest.fixture(scope="session")
async def anna(homeserver: Homeserver) -> AsyncIterator[Person]:
    """Somebody with a strict client, for all these tests: each takes a room of its own."""
    registered = await new_account(homeserver, "anna")
    async with Person.start(homeserver.url, registered.name, registered.password) as signed_in:
        yield signed_in


@pytest.fixture(scope="session")
async def ben(homeserver: Homeserver) -> AsyncIterator[Person]:
    """Somebody else."""
    registered = await new_account(homeserver, "ben")
    async with Person.start(homeserver.url, registered.name, registered.password) as signed_in:
        yield signed_in


@pytest.fixture
async def bare(homeserver: Homeserver, exits: AsyncExitStack) -> Callable[[str, str], Awaitable[Raw]]:
    """`await bare(name, password)`: a new device of an account that speaks HTTP and nothing else."""

    async def sign_in(name: str, password: str) -> Raw:
        login = await log_in(homeserver.url, name, password)
        return Raw(homeserver.url, login, await exits.enter_async_context(ClientSession()))

    return sign_in


@pytest.fixture
async def peer(homeserver: Homeserver, bare: Bare) -> MakePeer:
    """`await peer("clara")`: somebody whose cross-signed device is made by hand."""

    async def make(name: str) -> Peer:
        registered = await new_account(homeserver, name)
        return await Peer.settle(await bare(registered.name, registered.password))

    return make


@asynccontextmanager
async def awake(bot: Bot) -> AsyncIterator[MatrixSession]:
    """The bot signed in and syncing, quick to try again; it joins whatever room it is invited to."""
    async with bot.running(patience=QUICK) as session:
        session.client.patience = QUICK
        yield session


async def room_of(owner: Person, *others: Bot | Person, **options: Any) -> str:
    """An encrypted room in which all of them are; options are `Person.create_room`'s."""
    invited = [one.user_id for one in others]
    room = await owner.create_room("Ankle clinic", invited, **options)
    for one in others:
        if isinstance(one, Person):
            await one.join(room)
    for user_id in invited:
        await owner.wait(lambda event, user_id=user_id: joined(event, room, user_id))
    return room


async def come(person: Person, room: str, owner: Person) -> None:
    """The person is invited, joins, and the owner sees it."""
    since = len(owner.events)
    await owner.invite(room, person.user_id)
    await person.join(room)
    await owner.wait(lambda event: joined(event, room, person.user_id), since=since)


async def knows(session: MatrixSession, person: Person) -> None:
    """The bot has heard of the person's device and believes in it."""
    async with asyncio.timeout(30):
        while person.device_id not in {one.device_id for one in (await session.trust.standing(person.user_id)).good}:  # noqa: ASYNC110 - news come with the next sync
            await asyncio.sleep(0.05)


async def say(session: MatrixSession, room: str, text: str) -> str:
    """What the outbox does: the same transaction again as long as the server, or a client's one-time keys, are away."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await session.send(room, {"msgtype": "m.notice", "body": text}, f"{room} {text}")
            except TryLater:
                await asyncio.sleep(0.1)


async def reads(person: Person, event_id: str) -> None:
    """The person's client shows the message, without a warning."""
    await person.wait(lambda event: event.event_id == event_id and event.trusted)


async def cannot_read(person: Person, room: str, event_id: str) -> None:
    """The person's client has the event, and no key for it."""
    events = {event.event_id: event for event in await person.timeline(room)}
    assert event_id in events
    assert events[event_id].failure is not None


async def heard(bot: Bot, *bodies: str) -> None:
    """All of this was said to the bot, in this order, by people whom it knows to be themselves."""
    await until(lambda: len(bot.inbox.bodies) >= len(bodies))
    assert bot.inbox.bodies == list(bodies)
    assert all(message.clinician for message in bot.inbox.messages if message.live)


async def next_poll(proxy: Rewriting, anna: Person, room: str) -> None:
    """The bot's /sync that waits now is over, and the next one has begun."""
    before = sum(one.endswith("/sync") for one in proxy.requests)
    await anna.send_state(room, "m.room.topic", {"topic": f"after {before} rounds"})
    await until(lambda: sum(one.endswith("/sync") for one in proxy.requests) > before)


def session_ids(proxy: Rewriting) -> list[str]:
    """The Megolm session of each message that the bot has sent, in order."""
    return [one.body["session_id"] for one in proxy.exchanges(r"PUT .*/send/m\.room\.encrypted/")]


def key_deliveries(proxy: Rewriting) -> list[dict[str, list[str]]]:
    """For each request with room keys that reached the server: whose devices it went to."""
    sent = proxy.exchanges(r"PUT .*/sendToDevice/m\.room\.encrypted/")
    return [{user: sorted(devices) for user, devices in one.body["messages"].items()} for one in sent]
