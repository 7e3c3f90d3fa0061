"""A reverse proxy that misbehaves on command, between the bot and a real homeserver."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import ClientSession, ClientTimeout, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

HOP_BY_HOP = {"transfer-encoding", "connection", "content-encoding", "content-length"}


@dataclass
class Rule:
    """What happens to the next `times` requests whose "METHOD /path" matches."""

    pattern: str
    fault: Callable[[web.Request, Proxy], Awaitable[web.StreamResponse]]
    times: int = 1
    met: int = 0

    def applies(self, request: web.Request) -> bool:
        return self.met < self.times and bool(re.search(self.pattern, f"{request.method} {request.rel_url}"))


@dataclass
class Proxy:
    """`async with Proxy.start(homeserver.url) as proxy`; then `proxy.fail(pattern, fault, times)`."""

    target: str
    http: ClientSession
    url: str = ""
    rules: list[Rule] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def start(cls, target: str) -> AsyncIterator[Self]:
        timeout = ClientTimeout(total=None)
        async with ClientSession(auto_decompress=True, timeout=timeout) as http:
            proxy = cls(target, http)
            app = web.Application(client_max_size=1 << 31)
            app.router.add_route("*", "/{rest:.*}", proxy.handle)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield proxy
            finally:
                await runner.cleanup()

    def fail(self, pattern: str, fault: Any, times: int = 1) -> Rule:
        self.rules.append(Rule(pattern, fault, times))
        return self.rules[-1]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        rule = next((one for one in self.rules if one.applies(request)), None)
        if rule is None:
            return await self.forward(request)
        rule.met += 1
        return await rule.fault(request, self)

    async def forward(self, request: web.Request, body: bytes | None = None) -> web.Response:
        """Ask the real server, with another body if one is given."""
        body = await request.read() if body is None else body
        headers = {
            name: value for name, value in request.headers.items() if name.lower() not in {"host", "content-length"}
        }
        headers.pop("Transfer-Encoding", None)
        async with self.http.request(
            request.method, self.target + str(request.rel_url), data=body, headers=headers, allow_redirects=False
        ) as response:
            kept = {name: value for name, value in response.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(status=response.status, body=await response.read(), headers=kept)


def status(code: int, errcode: str = "M_UNKNOWN", **more: Any) -> Any:
    """An error of the homeserver's own."""

    async def fault(_request: web.Request, _proxy: Proxy) -> web.StreamResponse:
        return web.json_response({"errcode": errcode, "error": "as the test wishes", **more}, status=code)

    return fault


def limited(seconds: str) -> Any:
    """Too many requests; how long to wait stands in the header, as the specification has it today."""

    async def fault(_request: web.Request, _proxy: Proxy) -> web.StreamResponse:
        return web.json_response({"errcode": "M_LIMIT_EXCEEDED"}, status=429, headers={"Retry-After": seconds})

    return fault


def answered(body: bytes) -> Any:
    """All is well, says somebody who has asked nobody, and then something else."""

    async def fault(_request: web.Request, _proxy: Proxy) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    return fault


def html(code: int = 502) -> Any:
    """A page of some proxy on the way."""

    async def fault(_request: web.Request, _proxy: Proxy) -> web.StreamResponse:
        return web.Response(status=code, text="<html><h1>Bad Gateway</h1></html>", content_type="text/html")

    return fault


async def drop_request(request: web.Request, _proxy: Proxy) -> web.StreamResponse:
    """The connection breaks before the server has heard anything."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def drop_response(request: web.Request, proxy: Proxy) -> web.StreamResponse:
    """The server has acted, but its answer is lost."""
    await proxy.forward(request)
    return await drop_request(request, proxy)


async def cut_response(request: web.Request, proxy: Proxy) -> web.StreamResponse:
    """The answer breaks off in the middle."""
    whole = await proxy.forward(request)
    cut = web.StreamResponse(status=whole.status, headers={"Content-Length": "1000000"})
    await cut.prepare(request)
    await cut.write(b'{"event_id": "$')
    assert request.transport is not None
    request.transport.close()
    return cut


def slow(seconds: float) -> Any:
    """Late, but right."""

    async def fault(request: web.Request, proxy: Proxy) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await proxy.forward(request)

    return fault
