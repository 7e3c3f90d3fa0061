"""A homeserver that only listens: it answers what a bot needs to go on, and keeps every byte that reached it."""

from __future__ import annotations

import base64
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from aiohttp import web

from bot.matrix.devicekeys import SIGNED, _offers, device_keys
from bot.matrix.guard import GuardedClient
from bot.matrix.identity import Identity
from bot.matrix.olm import MEGOLM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BOT, ANNA = "@carrierbag:localhost", "@anna:localhost"
ROOM, OPEN_ROOM = "!ward:localhost", "!corridor:localhost"
EVENT = "$" + "e" * 43


def member(user: str) -> dict[str, Any]:
    return {"type": "m.room.member", "state_key": user, "sender": user, "content": {"membership": "join"}}


def state(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "state_key": "", "sender": ANNA, "content": content}


@dataclass
class Listening:
    """`async with Listening.start(directory) as server`; in one of its rooms Anna waits with a genuine device."""

    anna: GuardedClient
    identity: Identity
    url: str = ""
    heard: list[bytes] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def start(cls, directory: Path) -> AsyncIterator[Self]:
        anna = GuardedClient("http://nowhere", ANNA, "ANNASPHONE", directory, bytes(32))
        anna.load_store()
        server = cls(anna, Identity.of(ANNA, {usage: bytes([number] * 32) for number, usage in enumerate(USAGES)}))
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{rest:.*}", server.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield server
        finally:
            await runner.cleanup()
            await anna.close()

    async def handle(self, request: web.Request) -> web.Response:
        headers = b"\n".join(name + b": " + value for name, value in request.raw_headers)
        self.heard.append(request.raw_path.encode() + b"\n" + headers + b"\n\n" + await request.read())
        self.requests.append(f"{request.method} {request.path}")
        return web.json_response(self.answer(request.path))

    def answer(self, path: str) -> Any:
        answers = {
            r"/rooms/[^/]+/state$": lambda: self.room_state(path),
            "/keys/query": self.keys,
            "/keys/claim": self.claimed,
            "/media/v1/create": lambda: {"content_uri": "mxc://localhost/media"},
            "/media/v3/upload": lambda: {"content_uri": "mxc://localhost/media"},
            "/sync": lambda: {"next_batch": "s1"},
            "/createRoom": lambda: {"room_id": ROOM},
        }
        found = next((make for pattern, make in answers.items() if re.search(pattern, path)), dict)
        return found() or {"event_id": EVENT}

    def room_state(self, path: str) -> list[dict[str, Any]]:
        events = [member(BOT), member(ANNA), state("m.room.join_rules", {"join_rule": "invite"})]
        if OPEN_ROOM not in unquote(path):
            events.append(state("m.room.encryption", {"algorithm": MEGOLM}))
        return events

    def keys(self) -> dict[str, Any]:
        cross = self.identity.public_keys(self.anna)
        return {
            "device_keys": {ANNA: {self.anna.device_id: self.identity.vouch(device_keys(self.anna))}},
            "master_keys": {ANNA: cross["master_key"]},
            "self_signing_keys": {ANNA: cross["self_signing_key"]},
        }

    def claimed(self) -> dict[str, Any]:
        self.anna.olm.account.generate_one_time_keys(1)
        (offer,) = list(_offers(self.anna, self.anna.olm.account.one_time_keys["curve25519"]).items())[:1]
        self.anna.olm.mark_keys_as_published()
        assert offer[0].startswith(SIGNED)
        return {"one_time_keys": {ANNA: {self.anna.device_id: dict([offer])}}}

    def leaked(self, words: tuple[str, ...]) -> list[str]:
        """Which of these words can be read in what was heard: as they are, escaped, or in base64."""
        whole = b"\n".join(self.heard)
        text = "\n".join([whole.decode("latin-1"), unquote(whole.decode("latin-1"))]).casefold()
        return [word for word in words if any(form in text for form in forms(word))]


USAGES = ("master", "self_signing", "user_signing")


def forms(word: str) -> set[str]:
    """A word as it may be written: escaped in a path or in JSON, and in base64 at each of its three places."""
    plain = word.casefold()
    encoded = {base64.b64encode(b"x" * shift + word.encode()).decode()[4:-4].casefold() for shift in range(3)}
    return {plain, plain.replace(" ", "+"), *(one for one in encoded if len(one) >= 8)}
