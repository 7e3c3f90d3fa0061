"""What a worker that was taken over answers must not run in the bot."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import pytest

from bot.sandbox import wire
from rendering.errors import CannotShow
from rendering.guides import Guide, Reference
from rendering.preview import Preview


def sent(value: object) -> bytes:
    return wire.packed(value)[wire.LENGTH.size :]


PICTURE = Preview("k", b"data", 3, 2, b"small", 2, 1, "hash", "alt", "caption", ((1, "it is damaged"),))
GUIDE = Guide("1.2", (Reference("1.3", (0, 2), (1.0, 1.0, 5.0, 5.0)),), title="113000")


@pytest.mark.parametrize("value", [None, 7, "text", PICTURE, GUIDE, [GUIDE, {"a": (1.5, True)}]])
def test_results_arrive_as_they_were(value: object) -> None:
    assert wire.answer(sent((True, value))) == (True, value)


def test_errors_arrive_with_their_words() -> None:
    well, error = wire.answer(sent((False, CannotShow("it is damaged", "P17"))))
    assert not well
    assert (type(error), error.reason, error.code) == (CannotShow, "it is damaged", "P17")
    assert isinstance(wire.answer(sent((False, ZeroDivisionError("by zero"))))[1], ZeroDivisionError)


class Calling:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.how = (function, arguments)

    def __reduce__(self) -> Any:
        return self.how


def named(module: str, name: str) -> bytes:
    """A pickle of whatever stands under that name, as protocol 4 writes it, called without arguments."""
    words = b"".join(b"\x8c" + bytes((len(one),)) + one.encode() for one in (module, name))
    return b"\x80\x04\x88" + words + b"\x93)R\x86."


@pytest.mark.parametrize(
    "data",
    [
        sent((True, Calling(eval, "1 + 1"))),
        sent((True, Calling(open, "/etc/hostname"))),
        sent((True, Calling(getattr, 1, "real"))),
        sent((True, Calling(__import__, "this"))),
        sent((True, pickle.loads)),
        sent((True, Exception)) + b"",
        named("os", "getpid"),
        named("rendering.header", "os.getpid"),
        named("rendering.header", "os"),
        named("rendering.preview", "render"),
        named("rendering.preload", "font"),
        named("builtins", "bytearray"),
        named("rendering.errors", "CannotShow.__class__"),
    ],
)
def test_no_answer_calls_or_brings_anything_but_our_own_values(data: bytes) -> None:
    try:
        _, value = wire.answer(data)
    except wire.Garbled:
        return
    assert value is Exception  # a class that does nothing


@pytest.mark.parametrize("value", [None, 7, (1, 2), (True,), (True, 1, 2), ("yes", 1), (False, "no exception")])
def test_an_answer_that_is_none_is_garbled(value: object) -> None:
    with pytest.raises(wire.Garbled):
        wire.answer(sent(value))


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x80\x04", sent((True, PICTURE))[:-9], b"(" * 100_000])
def test_nonsense_is_garbled(data: bytes) -> None:
    with pytest.raises(wire.Garbled):
        wire.answer(data)


def test_an_answer_beyond_every_picture_is_not_even_read() -> None:
    assert wire.size(struct.pack(">Q", 1_000)) == 1_000
    with pytest.raises(wire.Garbled):
        wire.size(struct.pack(">Q", 1 << 62))
