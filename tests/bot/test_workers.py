from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from bot.workers import Workers
from rendering.errors import CannotShow
from rendering.preview import PreviewPlan, Tile, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


async def warm(size: int, seconds: float) -> Workers:
    made = Workers(size, deadline=seconds)
    await made.warm_up()
    return made


@pytest.fixture
async def pool() -> Iterator[Workers]:
    """Two warm workers that give a job three seconds."""
    made = await warm(2, 3.0)
    yield made
    made.close()


async def test_a_job_gives_its_result_from_another_process(pool: Workers) -> None:
    assert await pool.submit(os.getpid) != os.getpid()


async def test_what_a_job_raises_is_raised(pool: Workers, tmp_path: Path) -> None:
    with pytest.raises(CannotShow) as caught:
        await pool.submit(render, PreviewPlan("view/1", (Tile(tmp_path / "missing"),)))
    assert caught.value.code == "P16"
    with pytest.raises(ZeroDivisionError):
        await pool.submit(divmod, 1, 0)


async def test_a_job_that_kills_its_process_costs_only_itself(pool: Workers) -> None:
    good = [pool.submit(pow, number, 2) for number in range(20)]
    bad = [pool.submit(os.abort), pool.submit(os._exit, 1)]
    results = await asyncio.gather(*good[:10], *bad, *good[10:], return_exceptions=True)
    killed, others = results[10:12], results[:10] + results[12:]
    assert [type(one) for one in killed] == [CannotShow, CannotShow]
    assert others == [number**2 for number in range(20)]


async def test_a_job_that_hangs_is_ended_and_costs_only_itself(pool: Workers) -> None:
    started = time.monotonic()
    hung = asyncio.ensure_future(pool.submit(time.sleep, 60))
    assert await asyncio.gather(*(pool.submit(pow, number, 2) for number in range(5))) == [0, 1, 4, 9, 16]
    with pytest.raises(CannotShow, match="too long"):
        await hung
    assert time.monotonic() - started < 30
    assert await pool.submit(pow, 3, 2) == 9


async def test_time_spent_waiting_for_a_worker_is_not_the_jobs_own() -> None:
    pool = await warm(1, 1.5)
    try:
        await asyncio.gather(*(pool.submit(time.sleep, 0.3) for _ in range(7)))
    finally:
        pool.close()


async def test_a_job_whose_caller_has_gone_is_still_ended_when_it_hangs() -> None:
    pool = await warm(1, 3.0)
    try:
        gone = asyncio.ensure_future(pool.submit(time.sleep, 60))
        await asyncio.sleep(0.1)
        gone.cancel()
        assert await pool.submit(pow, 3, 2) == 9
    finally:
        pool.close()


async def test_closing_ends_every_process() -> None:
    pool = Workers(1)
    worker = await pool.submit(os.getpid)
    hung = asyncio.ensure_future(pool.submit(time.sleep, 60))
    await asyncio.sleep(0.1)
    pool.close()
    with pytest.raises(asyncio.CancelledError):
        await hung
    for _ in range(100):
        if not _runs(worker):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the worker still runs")


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123
            return stat.read().split()[2] not in "ZX"
    except OSError:
        return False
