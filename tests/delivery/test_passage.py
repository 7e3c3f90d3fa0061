from __future__ import annotations

import hashlib
import secrets
import zlib
from typing import TYPE_CHECKING

import pytest

from delivery import passage
from delivery.errors import Changed
from delivery.passage import Passage

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = b"the same again and again " * 4000


def pieces() -> Iterator[bytes]:
    for start in range(0, len(TEXT), 777):
        yield TEXT[start : start + 777]


@pytest.mark.parametrize("kept", [1 << 20, 10], ids=["kept", "made again"])
def test_what_is_deflated_is_known_before_it_is_given_out(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "_KEPT", kept)
    one = Passage(pieces, deflate=True)
    data = b"".join(one)
    assert one.packed == len(data) < len(TEXT) / 10
    assert zlib.decompress(data, -15) == TEXT
    assert (one.size, one.crc, one.sha256) == (len(TEXT), zlib.crc32(TEXT), hashlib.sha256(TEXT).hexdigest())
    assert b"".join(one) == data


def test_what_does_not_shrink_is_stored() -> None:
    noise = secrets.token_bytes(50_000)
    one = Passage(lambda: [noise], deflate=True)
    assert one.packed is None
    assert b"".join(one) == noise


@pytest.mark.parametrize("deflate", [True, False])
def test_a_second_look_that_differs_is_noticed(deflate: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    monkeypatch.setattr(passage, "_KEPT", 10)
    looks = iter([TEXT, TEXT[:-1] + b"x"])
    one = Passage(lambda: [next(looks)], deflate=deflate)
    with pytest.raises(Changed):
        list(one)
