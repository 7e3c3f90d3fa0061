"""Fixtures that every test may use: one real homeserver for the whole run, and people with real clients on it.

All async tests and fixtures share one event loop (pyproject.toml), so a server can outlive the test that asked first.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from bot.demo.homeserver import Homeserver
from tests.servers.people import Account, People, new_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

# No test is about time: a busy machine is not a wrong answer.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
async def homeserver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Homeserver]:
    """The one Synapse of this run. A test that stops or restarts it starts one of its own instead."""
    async with Homeserver.start(tmp_path_factory.mktemp("homeserver")) as running:
        yield running


@pytest.fixture
def account(homeserver: Homeserver) -> Callable[..., Awaitable[Account]]:
    """`await account("bot")`: a fresh account with a unique name, nobody signed in."""
    return partial(new_account, homeserver)


@pytest.fixture
async def person(homeserver: Homeserver) -> AsyncIterator[People]:
    """`await person("anna")`: somebody with a strict, cross-signed client.

    `await person.room(anna, ben)` is an encrypted room in which they all are.
    """
    async with AsyncExitStack() as leaving:
        yield People(homeserver, leaving)
