"""The socket between the console and the running bot."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from bot.control import LINE_BYTES, MOST, NAME, Console, Control, NotRunning
from config.errors import Bug, Mistake, NotAllowed, TryLater

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path


async def echo(asked: Mapping[str, Any]) -> Any:
    return asked["text"]


def failing(error: Exception) -> Callable[[Mapping[str, Any]], Any]:
    async def call(_: Mapping[str, Any]) -> Any:
        raise error

    return call


CALLS = {
    "echo": echo,
    "mistake": failing(Mistake("You typed it wrong.", "X1")),
    "refused": failing(NotAllowed("You may not.", "X2")),
    "later": failing(TryLater("Not now.", "X3")),
    "bug": failing(RuntimeError("secret words")),
}


@asynccontextmanager
async def listening(directory: Path) -> AsyncIterator[None]:
    task = asyncio.create_task(Control(directory, CALLS).run())
    while not (directory / NAME).exists():  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def ask(directory: Path, call: str, **given: Any) -> Any:
    def once() -> Any:
        with Console(directory) as bot:
            return bot.ask(call, **given)

    return await asyncio.to_thread(once)


async def test_a_question_is_answered(tmp_path: Path) -> None:
    async with listening(tmp_path):
        assert await ask(tmp_path, "echo", text="ankle 🦶\n") == "ankle 🦶\n"


async def test_the_socket_is_the_owners_alone_and_goes_with_the_bot(tmp_path: Path) -> None:
    async with listening(tmp_path):
        assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert not (tmp_path / NAME).exists()


async def test_a_deep_directory_is_no_obstacle(tmp_path: Path) -> None:
    """Socket addresses hold 108 bytes."""
    deep = tmp_path.joinpath(*["a-long-name-of-a-directory"] * 8)
    deep.mkdir(parents=True)
    async with listening(deep):
        assert await ask(deep, "echo", text="deep") == "deep"


async def test_a_socket_that_a_killed_bot_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / NAME))
    with pytest.raises(NotRunning):
        Console(tmp_path)
    async with listening(tmp_path):
        await asyncio.sleep(0.05)
        assert await ask(tmp_path, "echo", text="again") == "again"


def test_where_no_bot_runs_the_console_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="No bot runs"):
        Console(tmp_path)


@pytest.mark.parametrize(("call", "family"), [("mistake", Mistake), ("refused", NotAllowed), ("later", TryLater)])
async def test_an_error_of_ours_comes_across_as_what_it_is(tmp_path: Path, call: str, family: type[Exception]) -> None:
    async with listening(tmp_path):
        with pytest.raises(family, match=r"\[X\d\]"):
            await ask(tmp_path, call)


async def test_a_bug_does_not_end_the_bot_and_says_nothing_of_itself(tmp_path: Path) -> None:
    async with listening(tmp_path):
        with pytest.raises(Bug) as caught:
            await ask(tmp_path, "bug")
        assert "secret" not in str(caught.value)
        assert await ask(tmp_path, "echo", text="alive") == "alive"


async def test_an_unknown_question_is_a_mistake(tmp_path: Path) -> None:
    async with listening(tmp_path):
        with pytest.raises(Mistake, match="another version"):
            await ask(tmp_path, "trust.everybody")


@pytest.mark.parametrize(
    "line", [b"nonsense\n", b"[]\n", b'"call"\n', b"{}\n", b"\xff\n", b"x" * LINE_BYTES * 2 + b"\n"]
)
async def test_nothing_that_is_said_to_it_ends_it(tmp_path: Path, line: bytes) -> None:
    def say() -> None:
        with socket.socket(socket.AF_UNIX) as raw, suppress(OSError):
            raw.connect(str(tmp_path / NAME))
            raw.sendall(line)
            raw.recv(1000)

    async with listening(tmp_path):
        await asyncio.to_thread(say)
        assert await ask(tmp_path, "echo", text="alive") == "alive"


async def test_there_is_an_end_to_how_many_may_ask_at_once(tmp_path: Path) -> None:
    async with listening(tmp_path):
        consoles = [await asyncio.to_thread(Console, tmp_path) for _ in range(MOST)]
        for console in consoles:
            assert await asyncio.to_thread(console.ask, "echo", text="here") == "here"
        with pytest.raises(NotRunning):
            await ask(tmp_path, "echo", text="one too many")
        for console in consoles:
            console.__exit__()
        await asyncio.sleep(0.1)
        assert await ask(tmp_path, "echo", text="room again") == "room again"


async def test_answers_are_one_line_of_json_each(tmp_path: Path) -> None:
    async with listening(tmp_path):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / NAME))
        writer.write(json.dumps({"call": "echo", "text": "a\nb"}).encode() + b"\n")
        assert json.loads(await reader.readline()) == {"ok": "a\nb"}
        writer.close()
