"""JSON as strangers send it: whatever comes in is a value that we can keep and write again, or a `ValueError`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from bot.matrix.errors import NoSense

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Halves of UTF-16 pairs: JSON can write one alone as `\ud800`, but it is no character and has no UTF-8.
_HALF = re.compile("[\ud800-\udfff]")


def parsed(raw: bytes | str) -> Any:
    """The value. Halves of characters become U+FFFD.

    Raises `ValueError` for all that is not JSON (RFC 8259), and for what is nested deeper than Python goes.
    """
    try:
        value = json.loads(raw, parse_constant=_refused)
        if "\\ud" in _text(raw).lower():
            value = json.loads(_HALF.sub("\N{REPLACEMENT CHARACTER}", json.dumps(value, ensure_ascii=False)))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def said(answer: Mapping[str, Any], name: str) -> str:
    """A text without which an answer is none. Raises `NoSense` when it is not there."""
    text = answer.get(name)
    if not isinstance(text, str) or not text:
        raise NoSense
    return text


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("latin-1")


def _refused(_: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")
