"""A real bot session on the real homeserver of the run."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from bot.demo.people import Person, log_in
from bot.matrix.session import Account, MatrixSession
from bot.matrix.sync import SyncLoop
from config.errors import CarrierbagError
from config.settings import TrustSettings
from config.state import StateDirectory
from tests.fakes.matrix import MemoryInbox, MemoryPins
from tests.servers.people import new_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from bot.matrix.events import SyncBatch
    from tests.servers.people import Account as Registered


@dataclass
class Bot:
    """A bot that can be stopped and started again: what it must keep is kept."""

    account: Account
    state: StateDirectory
    pins: MemoryPins
    inbox: MemoryInbox
    trust: TrustSettings = field(default_factory=TrustSettings)

    @property
    def user_id(self) -> str:
        return self.account.user_id

    @asynccontextmanager
    async def session(self) -> AsyncIterator[MatrixSession]:
        async with await MatrixSession.open(self.account, self.state, self.pins, self.trust) as session:
            yield session

    def loop(self, session: MatrixSession, **options: Any) -> SyncLoop:
        async def told(_: object) -> None:
            return None

        async def follow(batch: SyncBatch) -> None:
            for one in batch.invitations:
                with suppress(CarrierbagError):
                    await session.join(one.room_id)
            await options.get("on_news", told)(batch)

        return SyncLoop(session, self.inbox, **(options | {"on_news": follow}))

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[MatrixSession]:
        """Signed in and syncing, the first sync done."""
        async with self.session() as session:
            loop = self.loop(session, **options)
            task = asyncio.create_task(loop.run())
            try:
                await asyncio.wait_for(loop.ready.wait(), 60)
                yield session
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


def make_bot(url: str, registered: Registered, directory: Path) -> Bot:
    """A bot with this state directory."""
    state = StateDirectory(directory)
    state.prepare()
    account = Account(url, registered.user_id, password=registered.password)
    return Bot(account, state, MemoryPins(), MemoryInbox())


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what tests wait for has no event
            await asyncio.sleep(0.05)


@pytest.fixture
def new_bot(homeserver: Homeserver, tmp_path: Path) -> Callable[[Registered], Bot]:
    """`new_bot(await account("bot"))`: a bot with a fresh state directory."""

    def make(registered: Registered, url: str = "") -> Bot:
        return make_bot(url or homeserver.url, registered, tmp_path / "state")

    return make


@pytest.fixture
async def bot(new_bot: Callable[..., Bot], account: Callable[..., Any]) -> Bot:
    """A bot that was never started."""
    return new_bot(await account("bot"))


@pytest.fixture(scope="module")
async def anna(homeserver: Homeserver) -> AsyncIterator[Person]:
    """Somebody with a strict client, for all tests of one file: each takes a room of its own."""
    registered = await new_account(homeserver, "anna")
    async with Person.start(homeserver.url, registered.name, registered.password) as signed_in:
        yield signed_in


@pytest.fixture
async def exits() -> AsyncIterator[AsyncExitStack]:
    """For what must end with the test."""
    async with AsyncExitStack() as stack:
        yield stack


async def room_with(bot: Bot, owner: Person, *others: Person, **options: Any) -> str:
    """An encrypted room with people, into which the running bot comes by invitation."""
    room = await owner.create_room("Ankle clinic", [bot.user_id, *(other.user_id for other in others)], **options)
    for other in others:
        await other.join(room)
    for user_id in (bot.user_id, *(other.user_id for other in others)):
        await owner.wait(lambda event, user_id=user_id: joined(event, room, user_id))
    return room


def joined(event: Any, room: str, user_id: str) -> bool:
    membership = event.content.get("membership")
    return (event.room, event.type, event.state_key, membership) == (room, "m.room.member", user_id, "join")


class Raw:
    """Somebody who speaks the client-server API by hand, and can say what no client would."""

    def __init__(self, url: str, login: dict[str, str], http: ClientSession) -> None:
        self._url = f"{url}/_matrix/client/v3"
        self._headers = {"Authorization": f"Bearer {login['access_token']}"}
        self._http = http
        self.user_id = login["user_id"]
        self.device_id = login["device_id"]

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        async with self._http.request(method, self._url + path, json=body, headers=self._headers) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer

    async def to_device(self, user_id: str, event_type: str, content: Any, device_id: str = "*") -> None:
        path = f"/sendToDevice/{event_type}/{uuid4().hex}"
        await self.call("PUT", path, {"messages": {user_id: {device_id: content}}})

    async def join(self, room: str) -> None:
        await self.call("POST", f"/join/{quote(room)}", {})

    async def say(self, room: str, content: Any, event_type: str = "m.room.message") -> str:
        path = f"/rooms/{quote(room)}/send/{event_type}/{uuid4().hex}"
        return str((await self.call("PUT", path, content))["event_id"])


async def by_hand(session: MatrixSession, method: str, path: str, body: Any = None) -> Any:
    """What another app of the bot's account might do: past the gate."""
    async with (
        ClientSession() as http,
        http.request(
            method, session.client.homeserver + path, json=body, headers=session.client.authorization
        ) as response,
    ):
        answer = await response.json()
        assert response.status == 200, answer
        return answer


@pytest.fixture
async def stranger(
    homeserver: Homeserver, account: Callable[..., Any], exits: AsyncExitStack
) -> Callable[..., Awaitable[Raw]]:
    """`await stranger("mallory")`: signed in, with nothing but HTTP."""

    async def make(who: str | Registered) -> Raw:
        registered = await account(who) if isinstance(who, str) else who
        login = await log_in(homeserver.url, registered.name, registered.password)
        return Raw(homeserver.url, login, await exits.enter_async_context(ClientSession()))

    return make
