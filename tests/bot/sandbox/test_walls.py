"""What a decoder that was taken over could reach: nothing. Every wall is tried from inside of a real worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bot.sandbox import syscalls
from bot.sandbox.walls import lacking
from bot.workers import Workers
from rendering.errors import CannotShow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[Workers]:
    made = Workers(1)
    await made.warm_up()
    yield made
    made.close()


FORBIDDEN: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "speak over the network": (socket.create_connection, (("127.0.0.1", 9),)),
    "speak to a local service": (socket.socket, (socket.AF_UNIX,)),
    "write a file": (os.open, ("/tmp/carrierbag-written", os.O_WRONLY | os.O_CREAT)),  # noqa: S108
    "empty a file": (os.open, (__file__, os.O_RDWR | os.O_TRUNC)),
    "remove a file": (os.unlink, ("/tmp/carrierbag-written",)),  # noqa: S108
    "make a directory": (os.mkdir, ("/tmp/carrierbag-written",)),  # noqa: S108
    "make a link": (os.symlink, ("/", "/tmp/carrierbag-written")),  # noqa: S108
    "change who may read a file": (os.chmod, (__file__, 0o777)),
    "start a process": (os.fork, ()),
    "start a program": (os.execv, ("/bin/true", ["true"])),
    "end another process": (os.kill, (os.getpid(), signal.SIGTERM)),
    "lift its own limits": (os.setpriority, (os.PRIO_PROCESS, 0, 0)),
    "become another user": (os.setuid, (1,)),
}


@pytest.mark.parametrize("sealed", [False, True], ids=["warm", "sealed"])
@pytest.mark.parametrize("what", FORBIDDEN)
async def test_no_worker_can(pool: Workers, what: str, *, sealed: bool) -> None:
    job, arguments = FORBIDDEN[what]
    with pytest.raises(PermissionError):
        await pool.submit(job, *arguments, sealed=sealed)


async def test_a_sealed_job_opens_only_the_files_that_its_arguments_name(pool: Workers, tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.write_text("one")
    other.write_text("two")
    assert await pool.submit(Path.read_text, own, sealed=True) == "one"
    with pytest.raises(PermissionError):
        await pool.submit(os.open, str(other), os.O_RDONLY, sealed=True)
    with pytest.raises(PermissionError):
        await pool.submit(os.listdir, str(tmp_path), sealed=True)
    with pytest.raises(PermissionError):
        await pool.submit(os.open, "/proc/1/environ", os.O_RDONLY, sealed=True)


async def test_a_worker_has_nothing_of_the_bots_environment(pool: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARRIERBAG_SECRET", "hush")
    fresh = Workers(1)
    try:
        assert await fresh.submit(os.getenv, "CARRIERBAG_SECRET") is None
    finally:
        fresh.close()


async def test_a_worker_holds_no_descriptor_of_the_bot(pool: Workers, tmp_path: Path) -> None:
    with (tmp_path / "ledger").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)  # noqa: FBT003 the worst that the bot could do
        fresh = Workers(1)
        try:
            held = await fresh.submit(os.listdir, "/proc/self/fd")
            targets = [await _target(fresh, one) for one in held]
        finally:
            fresh.close()
    # Nothing three times, the way to the bot; the directory that was listed is closed again.
    assert sorted(one.split(":")[0] for one in targets if one) == ["/dev/null", "/dev/null", "/dev/null", "socket"]


async def _target(pool: Workers, descriptor: str) -> str:
    with contextlib.suppress(OSError):
        return await pool.submit(os.readlink, f"/proc/self/fd/{descriptor}")
    return ""


async def test_a_job_that_grows_is_refused_the_memory(pool: Workers) -> None:
    with pytest.raises(MemoryError):
        await pool.submit(bytes, 3 * 1024**3)
    assert await pool.submit(pow, 3, 2) == 9


async def test_a_worker_that_does_not_keep_to_the_protocol_is_as_good_as_dead(pool: Workers) -> None:
    ways = [int(one) for one in await pool.submit(os.listdir, "/proc/self/fd")]
    for descriptor in ways[3:]:
        with contextlib.suppress(OSError), pytest.raises(CannotShow, match="decoding it fails"):
            await pool.submit(os.write, descriptor, b"\0" * 7 + b"\x09nonsense!", sealed=True)
    assert await pool.submit(pow, 3, 2) == 9


async def test_a_warm_worker_that_somebody_killed_costs_no_job(pool: Workers) -> None:
    os.kill(await pool.submit(os.getpid), signal.SIGKILL)
    assert await pool.submit(pow, 3, 2) == 9


async def test_the_process_that_makes_workers_is_made_again() -> None:
    pool = Workers(1)
    try:
        await pool.warm_up()
        assert pool._nursery._process is not None
        pool._nursery._process.kill()
        pool._nursery._process.wait()
        assert await pool.submit(pow, 3, 2) == 9
        assert await pool.submit(pow, 3, 2, sealed=True) == 9
    finally:
        pool.close()


_BOT = """
import asyncio, os
from bot.workers import Workers
async def main():
    pool = Workers(1)
    await pool.warm_up()
    print(pool._nursery._process.pid, await pool.submit(os.getpid), flush=True)
    await pool.submit(__import__("time").sleep, 60)
asyncio.run(main())
"""


async def test_workers_end_with_a_bot_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _BOT], stdout=subprocess.PIPE) as bot:  # noqa: ASYNC220
        assert bot.stdout is not None
        pids = [int(one) for one in (await asyncio.to_thread(bot.stdout.readline)).split()]
        bot.kill()
    assert len(pids) == 2
    for _ in range(100):
        if not any(_alive(pid) for pid in pids):
            return
        await asyncio.sleep(0.05)
    pytest.fail("a worker has outlived its bot")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_machine_of_unknown_make_has_no_filter_and_no_error() -> None:
    assert syscalls._code("sparc") == b""
    assert {len(syscalls._code(one)) % 8 for one in ("x86_64", "aarch64")} == {0}


def test_this_machine_has_both_kinds_of_walls() -> None:
    assert list(lacking()) == []
