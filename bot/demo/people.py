"""People in the room: clinicians with a real client, for the demo and the tests.

Each person is a process of `tests/interop/client.mjs`: matrix-js-sdk on the same crypto as Element, with "exclude
insecure devices" on (MSC4153) unless told otherwise. So what a `Person` sees, shields and refusals included, is what a
clinician's app would show.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from bot.demo.seen import Saved, SeenEvent
from config.errors import Mistake, TryLater

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

CLIENT = Path(__file__).resolve().parents[2] / "tests" / "interop"
ANSWERS_WITHIN = 120.0  # seconds, for one call: a large download is the longest
LINE_BYTES = 16 * 1024 * 1024


class Person:
    """Somebody signed in with a client of their own. Use `async with Person.start(...) as anna`."""

    def __init__(self, user_id: str, device_id: str, process: asyncio.subprocess.Process) -> None:
        self.user_id = user_id
        self.device_id = device_id
        self.events: list[SeenEvent] = []
        """Everything seen so far, oldest first; an event decrypted late takes its old place."""
        self._process = process
        self._places: dict[str, int] = {}
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._news = asyncio.Condition()
        self._ready = asyncio.get_running_loop().create_future()

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        homeserver_url: str,
        name: str,
        password: str,
        *,
        strict: bool = True,
        cross_signed: bool = True,
        auto_join: bool = False,
        secrets: Mapping[str, Any] | None = None,
        recovery_key: str | None = None,
        client_dir: Path = CLIENT,
    ) -> AsyncIterator[Self]:
        """Sign in on a new device and keep syncing until the block ends.

        `strict` is "exclude insecure devices"; `cross_signed=False` leaves the device unsigned, as a careless person's;
        `auto_join` accepts every invitation; `secrets` are those of the same person's first signed device, as a phone
        gets them from a workstation; with a `recovery_key` they come out of the account's backup. `name` is a local
        part or a whole Matrix ID. Raises `Mistake` when the client is not installed or the password is wrong.
        """
        command = client_command(client_dir)
        login = await log_in(homeserver_url, name, password)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LINE_BYTES)
        person = cls(login["user_id"], login["device_id"], process)
        listening = asyncio.create_task(person._listen())
        try:
            signing = {"cross_signed": cross_signed, "secrets": secrets, "recovery_key": recovery_key}
            options = {**signing, "strict": strict, "auto_join": auto_join}
            person._write({"server": homeserver_url, "password": password, **login, **options})
            await asyncio.wait_for(person._ready, ANSWERS_WITHIN)
            yield person
        finally:
            await person._end(listening)

    async def create_room(
        self,
        name: str,
        invite: Sequence[str] = (),
        *,
        encrypted: bool = True,
        rotation: Mapping[str, int] | None = None,
        history: str = "joined",
        preset: str = "private_chat",
    ) -> str:
        """Make an invite-only room and return its id. `history` and `preset`: Matrix spec, Room History Visibility.

        `rotation` is how long a room key serves: `rotation_period_ms`, `rotation_period_msgs` (m.room.encryption).
        """
        given = {"encrypted": encrypted, "rotation": rotation, "history": history, "preset": preset}
        return str(await self.call("create_room", name=name, invite=list(invite), **given))

    async def join(self, room: str) -> None:
        """Accept an invitation."""
        await self.call("join", room=room)

    async def leave(self, room: str) -> None:
        """Leave the room."""
        await self.call("leave", room=room)

    async def invite(self, room: str, user: str) -> None:
        """Invite somebody by Matrix ID."""
        await self.call("invite", room=room, user=user)

    async def kick(self, room: str, user: str) -> None:
        """Put somebody out of the room."""
        await self.call("kick", room=room, user=user)

    async def send(self, room: str, text: str, *, reply: str | None = None, msgtype: str = "m.text") -> str:
        """Type a line, perhaps as a reply to an event; returns the event id."""
        return str(await self.call("send", room=room, text=text, msgtype=msgtype, reply=reply))

    async def notice(self, room: str, text: str) -> str:
        """Say something as a bot would (`m.notice`)."""
        return await self.send(room, text, msgtype="m.notice")

    async def edit(self, room: str, event_id: str, text: str) -> str:
        """Replace the text of an earlier message of one's own."""
        return str(await self.call("edit", room=room, event_id=event_id, text=text))

    async def react(self, room: str, event_id: str, key: str) -> str:
        """Put a reaction under an event."""
        return str(await self.call("react", room=room, event_id=event_id, key=key))

    async def redact(self, room: str, event_id: str) -> str:
        """Take a message back."""
        return str(await self.call("redact", room=room, event_id=event_id))

    async def send_raw(self, room: str, event_type: str, content: Mapping[str, Any]) -> str:
        """Send any content as an (encrypted) event."""
        return str(await self.call("send_raw", room=room, type=event_type, content=content))

    async def send_state(self, room: str, event_type: str, content: Mapping[str, Any], state_key: str = "") -> str:
        """Set room state, for example make a room public."""
        return str(await self.call("send_state", room=room, type=event_type, content=content, state_key=state_key))

    async def send_file(
        self, room: str, path: Path, *, msgtype: str = "m.file", mimetype: str = "application/octet-stream"
    ) -> str:
        """Encrypt, upload and post a file under its own name."""
        given = {"path": str(path), "name": path.name, "msgtype": msgtype, "mimetype": mimetype}
        return str(await self.call("send_file", room=room, **given))

    async def download(self, event: SeenEvent, out: Path, *, thumbnail: bool = False) -> Saved:
        """Fetch, verify and decrypt the attachment of `event` (or its thumbnail) to the file `out`."""
        given = {"event_id": event.event_id, "out": str(out), "thumbnail": thumbnail}
        return Saved(out, **await self.call("download", room=event.room, **given))

    async def timeline(self, room: str, limit: int = 100) -> list[SeenEvent]:
        """The newest `limit` events of a room as the client shows them now, oldest first; scrolls back if needed."""
        return [SeenEvent.parse(raw) for raw in await self.call("timeline", room=room, limit=limit)]

    async def devices(self, user: str) -> dict[str, bool]:
        """Somebody's devices, each with whether its owner has cross-signed it. Asks the server anew."""
        return dict(await self.call("devices", user=user))

    async def identity(self, user: str) -> dict[str, bool]:
        """What the client shows of somebody's identity: `verified`, `was_verified`, `changed`. Asks the server anew."""
        return dict(await self.call("identity", user=user))

    async def vouch_for(self, user: str) -> None:
        """Sign somebody's identity, as the client does once emoji were compared."""
        await self.call("vouch_for", user=user)

    async def verify(self, user: str, *, room: str | None = None, device: str | None = None) -> str:
        """Ask somebody to compare emoji: in a room, or one of their devices directly. Returns the transaction id."""
        return str(await self.call("verify", user=user, room=room, device=device))

    async def verify_step(self, user: str, step: str) -> None:
        """Go on with it: "accept", "start", "confirm", "mismatch" or "cancel"."""
        await self.call("verify_step", user=user, step=step)

    async def verification(self, user: str) -> dict[str, Any]:
        """How far the newest one with somebody is: `phase`, `emoji` (symbol and name each), `code`; {} for none."""
        return dict(await self.call("verification", user=user) or {})

    async def back_up(self, passphrase: str | None = None) -> str:
        """Put one's own identity into the account's secret storage; returns the recovery key."""
        return str(await self.call("back_up", passphrase=passphrase))

    async def backed_up(self, recovery_key: str) -> dict[str, str]:
        """The identity's seeds (base64) that this key opens in the account's secret storage, by usage."""
        return dict(await self.call("backed_up", recovery_key=recovery_key))

    async def secrets(self) -> dict[str, Any]:
        """The private cross-signing keys, for `start(secrets=...)` of the same person's next device."""
        return dict(await self.call("secrets"))

    async def only_verified(self, *, on: bool = True) -> None:
        """Send keys to devices only that this person has verified themselves ("Never send … to unverified sessions").

        Of no effect in a `strict` client, which goes by who has signed the devices.
        """
        await self.call("only_verified", on=on)

    async def new_identity(self) -> None:
        """Lose everything and begin a new cross-signing identity, as after "reset"."""
        await self.call("new_identity")

    async def sign_out(self) -> None:
        """Sign this device out: its keys go from the server, and it can do nothing any more."""
        await self.call("sign_out")

    async def wait(self, wanted: Callable[[SeenEvent], bool], timeout: float = 30.0, since: int = 0) -> SeenEvent:  # noqa: ASYNC109
        """The first event that is `wanted`, already seen or still to come.

        `since` skips that many events (take `len(person.events)` before you ask for something). Raises `TimeoutError`.
        """

        def found() -> SeenEvent | None:
            return next(filter(wanted, self.events[since:]), None)

        async with asyncio.timeout(timeout), self._news:
            event = await self._news.wait_for(found)
        assert event is not None  # noqa: S101 - what wait_for waits for
        return event

    async def call(self, call: str, **given: object) -> Any:
        """Ask the client for one of its calls. Raises `TryLater` with the client's own words when it fails."""
        number = next(self._numbers)
        self._calls[number] = asyncio.get_running_loop().create_future()
        try:
            self._write({"id": number, "call": call, **given})
            return await asyncio.wait_for(self._calls[number], ANSWERS_WITHIN)
        finally:
            del self._calls[number]

    def _write(self, value: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - a pipe, see start
        self._process.stdin.write(json.dumps(value).encode() + b"\n")

    async def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe, see start
        async for line in self._process.stdout:
            message = json.loads(line)
            if "event" in message:
                await self._see(SeenEvent.parse(message["event"]))
            elif "ready" in message:
                self._ready.set_result(message["ready"])
            else:
                self._answered(message)
        self._lost()

    async def _see(self, event: SeenEvent) -> None:
        async with self._news:
            place = self._places.setdefault(event.event_id, len(self.events))
            self.events[place : place + 1] = [event]
            self._news.notify_all()

    def _answered(self, message: Mapping[str, Any]) -> None:
        waiting = self._calls.get(message["id"])
        if waiting is None or waiting.done():
            return
        if "error" in message:
            waiting.set_exception(TryLater(f"{self.user_id}'s client: {message['error']}", "H06"))
        else:
            waiting.set_result(message["ok"])

    def _lost(self) -> None:
        for waiting in (self._ready, *self._calls.values()):
            if not waiting.done():
                waiting.set_exception(TryLater(f"{self.user_id}'s client has ended.", "H07"))

    async def _end(self, listening: asyncio.Task[None]) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()  # nothing to save: the client keeps all in memory
        await self._process.wait()
        await listening


def client_command(directory: Path = CLIENT) -> tuple[str, str]:
    """The interpreter and the client. Raises `Mistake` when they are not installed."""
    node, script = directory / "node_modules" / ".bin" / "node", directory / "client.mjs"
    if not node.exists() or not script.exists():
        raise Mistake("The demo's chat client is not installed. Run make setup in a checkout of carrierbag.", "H04")
    return str(node), str(script)


async def log_in(homeserver_url: str, name: str, password: str) -> dict[str, str]:
    """Sign in with a password on a new device: `user_id`, `device_id` and `access_token`."""
    identifier = {"type": "m.id.user", "user": name}
    body = {"type": "m.login.password", "identifier": identifier, "password": password}
    body["initial_device_display_name"] = "carrierbag demo client"
    url = f"{homeserver_url}/_matrix/client/v3/login"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as response:
        answer = await response.json()
    if "access_token" not in answer:
        raise Mistake(f"The homeserver refused the login of {name}: {answer.get('error')}", "H05")
    return {key: answer[key] for key in ("user_id", "device_id", "access_token")}
