"""A proxy that reads along and rewrites: what was asked, what was answered, when either goes on.

`Rewriting` is the fault proxy with a memory: `proxy.exchanges("POST .*/keys/claim")` are the requests of that kind with
their JSON. Its rules (`proxy.fail(pattern, fault, times)`) may also be `answer(change)` and `request(change)`, which
rewrite JSON on the way, and a `Held`, which stops a request or its answer until the test lets it go.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, web

from tests.servers.proxy import Proxy, drop_request

if TYPE_CHECKING:
    from collections.abc import Callable

ALWAYS = 1_000_000


@dataclass(frozen=True)
class Exchange:
    """A request that reached the server, and the server's own answer. Bodies are JSON, None when there is none."""

    method: str
    path: str
    body: Any
    status: int
    answer: Any

    @property
    def last(self) -> str:
        """The last part of the path: of many requests their transaction id."""
        return self.path.rpartition("/")[2]


@dataclass
class Rewriting(Proxy):
    """`async with Rewriting.start(homeserver.url) as proxy`."""

    heard: list[Exchange] = field(default_factory=list)
    tried: list[tuple[str, Any]] = field(default_factory=list)

    def attempts(self, pattern: str) -> list[tuple[str, Any]]:
        """Path and JSON of all that was asked so far, whether it reached the server or not."""
        return [(path, body) for path, body in self.tried if re.search(pattern, path)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.tried.append((request.path, parsed(await request.read())))
        try:
            return await super().handle(request)
        except ClientError:  # the test is over, or its server has stopped
            return web.Response(status=502)

    def exchanges(self, pattern: str) -> list[Exchange]:
        """What reached the server so far and fits "METHOD /path"."""
        return [one for one in self.heard if re.search(pattern, f"{one.method} {one.path}")]

    async def forward(self, request: web.Request, body: bytes | None = None) -> web.Response:
        asked = await request.read() if body is None else body
        response = await super().forward(request, asked)
        raw = response.body if isinstance(response.body, bytes) else b""
        self.heard.append(Exchange(request.method, request.path, parsed(asked), response.status, parsed(raw)))
        return response

    def always(self, pattern: str, fault: Any) -> None:
        """A rule without an end."""
        self.fail(pattern, fault, ALWAYS)


def parsed(raw: bytes) -> Any:
    """The JSON, None for anything else."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def answer(change: Callable[[Any], None]) -> Any:
    """The server acts and answers; on the way back `change` rewrites the JSON in place."""

    async def fault(request: web.Request, proxy: Proxy) -> web.StreamResponse:
        response = await proxy.forward(request)
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        value = parsed(response.body)
        if value is not None:
            change(value)
        return web.json_response(value, status=response.status)

    return fault


def request(change: Callable[[Any], None]) -> Any:
    """On the way to the server `change` rewrites the JSON in place."""

    async def fault(asked: web.Request, proxy: Proxy) -> web.StreamResponse:
        value = parsed(await asked.read())
        change(value)
        return await proxy.forward(asked, json.dumps(value).encode())

    return fault


class Held:
    """Stops what fits its rule, before the server hears it or (`answered`) when its answer is on the way back."""

    def __init__(self, *, answered: bool = False) -> None:
        self._answered = answered
        self._open = asyncio.Event()
        #: Set as soon as something is held.
        self.arrived = asyncio.Event()

    async def __call__(self, asked: web.Request, proxy: Proxy) -> web.StreamResponse:
        response = await proxy.forward(asked) if self._answered else None
        self.arrived.set()
        await self._open.wait()
        if response is not None:
            return response
        return await proxy.forward(asked)

    def release(self) -> None:
        """Let go what is held, and whatever comes later."""
        self._open.set()


class Outage:
    """No network: every connection breaks until `over()`."""

    def __init__(self, proxy: Proxy) -> None:
        self._rule = proxy.fail(".*", drop_request, ALWAYS)
        proxy.rules.insert(0, proxy.rules.pop())

    def over(self) -> None:
        """The network is back."""
        self._rule.times = 0
