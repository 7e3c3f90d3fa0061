"""People and devices for attacks, on the real homeserver of the run."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from bot.demo.people import Person, log_in
from tests.bot.matrix.conftest import Raw
from tests.security.evil import EvilServer
from tests.security.subjects import NIO, OURS, Subject
from tests.servers.people import Account, new_account
from tests.servers.rewriting import Rewriting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from bot.demo.homeserver import Homeserver


@pytest.fixture
async def exits() -> AsyncIterator[AsyncExitStack]:
    """For what must end with the test."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def raw(homeserver: Homeserver, exits: AsyncExitStack) -> Callable[..., Awaitable[Raw]]:
    """`await raw("mallory")`: a new device of a new (or given) account, that speaks HTTP and nothing else."""

    async def make(who: str | Account) -> Raw:
        account = await new_account(homeserver, who) if isinstance(who, str) else who
        login = await log_in(homeserver.url, account.name, account.password)
        return Raw(homeserver.url, login, await exits.enter_async_context(ClientSession()))

    return make


@pytest.fixture(params=[NIO, OURS])
async def subject(request: pytest.FixtureRequest, homeserver: Homeserver, tmp_path: Path) -> Subject:
    """Plain nio, and then ours: one that was never started."""
    made: Subject = request.param(homeserver.url, await new_account(homeserver, "bot"), tmp_path / "state")
    return made


@pytest.fixture
async def proxy(homeserver: Homeserver, subject: Subject) -> AsyncIterator[Rewriting]:
    """Between the subject and the homeserver."""
    async with Rewriting.start(homeserver.url) as running:
        subject.url = running.url
        yield running


@pytest.fixture
async def evil(homeserver: Homeserver, subject: Subject) -> AsyncIterator[EvilServer]:
    """The homeserver lies to the subject."""
    async with EvilServer.start(homeserver.url) as running:
        running.begin()
        subject.url = running.url
        yield running


async def _someone(homeserver: Homeserver, name: str) -> AsyncIterator[Person]:
    account = await new_account(homeserver, name)
    async with Person.start(homeserver.url, account.name, account.password, strict=False) as signed_in:
        yield signed_in


@pytest.fixture(scope="session")
async def anna(homeserver: Homeserver) -> AsyncIterator[Person]:
    """A cross-signed person who also speaks to devices that nobody has signed, such as plain nio's."""
    async for one in _someone(homeserver, "anna"):
        yield one


@pytest.fixture(scope="session")
async def ben(homeserver: Homeserver) -> AsyncIterator[Person]:
    """Another one."""
    async for one in _someone(homeserver, "ben"):
        yield one
