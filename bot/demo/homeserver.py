"""A throw-away Matrix homeserver on loopback, for the demo and the tests.

A real Synapse in a process of its own: SQLite, one directory, one random port, no rate limits, no traffic to the
outside (no trusted key server; no federation unless a test adds its listener). It ends with us, even when we are
killed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from bot.demo.synapse import configuration, logging, unlimited
from config.errors import Mistake, TryLater

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

STARTS_WITHIN = 60.0  # seconds; 2 to 5 on an idle machine
STOPS_WITHIN = 10.0
CHECKOUT = Path(__file__).resolve().parents[2]

# PR_SET_PDEATHSIG: the kernel sends SIGTERM when our process dies, however it dies.
_LAUNCHER = "import ctypes; ctypes.CDLL(None).prctl(1, 15); from synapse.app.homeserver import main; main()"


class Homeserver:
    """One running Synapse. Use `async with Homeserver.start(directory) as homeserver`."""

    def __init__(self, directory: Path, server_name: str, port: int) -> None:
        self.directory = directory.absolute()
        self.server_name = server_name
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._secret = secrets.token_hex(32)
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        directory: Path,
        *,
        server_name: str = "localhost",
        max_upload_size: str = "2G",
        rate_limited: bool = False,
        listeners: Sequence[Mapping[str, Any]] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[Self]:
        """A homeserver that lives in `directory` (made if missing) until the block ends.

        `max_upload_size` is what it announces as `m.upload.size` ("50M", "2G"); `rate_limited` keeps Synapse's own
        limits; `listeners` stand beside the one for clients; `extra` overrides single settings of homeserver.yaml.
        Raises `Mistake` when Synapse is not installed, `TryLater` when it does not come up.
        """
        homeserver = cls(directory, server_name, free_port())
        settings = {"max_upload_size": max_upload_size, **({} if rate_limited else unlimited()), **(extra or {})}
        homeserver._configure(settings, listeners)
        try:
            await homeserver.launch()
            yield homeserver
        finally:
            await homeserver.stop()

    @property
    def pid(self) -> int | None:
        """The process, None while it is stopped."""
        return self._process.pid if self._process else None

    async def register(self, name: str, password: str, *, admin: bool = False) -> str:
        """Make an account and return its Matrix ID. Registration by shared secret: Synapse's admin API."""
        path = f"{self.url}/_synapse/admin/v1/register"
        async with aiohttp.ClientSession() as http:
            async with http.get(path) as response:
                nonce = (await response.json())["nonce"]
            role = "admin" if admin else "notadmin"
            words = f"{nonce}\0{name}\0{password}\0{role}".encode()
            mac = hmac.new(self._secret.encode(), words, hashlib.sha1).hexdigest()
            body = {"nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac}
            async with http.post(path, json=body | {"inhibit_login": True}) as response:
                answer = await response.json()
        if "user_id" not in answer:
            raise Mistake(f"The demo homeserver refused the account {name}: {answer.get('error')}", "H03")
        return str(answer["user_id"])

    async def launch(self) -> None:
        """Start the process and wait until it answers. Same port and data each time."""
        command = (str(interpreter()), "-c", _LAUNCHER, "--config-path", str(self.directory / "homeserver.yaml"))
        with (self.directory / "output.txt").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=self.directory, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            async with asyncio.timeout(STARTS_WITHIN):
                await self._answers()
        except TimeoutError:
            raise self._failed() from None

    async def stop(self) -> None:
        """End the process, and only this one. Does nothing when it has ended already."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOPS_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def restart(self) -> None:
        """Stop and start again: same port, same accounts, same rooms."""
        await self.stop()
        await self.launch()

    async def _answers(self) -> None:
        async with aiohttp.ClientSession() as http:
            while not await _healthy(http, self.url):
                if self._process is None or self._process.returncode is not None:
                    raise self._failed()
                await asyncio.sleep(0.1)

    def _failed(self) -> TryLater:
        return TryLater(f"The demo homeserver did not start. Its log is in {self.directory}.", "H02")

    def _configure(self, settings: Mapping[str, Any], listeners: Sequence[Mapping[str, Any]]) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # JSON is YAML: no further library needed.
        base = configuration(self.directory, self.server_name, self._port, self._secret)
        base["listeners"] += listeners
        _write(self.directory / "homeserver.yaml", json.dumps({**base, **settings}, indent=1))
        _write(self.directory / "log.yaml", json.dumps(logging(self.directory), indent=1))
        key = self.directory / "signing.key"
        if not key.exists():
            seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
            _write(key, f"ed25519 a_demo {seed}\n")


def interpreter() -> Path:
    """The Python that has Synapse. Raises `Mistake` when there is none."""
    chosen = os.environ.get("CARRIERBAG_SYNAPSE_PYTHON")
    path = Path(chosen) if chosen else CHECKOUT / ".venv-synapse" / "bin" / "python"
    if not path.exists():
        raise Mistake(
            "The demo needs a homeserver (Synapse), which is not installed. Run: make setup. "
            "Or name a Python that has it in CARRIERBAG_SYNAPSE_PYTHON.",
            "H01",
        )
    return path


def free_port() -> int:
    """A port of loopback on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _healthy(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/health") as response:
            return response.status == 200  # noqa: PLR2004
    except aiohttp.ClientError:
        return False


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
