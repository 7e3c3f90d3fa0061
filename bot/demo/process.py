"""`carrierbag run` as a process of its own: for tests that kill it, and benchmarks that weigh it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


#: `carrierbag`, told to stop when whoever started it is killed (prctl PR_SET_PDEATHSIG, SIGTERM).
_PROGRAM = "import ctypes; ctypes.CDLL(None).prctl(1, 15); from bot.cli import main; main()"


class BotProcess:
    """One running bot. `kill()` is kill -9, of it and of its workers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, config: Path) -> Self:
        """Start it; it answers commands some seconds later. Its log goes to our standard error."""
        command = (sys.executable, "-c", _PROGRAM, "run", "--config", str(config))
        process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
        return cls(process)

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, config: Path) -> AsyncIterator[Self]:
        """Started, and stopped with the block."""
        one = await cls.start(config)
        try:
            yield one
        finally:
            await one.stop()

    @property
    def pid(self) -> int:
        """Of the main process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.returncode is None

    async def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        if self.alive:
            self._process.send_signal(signal.SIGTERM)
        return await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL to the whole session: nothing of it can tidy up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def tree(self) -> list[int]:
        """Process ids of it and of all that it started."""
        found, new = [], [self.pid]
        while new:
            one = new.pop()
            found.append(one)
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{one}/task").iterdir():
                    new += [int(child) for child in (task / "children").read_text().split()]
        return found

    def memory(self) -> int:
        """Bytes of memory of the whole tree, shared pages counted once (PSS)."""
        return sum(_pss(one) for one in self.tree())


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
