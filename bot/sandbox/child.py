"""A worker's life: wait for a job behind the walls, do it, answer, wait for the next."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from bot.sandbox import answers, wire
from bot.sandbox.files import only
from bot.sandbox.limits import limit
from bot.sandbox.syscalls import confine

#: job, arguments, whether it may open only the files that its arguments name.
Order = tuple[Callable[..., Any], tuple[object, ...], bool]


def live(descriptor: int) -> None:
    """Serve until the bot hangs up. The first message out says that it is ready."""
    limit()
    wire.send(descriptor, answers.encode(well=True, value=None))
    confined = False
    while (message := wire.receive(descriptor)) is not None:
        job, arguments, sealed = pickle.loads(message)  # noqa: S301 - the bot wrote it
        if sealed:
            only(_paths(arguments))
        if not confined:
            confined = confine()
        wire.send(descriptor, _answer(job, arguments))


def _answer(job: Callable[..., Any], arguments: tuple[object, ...]) -> bytes:
    try:
        return answers.encode(well=True, value=job(*arguments))
    except Exception as error:  # noqa: BLE001 - it is raised where the job was submitted
        return answers.encode(well=False, value=error)


def _paths(value: object) -> Iterator[Path]:
    """Every path in the arguments, however deep."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, dict):
        yield from _paths(tuple(value.items()))
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _paths(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _paths(getattr(value, field.name))
