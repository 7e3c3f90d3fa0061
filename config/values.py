"""Single settings: from what a human writes to what the program uses. A wrong one raises ValueError. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pydantic import ValidationInfo

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_UNITS = {"": 1, "b": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("kmgt", start=1)
    for base, suffix in ((1000, "b"), (1024, "ib"))
}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)", re.ASCII)

#: A server name (Matrix, appendices, "Server Name"): host or address with an optional port.
SERVER_NAME = re.compile(r"(?:[0-9A-Za-z.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)
#: A user ID, the historical characters included (Matrix, appendices, "User Identifiers").
_MATRIX_ID = re.compile(rf"@[\x21-\x39\x3b-\x7e]+:{SERVER_NAME.pattern}", re.ASCII)

#: A room ID; its opaque part may be anything printable without a colon (Matrix, appendices, "Room IDs").
_ROOM_ID = re.compile(rf"![\x21-\x39\x3b-\x7e]+(?::{SERVER_NAME.pattern})?", re.ASCII)


def bytes_from_words(value: object) -> int:
    """Bytes from a number or from words: 50000000, "50 MB", "1.5 GiB". Units of 1000, with an "i" of 1024."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if found is None or found[2] not in _UNITS:
        raise ValueError("not a size")
    return int(Decimal(found[1]) * _UNITS[found[2]])


def homeserver_address(value: object) -> str:
    """An https address without a trailing slash; http only on this machine, where nobody listens in between."""
    parts = urlsplit(_text(value, 300))
    ours = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and ours):
        raise ValueError("not an https address")
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("not the bare address of a server")
    _ = parts.port  # raises ValueError for one that is no number
    return parts.geturl().rstrip("/")


def matrix_id(value: object) -> str:
    """A full Matrix ID, "@localpart:server"."""
    text = _text(value, 255)
    if not _MATRIX_ID.fullmatch(text):
        raise ValueError("not a Matrix ID")
    return text


def server_name(value: object) -> str:
    """The name of a server, "trust-b.example", in lower case."""
    text = _text(value, 255).lower()
    if not SERVER_NAME.fullmatch(text):
        raise ValueError("not a server name")
    return text


def room_id(value: object) -> str:
    """A room ID, "!opaque:server", or without a server part (room version 12)."""
    text = _text(value, 255)
    if not _ROOM_ID.fullmatch(text):
        raise ValueError("not a room ID")
    return text


def device_name(value: object) -> str:
    """Printable text of 1 to 100 characters."""
    return _text(value, 100)


def source_name(value: object) -> str:
    """Printable text of 1 to 40 characters."""
    return _text(value, 40)


def resolved_path(value: object, info: ValidationInfo) -> Path:
    """An absolute path: "~" is the user's home, everything else relative to the directory of the settings' file."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError("not a path")
    base: Path = (info.context or {}).get("base", Path.cwd())
    return base / Path(value).expanduser()


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > longest or not value.isprintable():
        raise ValueError("not printable text of that length")
    return value.strip()
