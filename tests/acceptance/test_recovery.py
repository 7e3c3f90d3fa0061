"""`carrierbag keys` as an operator meets it: the machine is lost, the bot comes back, and no clinician is warned."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.demo.process import BotProcess
from bot.demo.stage import write_settings
from bot.matrix.recovery import kept_identity
from bot.matrix.signatures import unpadded
from config.state import StateDirectory
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from bot.demo.seen import SeenEvent
    from bot.matrix.identity import Identity

    from .conftest import Ward


@dataclass
class Said:
    """What a command printed."""

    code: int
    out: str
    err: str


async def carrierbag(*arguments: object, typed: str = "") -> Said:
    """The real command line, in a process of its own."""
    process = await start(*arguments)
    out, err = await process.communicate(typed.encode())
    return Said(process.returncode or 0, out.decode(), err.decode())


async def start(*arguments: object) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "bot.cli", *map(str, arguments))
    return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)


@dataclass
class Move:
    """A ward, and the settings of a new machine for the same account."""

    ward: Ward
    new: Path
    recovery_key: Path

    async def backup(self, *more: str) -> str:
        """Back up, and put the key into the operator's file; what the command said."""
        said = await carrierbag("keys", "backup", "--config", self.ward.config, *more)
        assert said.code == 0, said.err
        self.recovery_key.write_text(said.out)
        self.recovery_key.chmod(0o600)
        return said.out.strip()

    async def restore(self, *more: object, config: Path | None = None) -> Said:
        given = ("--config", config or self.new, "--recovery-key-file", self.recovery_key)
        return await carrierbag("keys", "restore", *given, *more)

    @property
    def new_state(self) -> StateDirectory:
        return StateDirectory(self.new.parent / "state")

    @property
    def old_state(self) -> StateDirectory:
        return StateDirectory(self.ward.config.parent / "state")


def settings(ward: Ward, directory: Path, homeserver: str) -> Path:
    password = (ward.config.parent / "password").read_text("utf-8")
    return write_settings(directory, homeserver, ward.bot, ward.studies, password=password)


@pytest.fixture
def move(ward: Ward, homeserver: Homeserver, tmp_path: Path) -> Move:
    return Move(ward, settings(ward, tmp_path / "new machine", homeserver.url), tmp_path / "recovery key")


async def no_unsigned_device(person: Person, user: str, done: asyncio.Event) -> int:
    """Look at somebody's devices again and again; how often. Fails when one is not vouched for."""
    looked = 0
    while not done.is_set():
        await asyncio.sleep(0.1)
        assert False not in (await person.devices(user)).values()
        looked += 1
    return looked


async def first_answer(ward: Ward) -> SeenEvent:
    """Ask until it answers: what was said before a new machine's first sync is no command to it."""
    for _ in range(12):
        with suppress(TimeoutError):
            return await asyncio.wait_for(ward.ask("!help"), 5)
    raise AssertionError("the bot does not answer")


async def test_the_machine_is_lost_and_nobody_who_had_verified_the_bot_is_warned(move: Move) -> None:
    ward = move.ward
    async with BotProcess.running(ward.config):
        await ward.gather()
        await ward.clinician.vouch_for(ward.bot)
        assert await ward.clinician.identity(ward.bot) == {"verified": True, "was_verified": True, "changed": False}
        await move.backup()
        (old_device,) = await ward.clinician.devices(ward.bot)
    shutil.rmtree(move.old_state.root)

    started_all_the_same = await carrierbag("run", "--config", ward.config)
    assert started_all_the_same.code == 1
    assert "carrierbag keys restore" in started_all_the_same.err
    assert await ward.clinician.devices(ward.bot) == {old_device: True}

    done = asyncio.Event()
    watching = asyncio.create_task(no_unsigned_device(ward.clinician, ward.bot, done))
    said = await move.restore()
    assert said.code == 0, said.err
    async with BotProcess.running(move.new):
        reply = await first_answer(ward)
        assert reply.trusted
        seen = await ward.registrar.wait(lambda event: event.event_id == reply.event_id)
        assert seen.trusted
        new_device = str(reply.sender_device)
        assert new_device in said.out
        assert new_device != old_device
        assert await ward.clinician.identity(ward.bot) == {"verified": True, "was_verified": True, "changed": False}
        done.set()
        assert await watching > 0

        assert old_device in said.out
        signed_out = await carrierbag("keys", "devices", "--sign-out-others", "--config", move.new)
        assert "signed in nowhere else" in signed_out.out
        assert await ward.clinician.devices(ward.bot) == {new_device: True}
        assert (await ward.ask("!help")).trusted


async def test_backup_and_show_leave_the_running_bot_alone(move: Move) -> None:
    ward, state = move.ward, move.old_state
    async with BotProcess.running(ward.config) as running:
        await ward.gather()
        kept = [path for name in ("matrix/login", "matrix/identity", "keys") for path in tree(state.root / name)]
        before = [(path, path.read_bytes(), path.stat().st_mtime_ns) for path in kept]
        await move.backup()
        shown = await carrierbag("keys", "show", "--config", ward.config)
        assert before == [(path, path.read_bytes(), path.stat().st_mtime_ns) for path in kept]
        reply = await ward.ask("!help")
        assert reply.trusted
        assert running.alive
        login, identity = kept_identity(state)
        assert f"Device                {reply.sender_device}\n" in shown.out
        assert grouped(login.fingerprint) in shown.out
        assert grouped(unpadded(identity.master.public_key().public_bytes_raw())) in shown.out


def tree(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())


def grouped(key: str) -> str:
    return " ".join(key[place : place + 4] for place in range(0, len(key), 4))


@pytest.fixture
async def backed_up(move: Move) -> Move:
    """A bot that ran once and has a backup."""
    async with BotProcess.running(move.ward.config):
        await move.ward.gather()
        await move.backup()
    return move


async def test_show_needs_no_network_and_no_running_bot(backed_up: Move) -> None:
    config = backed_up.ward.config
    text = config.read_text("utf-8")
    address = text.partition('homeserver = "')[2].partition('"')[0]
    config.write_text(text.replace(address, "http://127.0.0.1:9"), "utf-8")
    shown = await carrierbag("keys", "show", "--config", config)
    assert shown.code == 0
    assert backed_up.ward.bot in shown.out


@pytest.mark.parametrize("command", ["show", "backup", "devices"])
async def test_before_the_first_start_there_is_nothing_to_keep_and_nothing_is_made(move: Move, command: str) -> None:
    said = await carrierbag("keys", command, "--config", move.new)
    assert said.code == 1
    assert "no identity in this state directory yet" in said.err
    assert not move.new_state.root.exists()


async def test_a_second_backup_asks_before_it_replaces_the_first(backed_up: Move) -> None:
    first = backed_up.recovery_key.read_text("utf-8")
    refused = await carrierbag("keys", "backup", "--config", backed_up.ward.config, typed="n\n")
    assert refused.code == 1
    assert refused.out == ""
    assert "the old one opens nothing" in refused.err
    agreed = await carrierbag("keys", "backup", "--config", backed_up.ward.config, typed="y\n")
    assert (agreed.code, len(agreed.out.split())) == (0, 12)
    too_old = await backed_up.restore()
    assert (too_old.code, "newer one has replaced it" in too_old.err) == (1, True)
    assert await backed_up.backup("--yes") != first
    assert (await backed_up.restore()).code == 0


async def test_slips_of_the_hand_are_told_at_once_and_nothing_is_changed(backed_up: Move) -> None:
    right = backed_up.recovery_key.read_text("utf-8")
    backed_up.recovery_key.write_text(right[:-3], "utf-8")
    said = await backed_up.restore()
    assert (said.code, "twelve groups of four" in said.err) == (1, True)
    backed_up.recovery_key.write_text(right, "utf-8")
    backed_up.recovery_key.chmod(0o644)
    assert "can be read by others" in (await backed_up.restore()).err
    backed_up.recovery_key.chmod(0o600)
    assert "already; nothing was changed" in (await backed_up.restore(config=backed_up.ward.config)).err
    assert "Traceback" not in said.err
    assert (await backed_up.restore()).code == 0
    assert "already; nothing was changed" in (await backed_up.restore()).err


async def test_a_typed_recovery_key_is_never_shown_on_the_screen(backed_up: Move) -> None:
    key = backed_up.recovery_key.read_text("utf-8").strip()
    master, terminal = os.openpty()
    command = ("setsid", "--ctty", "--wait", sys.executable, "-m", "bot.cli", "keys", "restore", "--config")
    process = await asyncio.create_subprocess_exec(
        *command, backed_up.new, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    screen = await asyncio.to_thread(_answer, master, key)
    assert await process.wait() == 0, screen
    assert "Recovery key" in screen
    assert key not in screen
    assert backed_up.ward.bot in screen


def _answer(master: int, key: str) -> str:
    """Read the screen, type the key when it is asked for."""
    screen = ""
    with os.fdopen(master, "r+b", buffering=0) as terminal:
        while True:
            try:
                read = os.read(terminal.fileno(), 4096)
            except OSError:  # the other end is closed
                return screen
            before, screen = screen, screen + read.decode("utf-8", "replace")
            # The space comes last, and only when the terminal no longer echoes: what is typed before it is thrown away.
            if "): " in screen and "): " not in before:
                os.write(terminal.fileno(), key.encode() + b"\n")


async def test_nothing_secret_is_printed_logged_or_left_lying_about(backed_up: Move) -> None:
    config = backed_up.ward.config
    settled = config.read_text("utf-8").replace('level = "warning"', 'level = "debug"')
    config.write_text(settled, "utf-8")
    again = await carrierbag("keys", "backup", "--yes", "--config", config)
    backed_up.recovery_key.write_text(again.out, "utf-8")
    restored = await backed_up.restore("--sign-out-others")
    assert restored.code == 0, restored.err
    shown = await carrierbag("keys", "show", "--config", backed_up.new)
    login, identity = kept_identity(backed_up.new_state)
    hidden = [*secrets_of(identity), (config.parent / "password").read_text("utf-8"), login.access_token]
    key = again.out.strip()
    said = "".join(one.out + one.err for one in (restored, shown)) + again.err
    assert not [one for one in (*hidden, key, key.replace(" ", "")) if one in said]
    assert again.out == key + "\n"
    for path in (*tree(backed_up.new_state.root), *tree(backed_up.old_state.root)):
        content = path.read_bytes()
        assert not [one for one in (*hidden, key, key.replace(" ", "")) if one.encode() in content], path.name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def secrets_of(identity: Identity) -> list[str]:
    return [one for seed in identity.seeds().values() for one in (seed.hex(), unpadded(seed))]


class Reaper:
    """Kills a process when its `moment`-th request comes: unheard by the server, or heard but not answered."""

    def __init__(self, moment: int, *, heard: bool) -> None:
        self.moment = moment
        self.heard = heard
        self.process: asyncio.subprocess.Process | None = None

    async def __call__(self, request: web.Request, proxy: Proxy) -> web.StreamResponse:
        if self.heard:
            await proxy.forward(request)
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        return web.Response()


@pytest.mark.timeout(600)
async def test_restore_killed_at_every_request_ends_well_the_next_time(
    backed_up: Move, homeserver: Homeserver, tmp_path: Path
) -> None:
    async with Proxy.start(homeserver.url) as proxy:
        config = settings(backed_up.ward, tmp_path / "killed machine", proxy.url)
        state = StateDirectory(config.parent / "state")
        killed = 0
        for heard in (False, True):
            for moment in range(40):
                if await _finished(backed_up, config, proxy, moment, heard=heard):
                    shutil.rmtree(state.root)
                    break
                killed += 1
                assert not (state.root / "matrix").exists()
        assert killed >= 16
        proxy.rules.clear()
        assert (await backed_up.restore("--sign-out-others", config=config)).code == 0
        login, identity = kept_identity(state)
        assert identity.seeds() == kept_identity(backed_up.old_state)[1].seeds()
        assert await backed_up.ward.clinician.devices(backed_up.ward.bot) == {login.device_id: True}
        async with BotProcess.running(config):
            assert (await first_answer(backed_up.ward)).trusted


async def _finished(move: Move, config: Path, proxy: Proxy, moment: int, *, heard: bool) -> bool:
    """Restore, killed at this request; True when it came to its end without making that many."""
    reaper = Reaper(moment, heard=heard)
    proxy.rules.clear()
    proxy.fail("", _passed, times=moment)
    rule = proxy.fail("", reaper)
    reaper.process = await start("keys", "restore", "--config", config, "--recovery-key-file", move.recovery_key)
    _, err = await reaper.process.communicate()
    assert b"Traceback" not in err, err.decode()
    assert rule.met or reaper.process.returncode == 0, err.decode()
    return not rule.met


async def _passed(request: Any, proxy: Proxy) -> Any:
    return await proxy.forward(request)
