"""A short run of the fuzzer is part of every test run; a long one is `make bench BENCH=fuzz`."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from bench.fuzz import fuzz
from bench.mutations import BOMBS, MUTATIONS, mutate

if TYPE_CHECKING:
    from collections.abc import Callable


async def test_five_hundred_damaged_files_cost_only_themselves() -> None:
    result = await fuzz(500, seed=4)
    assert result.outcomes.total() == 500
    assert result.outcomes["a picture"] > 100
    assert len(result.outcomes) > 8
    assert result.good == 100
    assert result.valid > 150
    assert (result.deaths, result.harmed, result.refused) == ([], [], [])
    assert result.slowest < 10
    assert result.bot < 2


@pytest.mark.parametrize("mutation", [*MUTATIONS, *BOMBS], ids=lambda one: one.__name__)
@pytest.mark.parametrize("data", [b"\0", b"\xe0\x7f\x10\x00", bytes(range(256)) * 8], ids=["byte", "tag", "page"])
def test_every_mutation_takes_any_file(mutation: Callable[[bytearray, Random], bytes], data: bytes) -> None:
    for seed in range(20):
        assert isinstance(mutation(bytearray(data), Random(seed)), bytes)  # noqa: S311


def test_the_same_seed_makes_the_same_mutant() -> None:
    data = Random(1).randbytes(5_000)  # noqa: S311
    once, again = ([mutate(data, Random(number)) for number in range(50)] for _ in range(2))  # noqa: S311
    assert once == again
