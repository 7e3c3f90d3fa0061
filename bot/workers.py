"""The pool that decodes and renders: one small interface (submit a pure job, await its result) over local processes.

Workers are started by a fork server that has imported the renderer already, and kept warm. A job that crashes its
worker or takes too long costs that one job: the pool is made anew, and jobs that were hurt by it are done again alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

from rendering.errors import CannotShow

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

#: More would render no share sooner, which makes one picture at a time, and each weighs some 40 MB.
MOST_WORKERS = 2
#: Seconds for one job.
TIMEOUT = 60.0


class Workers:
    """Processes for pure jobs: a function importable by name, arguments and result that pickle."""

    def __init__(self, size: int | None = None, *, timeout: float = TIMEOUT) -> None:
        self._size = size or max(1, min(MOST_WORKERS, os.cpu_count() or 1))
        self._timeout = timeout
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["rendering.preload"])
        self._pool = self._new_pool()
        #: As many jobs as workers: a job's time is counted from when it has a worker.
        self._free = asyncio.Semaphore(self._size)
        self._alone = asyncio.Lock()
        self._running: set[asyncio.Future[Any]] = set()

    async def warm_up(self) -> None:
        """Start every worker now, so that the first picture does not wait for it."""
        await asyncio.gather(*(self.submit(os.getpid) for _ in range(self._size)))

    async def submit(self, job: Callable[..., Result], *arguments: object) -> Result:
        """The job's result, or the exception it raised. Raises `CannotShow` when it crashed or took too long.

        A job whose caller is cancelled runs to its end all the same, and is watched until then.
        """
        running = asyncio.ensure_future(self._do(job, *arguments))
        self._running.add(running)
        running.add_done_callback(self._ended)
        return await asyncio.shield(running)

    def close(self) -> None:
        """End the workers; running jobs are given up."""
        for running in self._running:
            running.cancel()
        self._end(self._pool)

    def _ended(self, running: asyncio.Future[Any]) -> None:
        self._running.discard(running)
        if not running.cancelled():
            running.exception()  # its caller may be gone: then nobody need read it

    async def _do(self, job: Callable[..., Result], *arguments: object) -> Result:
        try:
            async with self._free:
                return await self._run(job, *arguments)
        except BrokenProcessPool:
            # Another job may have broken the pool: this one gets a second try with nobody beside it.
            async with self._alone:
                return await self._run_alone(job, *arguments)

    async def _run(self, job: Callable[..., Result], *arguments: object) -> Result:
        pool = self._pool
        future: Future[Result] = self._submitted(pool, job, *arguments)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._timeout)
        except TimeoutError:
            self._replace(pool)
            raise CannotShow("decoding it takes too long", "P20") from None
        except BrokenProcessPool:
            self._replace(pool)
            raise

    async def _run_alone(self, job: Callable[..., Result], *arguments: object) -> Result:
        pool = self._new_pool(1)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._submitted(pool, job, *arguments)), self._timeout)
        except TimeoutError:
            raise CannotShow("decoding it takes too long", "P20") from None
        except BrokenProcessPool:
            raise CannotShow("decoding it fails", "P21") from None
        finally:
            self._end(pool)

    def _submitted(self, pool: ProcessPoolExecutor, job: Callable[..., Result], *arguments: object) -> Future[Result]:
        try:
            return pool.submit(job, *arguments)
        except RuntimeError as error:  # shut down between two lines: somebody replaced it
            raise BrokenProcessPool(str(error)) from error

    def _new_pool(self, size: int | None = None) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(size or self._size, mp_context=self._context, initializer=_quiet)

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        if self._pool is broken:
            self._pool = self._new_pool()
            self._end(broken)

    def _end(self, pool: ProcessPoolExecutor) -> None:
        processes = list((pool._processes or {}).values())  # noqa: SLF001 - there is no public way to end a hung worker
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            with contextlib.suppress(OSError, ValueError):
                process.kill()


def _quiet() -> None:
    """A worker leaves Ctrl-C to its parent, which stops it in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
