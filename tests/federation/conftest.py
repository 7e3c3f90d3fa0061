"""Two hospitals: the bot and the clinician at A, the registrar at B, one room over both servers."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.people import Person
from bot.demo.stage import gathered, running_bot, write_settings
from config.settings import load_settings
from tests.acceptance.conftest import Ward, copy_cervical_spine
from tests.servers.federation import Federation, federated
from tests.servers.people import is_join, new_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from tests.servers.people import Account


@dataclass
class Hospital:
    """A homeserver, its bot and its studies. `people` are signed in until the test ends."""

    homeserver: Homeserver
    directory: Path
    account: Account
    leaving: AsyncExitStack
    people: dict[str, Account] = field(default_factory=dict)

    @property
    def bot(self) -> str:
        return self.account.user_id

    @property
    def studies(self) -> Path:
        return self.directory / "studies"

    async def person(self, name: str, **options: Any) -> Person:
        """Somebody of this hospital with a client; the same name again is another device of the same account."""
        if name not in self.people:
            self.people[name] = await new_account(self.homeserver, name)
        known = self.people[name]
        session = Person.start(self.homeserver.url, known.name, known.password, **options)
        return await self.leaving.enter_async_context(session)

    def running(
        self, *, foreign: tuple[str, ...] = (), people: tuple[str, ...] = ("own",), through: str = ""
    ) -> AbstractAsyncContextManager[None]:
        """The bot: people of the servers `foreign` may be present, `people` may command it; `through` is a proxy."""
        url = through or self.homeserver.url
        config = write_settings(self.directory, url, self.bot, self.studies, password=self.account.password)
        (self.directory / "policy.toml").write_text(_policy(foreign, people), "utf-8")
        return running_bot(load_settings(config))


def _policy(foreign: tuple[str, ...], people: tuple[str, ...]) -> str:
    return f"""foreign_servers = {json.dumps(foreign)}
[[rules]]
people = {json.dumps(people)}
may = ["find", "share"]
"""


@dataclass
class Trusts:
    """Both hospitals."""

    a: Hospital
    b: Hospital

    async def ward(self, clinician: Person, *others: Person) -> Ward:
        """A room of the clinician at A with the running bot and others; the first of them is the registrar."""
        place, registrar = self.a.directory, next(iter(others), clinician)
        ward = Ward(place, place / "carrierbag.toml", self.a.studies, self.a.bot, clinician, registrar)
        ward.room = await gathered(self.a.bot, clinician)
        for one in others:
            await bring(clinician, one, ward.room)
        return ward


async def bring(host: Person, guest: Person, room: str) -> None:
    """Invite somebody, and wait until the host's client knows that they have come.

    One join after the other: of two that cross between the servers, js-sdk 43 (with MSC4222) may never learn of one.
    """
    await host.invite(room, guest.user_id)
    await guest.join(room)
    await host.wait(lambda event: is_join(event, room, guest.user_id))


@pytest.fixture(scope="package")
async def federation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Federation]:
    """The two homeservers of all these tests. A test that stops one starts it again."""
    async with federated(tmp_path_factory.mktemp("federation")) as running:
        yield running


@pytest.fixture
async def trusts(federation: Federation, tmp_path: Path) -> AsyncIterator[Trusts]:
    """Two fresh hospitals on the two homeservers, each with a small study."""
    async with AsyncExitStack() as leaving:
        made = []
        for letter, server in (("a", federation.a), ("b", federation.b)):
            hospital = Hospital(server, tmp_path / letter, await new_account(server, "carrierbag"), leaving)
            hospital.studies.mkdir(parents=True)
            copy_cervical_spine(hospital.studies)
            made.append(hospital)
        yield Trusts(*made)
