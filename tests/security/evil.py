"""A homeserver that lies: it injects events and keys, and rewrites what it says about people's devices."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.servers.rewriting import ALWAYS, Rewriting, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.proxy import Rule

SYNC = r"GET /_matrix/client/v3/sync"
KEYS = r"POST /_matrix/client/v3/keys/query"
STATE = r"GET /_matrix/client/v3/rooms/[^/]*/state$"
MISSED = r"GET /_matrix/client/v3/rooms/.*/messages"
_numbers = itertools.count(1)


def new_id() -> str:
    """An event id that no server has used, of the form that all servers use."""
    return f"${next(_numbers):-<43}"


@dataclass
class Lies:
    """What the next answer to /sync holds besides the truth."""

    #: (room, event) in the order of the timeline.
    events: list[tuple[str, Any]] = field(default_factory=list)
    to_device: list[Any] = field(default_factory=list)
    #: People whose devices are said to have changed.
    changed: list[str] = field(default_factory=list)
    #: Rooms whose timeline is said to have a gap, and what the server says has been in it.
    missed: dict[str, list[Any]] = field(default_factory=dict)
    #: For what fits nowhere else.
    rewrite: Callable[[Any], None] = lambda _: None

    def __call__(self, sync: dict[str, Any]) -> None:
        joined = sync.setdefault("rooms", {}).setdefault("join", {})
        for room, event in self.events:
            _timeline(joined, room)["events"].append(event)
        for room in self.missed:
            _timeline(joined, room).update({"limited": True, "prev_batch": "forged"})
        sync.setdefault("to_device", {}).setdefault("events", []).extend(self.to_device)
        sync.setdefault("device_lists", {}).setdefault("changed", []).extend(self.changed)
        self.rewrite(sync)


@dataclass
class EvilServer(Rewriting):
    """`async with EvilServer.start(homeserver.url) as evil`, then `evil.begin()`."""

    #: Each rewrites every answer to /keys/query.
    about_keys: list[Callable[[Any], None]] = field(default_factory=list)
    _lies: Lies | None = None
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: asyncio.Event = field(default_factory=asyncio.Event)
    _gaps: dict[str, list[Any]] = field(default_factory=dict)

    def begin(self) -> None:
        """From now on every answer can be a lie."""
        self.fail(SYNC, _sync, ALWAYS)
        self.fail(KEYS, answer(self._rewrite_keys), ALWAYS)
        self.fail(MISSED, _missed, ALWAYS)

    def first(self, pattern: str, fault: Any) -> Rule:
        """A rule before all others, until its `times` is set to 0."""
        rule = self.fail(pattern, fault, ALWAYS)
        self.rules.insert(0, self.rules.pop())
        return rule

    async def tell(self, lies: Lies) -> None:
        """Put these lies into an answer to /sync, and wait until the bot asks for the next one."""
        self._lies = lies
        self._gaps = lies.missed
        self._told.clear()
        self._waiting.set()
        async with asyncio.timeout(30):
            await self._told.wait()

    def _rewrite_keys(self, keys: Any) -> None:
        for lie in self.about_keys:
            lie(keys)

    async def sync(self, asked: web.Request) -> web.StreamResponse:
        request = _truly(asked)
        if self._lies is None:
            self._told.set()
            self._waiting.clear()
            honest = asyncio.ensure_future(self.forward(request))
            interrupted = asyncio.ensure_future(self._waiting.wait())
            await asyncio.wait({honest, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            interrupted.cancel()
            if honest.done():
                return honest.result()
            honest.cancel()
        sync = await self._ask(request)
        lies, self._lies = self._lies, None
        if lies is not None:
            lies(sync)
            sync["next_batch"] += f"~{next(_numbers)}"  # nio looks at no answer that leaves it where it is
        return web.json_response(sync)

    async def missed(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("from") != "forged":
            return await self.forward(request)
        events = self._gaps.get(request.match_info["rest"].split("/")[4], [])
        return web.json_response({"chunk": events[::-1], "start": "forged"})

    async def _ask(self, request: web.Request) -> Any:
        """What the server has to say at once."""
        url = self.target + str(request.rel_url.update_query(timeout="0"))
        headers = {"Authorization": request.headers["Authorization"]}
        async with self.http.get(url, headers=headers) as response:
            return await response.json()


async def _sync(request: web.Request, proxy: Any) -> web.StreamResponse:
    return await proxy.sync(request)


async def _missed(request: web.Request, proxy: Any) -> web.StreamResponse:
    return await proxy.missed(request)


def _truly(request: web.Request) -> web.Request:
    """The same from where the true server has left off."""
    since = request.query.get("since", "")
    true = request.rel_url.update_query(since=since.partition("~")[0])
    return request.clone(rel_url=true) if "~" in since else request


def _timeline(joined: dict[str, Any], room: str) -> dict[str, Any]:
    """The room's timeline; the room is whole, as nio wants it."""
    parts = {part: {"events": []} for part in ("state", "ephemeral", "account_data")}
    whole = parts | {"summary": {}, "unread_notifications": {}, "timeline": {"events": [], "limited": False}}
    timeline: dict[str, Any] = joined.setdefault(room, whole)["timeline"]
    timeline.setdefault("prev_batch", "forged")
    return timeline
