"""Damaged files thrown at the bot: what it makes of each, how long that takes, and whether good files suffer from it.

Every mutant goes the way of a shared file: the bot itself reads its header, as the index and the parcel do; the workers
draw it, half of the mutants as files out of our own PACS in warm processes, half as uploads in sealed ones. After every
few of them a good file is drawn, which must come out byte for byte as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.corpus import Sample, corpus
from bench.mutations import mutate
from bench.table import Row, show
from bot.workers import DEADLINE, Workers
from config.errors import CarrierbagError
from delivery.part10 import describe
from rendering.errors import CannotShow
from rendering.preview import Preview
from studies.read import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A good file is drawn after so many damaged ones.
_BETWEEN = 5
#: Nobody waits longer, in seconds.
_LONGEST = 10.0
_REFUSED = 0.01


@dataclass(slots=True)
class Result:
    """Counted over one run."""

    outcomes: Counter[str] = field(default_factory=Counter)
    #: What should not have been: kind of file, mutation, number of the mutant, what came.
    deaths: list[str] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)
    good: int = 0
    valid: int = 0
    refused: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_name: str = ""
    #: The longest that the bot's own thread was busy with one file, in seconds.
    bot: float = 0.0
    seconds: float = 0.0


def main(
    *,
    mutants: Annotated[int, typer.Option(help="How many damaged files.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 1,
    deadline: Annotated[float, typer.Option(help="Seconds that a worker may take for one.")] = DEADLINE,
    keep: Annotated[Path | None, typer.Option(help="Where to keep files that broke or stalled a process.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Run, show, and fail if a goal is missed."""
    result = asyncio.run(fuzz(mutants, seed, deadline=deadline, keep=keep))
    rows = list(_rows(result))
    show(rows, as_json)
    for line in (*result.deaths, *result.harmed, *result.refused):
        print(line)
    raise typer.Exit(any(row.met is False for row in rows))


async def fuzz(mutants: int, seed: int, *, deadline: float = DEADLINE, keep: Path | None = None) -> Result:
    """Throw `mutants` damaged files at warm workers."""
    with tempfile.TemporaryDirectory(prefix="carrierbag-fuzz-") as directory:
        workers = Workers(deadline=deadline)
        try:
            await workers.warm_up()
            return await _Run(workers, Path(directory), keep).all(mutants, seed)
        finally:
            workers.close()


class _Run:
    def __init__(self, workers: Workers, directory: Path, keep: Path | None) -> None:
        self._workers = workers
        self._directory = directory
        self._keep = keep
        self._result = Result()
        self._samples: dict[str, list[Sample]] = {}
        self._good: list[tuple[Sample, str]] = []

    async def all(self, mutants: int, seed: int) -> Result:
        await self._look(corpus(self._directory / "corpus"))
        started = time.monotonic()
        numbers = iter(range(mutants))
        await asyncio.gather(*(self._some(numbers, seed) for _ in range(self._workers.size)))
        self._result.seconds = time.monotonic() - started
        return self._result

    async def _look(self, samples: list[Sample]) -> None:
        """What becomes of each good file."""
        for sample in samples:
            outcome = await self._drawn(sample, sample.path, sealed=False)
            self._result.valid += 1
            if outcome.startswith("P"):
                self._result.refused.append(f"refused: {sample.path.name}: {outcome}")
                continue
            self._good.append((sample, outcome))
            self._samples.setdefault(sample.kind, []).append(sample)

    async def _some(self, numbers: Iterator[int], seed: int) -> None:
        for number in numbers:
            await self._one(number, random.Random(f"{seed} {number}"))  # noqa: S311 no secret
            if number % _BETWEEN == 0:
                await self._check(number)

    async def _one(self, number: int, chance: random.Random) -> None:
        sample = chance.choice(self._samples[chance.choice(sorted(self._samples))])
        name, data = mutate(sample.path.read_bytes(), chance)
        path = self._directory / f"{number}.dcm"
        path.write_bytes(data)
        self._in_the_bot(path, f"mutant {number}, {sample.path.name}, {name}")
        outcome = await self._drawn(sample, path, sealed=number % 2 == 1, name=f"{number}, {sample.path.name}, {name}")
        self._note(f"mutant {number}, {sample.path.name}, {name}", outcome)
        if self._keep and outcome.startswith(("P20", "P21", "bug")):
            self._keep.mkdir(parents=True, exist_ok=True)
            path.rename(self._keep / f"{number}-{outcome[:3]}-{sample.path.name}")
        path.unlink(missing_ok=True)

    def _in_the_bot(self, path: Path, name: str) -> None:
        """What the index and the parcel read of it in the bot's own process."""
        started = time.monotonic()
        try:
            header = read_header(path)
            if header is not None:
                with path.open("rb") as file:
                    describe(file, header.instance)
        except (CarrierbagError, OSError):
            pass
        except Exception as error:  # noqa: BLE001 that is what we look for
            self._result.deaths.append(f"bot: {name}: {error!r}")
        self._result.bot = max(self._result.bot, time.monotonic() - started)

    def _note(self, name: str, outcome: str) -> None:
        self._result.outcomes[outcome if outcome.startswith(("P", "bug")) else "a picture"] += 1
        if outcome.startswith("bug"):
            self._result.deaths.append(f"{outcome}: {name}")

    async def _drawn(self, sample: Sample, path: Path, *, sealed: bool, name: str = "") -> str:
        """A digest of what came out, or code and reason of the sentence."""
        digest = hashlib.sha256()
        try:
            for job, argument in sample.jobs(path):
                with self._timed(name or path.name):
                    made = await self._workers.submit(job, argument, sealed=sealed)
                digest.update(made.data if isinstance(made, Preview) else repr(made).encode())
        except CannotShow as error:
            return f"{error.code} {error.reason}"
        except Exception as error:  # noqa: BLE001 that is what we look for
            return f"bug {error!r}"
        return digest.hexdigest()

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            taken = time.monotonic() - started
            if taken > self._result.slowest:
                self._result.slowest, self._result.slowest_name = taken, name

    async def _check(self, number: int) -> None:
        sample, expected = self._good[number // _BETWEEN % len(self._good)]
        outcome = await self._drawn(sample, sample.path, sealed=number % 2 == 1)
        self._result.good += 1
        if outcome != expected:
            self._result.harmed.append(f"harmed: {sample.path.name} after mutant {number}: {outcome}")


def _rows(result: Result) -> Iterator[Row]:
    for outcome, count in result.outcomes.most_common():
        yield Row(outcome, count, "mutants")
    yield Row("deaths of the bot", len(result.deaths), "", goal="none", met=not result.deaths)
    yield Row("good files harmed", len(result.harmed), f"of {result.good}", goal="none", met=not result.harmed)
    refused = len(result.refused) / result.valid
    yield Row("valid files refused", 100 * refused, f"% of {result.valid}", goal="at most 1 %", met=refused <= _REFUSED)
    yield Row(
        "slowest answer", result.slowest, "s", result.slowest_name, goal="under 10 s", met=result.slowest < _LONGEST
    )
    yield Row("longest in the bot itself", result.bot, "s")
    yield Row("mutants a second", result.outcomes.total() / result.seconds, "")


if __name__ == "__main__":
    typer.run(main)
