"""What a worker that was taken over answers must not act in the bot."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import wire
from bot.sandbox.answers import Garbled, decode, encode
from rendering.errors import CannotShow
from rendering.guides import Guide, Reference
from rendering.preview import Preview

PICTURE = Preview("k", b"data", 3, 2, b"small", 2, 1, "hash", "alt", "caption", ((1, "it is damaged"),))
GUIDE = Guide("1.2", (Reference("1.3", (0, 2), (1.0, 1.0, 5.0, 5.0)),), title="113000", words="κάταγμα")

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    plain, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner)
)


@given(values)
def test_values_arrive_as_they_were(value: object) -> None:
    assert decode(encode(well=True, value=value)) == (True, value)


@pytest.mark.parametrize("value", [PICTURE, GUIDE, [GUIDE, {"a": PICTURE}]])
def test_pictures_and_guides_arrive_as_they_were(value: object) -> None:
    assert decode(encode(well=True, value=value)) == (True, value)


@pytest.mark.parametrize(
    "error",
    [CannotShow("it is damaged", "P17"), ZeroDivisionError("by zero"), MemoryError(), PermissionError(13, "no", "x")],
)
def test_errors_arrive_with_their_words(error: Exception) -> None:
    well, found = decode(encode(well=False, value=error))
    assert not well
    assert (type(found), found.args, str(found)) == (type(error), error.args, str(error))


def test_what_has_no_place_in_an_answer_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        encode(well=True, value={1, 2})


def written(plain: Any, octets: bytes = b"") -> bytes:
    text = json.dumps(plain).encode()
    return struct.pack(">Q", len(text)) + text + octets


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("os", "getpid", []),
        ("builtins", "eval", ["1"]),
        ("builtins", "open", ["/etc/hostname"]),
        ("builtins", "bytearray", [1 << 40]),
        ("builtins", "type", ["x", {"tuple": []}, {"dict": []}]),
        ("builtins", "SystemExit", []),
        ("builtins", "KeyboardInterrupt", []),
        ("rendering.preview", "render", []),
        ("rendering.preview", "annotations", []),
        ("rendering.header", "os", []),
        ("rendering.header", "os.getpid", []),
        ("rendering.header", "BytesIO", []),
        ("rendering.errors", "CannotShow.__class__", []),
        ("rendering.preview", "Preview", ["too few"]),
        ("subprocess", "Popen", ["true"]),
        ("bot.workers", "Workers", []),
        ("antigravity", "x", []),
        (["rendering"], "x", []),
        (None, None, None),
    ],
)
@pytest.mark.parametrize("how", ["value", "error"])
def test_no_answer_calls_anything_but_our_own_values(how: str, module: Any, name: Any, arguments: Any) -> None:
    with pytest.raises(Garbled):
        decode(written([True, {how: [module, name, arguments]}]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        struct.pack(">Q", 1 << 62) + b"[true, 1]",
        written(None),
        written([True]),
        written([True, 1, 2]),
        written(["yes", 1]),
        written([1, 1]),
        written([False, 1]),
        written([True, {}]),
        written([True, {"octets": 9}], b"short"),
        written([True, {"octets": -1}], b"short"),
        written([True, {"octets": "1"}], b"short"),
        written([True, {"dict": [[[1], 2]]}]),
        written([True, {"dict": 1, "tuple": []}]),
        struct.pack(">Q", 400_000) + b"[" * 400_000,
        struct.pack(">Q", 90_006) + b"[true," + b'{"tuple":' * 10_000,
    ],
)
def test_nonsense_is_garbled(data: bytes) -> None:
    with pytest.raises(Garbled):
        decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_garbled_or_a_value(data: bytes) -> None:
    for one in (data, struct.pack(">Q", len(data)) + data):
        try:
            decode(one)
        except Garbled:
            continue


def test_an_answer_beyond_every_picture_is_not_even_read() -> None:
    assert wire.size(struct.pack(">Q", 1_000)) == 1_000
    with pytest.raises(Garbled):
        wire.size(struct.pack(">Q", 1 << 62))
