"""The pool that decodes and renders: one small interface (submit a pure job, await its result, cancel it).

Behind it stand local processes; another executor could. A warm worker serves job after job as long as nothing goes
wrong in it. A sealed job, one on files that were uploaded to us or that no guard can look at, gets a process of its own
that may open nothing else and ends with it. Either way one that crashes its process, hangs or grows costs itself alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from bot.sandbox import answers, wire
from bot.sandbox.zygote import FORK, KILL, ORDER
from rendering.errors import CannotShow

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

#: More would render no share sooner, which makes one picture at a time, and each weighs some 40 MB.
MOST_WORKERS = 2
#: Seconds for one job: no good picture needs as many, and nobody waits for longer than ten.
DEADLINE = 9.0
#: Codes of the sentences about a job whose process had to be ended, or ended itself.
HUNG, CRASHED = "P20", "P21"
#: So many jobs in one process: what a decoder leaks does not add up.
_MOST_JOBS = 200
#: Seconds that a process may take to start: the first waits until the renderer is loaded.
_START = 60.0
#: Libraries would start threads, which a fork does not copy.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}


class Workers:
    """Processes for pure jobs: a function importable by name, arguments that pickle, a result of rendering's types."""

    def __init__(self, size: int | None = None, *, deadline: float = DEADLINE) -> None:
        self.size = size or max(1, min(MOST_WORKERS, os.cpu_count() or 1))
        self._deadline = deadline
        self._nursery = _Nursery()
        self._idle: list[_Worker] = []
        #: As many jobs as workers: a job's time is counted from when it has a worker.
        self._free = asyncio.Semaphore(self.size)
        self._closed = False

    async def warm_up(self) -> None:
        """Start every worker now, so that the first picture does not wait for it."""
        self._idle += await asyncio.gather(*(self._nursery.worker() for _ in range(self.size - len(self._idle))))

    async def submit(self, job: Callable[..., Result], *arguments: object, sealed: bool = False) -> Result:
        """The job's result, or the exception it raised. Raises `CannotShow` when it crashed or took too long.

        Sealed: in a process of its own, which can open only the files that `arguments` name. To cancel the job, cancel
        the call: its process is ended.
        """
        order = wire.framed(pickle.dumps((job, arguments, sealed)))
        async with self._free:
            result: Result = await self._verdict(order, sealed=sealed)
        return result

    def close(self) -> None:
        """End the workers; running jobs are given up, their callers cancelled."""
        self._closed = True
        self._idle.clear()
        self._nursery.close()

    async def _verdict(self, order: bytes, *, sealed: bool) -> Any:
        try:
            async with asyncio.timeout(self._deadline):
                # A job before it may have harmed a warm process: the verdict comes from a fresh one.
                for fresh in (True,) if sealed else (False, True):
                    with contextlib.suppress(_Crashed):
                        return await self._once(order, fresh=fresh)
        except TimeoutError:
            raise CannotShow("decoding it takes too long", HUNG) from None
        raise CannotShow("decoding it fails", CRASHED)

    async def _once(self, order: bytes, *, fresh: bool) -> Any:
        worker = self._idle.pop() if self._idle and not fresh else await self._nursery.worker()
        well = False
        try:
            well, result = await worker.do(order)
        except _Crashed:
            if self._closed:
                raise asyncio.CancelledError from None
            raise
        finally:
            self._put_back(worker, usable=well and not fresh)
        if not well:
            raise result
        return result

    def _put_back(self, worker: _Worker, *, usable: bool) -> None:
        if usable and not self._closed and worker.jobs < _MOST_JOBS:
            self._idle.append(worker)
        else:
            worker.end()


class _Crashed(Exception):
    """The process went away, or does not make sense any more."""


class _Worker:
    """One process, from outside."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kill: Callable[[], None]) -> None:
        self.jobs = 0
        self._reader = reader
        self._writer = writer
        self._kill = kill

    async def do(self, order: bytes) -> tuple[bool, Any]:
        """(True, result) or (False, the exception that the job raised). Raises `_Crashed`."""
        self.jobs += 1
        try:
            self._writer.write(order)
            await self._writer.drain()
            return await self.heard()
        except ConnectionError as error:
            raise _Crashed from error

    async def heard(self) -> tuple[bool, Any]:
        """What the process says next. Raises `_Crashed`."""
        try:
            length = wire.size(await self._reader.readexactly(wire.LENGTH.size))
            return answers.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError, answers.Garbled) as error:
            raise _Crashed from error

    def end(self) -> None:
        """For ever, whatever it is doing."""
        self._kill()
        self._writer.close()


class _Nursery:
    """Where processes come from: one that has loaded the renderer forks them (`bot.sandbox.zygote`)."""

    def __init__(self) -> None:
        self._orders: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0

    async def worker(self) -> _Worker:
        """A new process that waits for its first job. Raises `_Crashed` when the machine has none to give."""
        self._count += 1
        number = self._count
        ours, its = socket.socketpair()
        with its:
            self._order(FORK, number, its.fileno())
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        made = _Worker(reader, writer, lambda: self._order(KILL, number))
        try:
            async with asyncio.timeout(_START):
                await made.heard()
        except BaseException as error:
            made.end()
            if isinstance(error, TimeoutError):
                raise _Crashed from error
            raise
        return made

    def close(self) -> None:
        """All of its processes end with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._orders is not None:
            self._orders.close()

    def _order(self, kind: bytes, number: int, *passed: int) -> None:
        packet = ORDER.pack(kind, number)
        if self._orders is not None:
            with contextlib.suppress(OSError):
                socket.send_fds(self._orders, [packet], passed)
                return
        if kind == FORK:  # there is none yet, or somebody killed it
            socket.send_fds(self._started(), [packet], passed)

    def _started(self) -> socket.socket:
        self.close()
        self._orders, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            command = [sys.executable, "-I", "-m", "bot.sandbox.zygote", "rendering.preload"]
            self._process = subprocess.Popen(command, stdin=its.fileno(), stdout=subprocess.DEVNULL, env=_ENVIRONMENT)
        return self._orders
