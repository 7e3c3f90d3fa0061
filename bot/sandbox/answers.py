"""What a worker answers, as text and octets that cannot do anything: values of ours, and none that acts.

A worker decodes hostile files, so it may have been taken over; a pickle of its would run in the bot. Written here are
JSON's own values, tuples, dicts and octets, dataclasses of `rendering`, and exceptions: of ours, or Python's.
"""

from __future__ import annotations

import builtins
import json
import struct
import sys
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from config.errors import CarrierbagError

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT = struct.Struct(">Q")


class Garbled(Exception):
    """The worker did not keep to the protocol."""


def encode(*, well: bool, value: object) -> bytes:
    """A result, or the exception that the job raised. Raises `TypeError` for what has no place in an answer."""
    octets: list[bytes] = []
    text = json.dumps([well, _plain(value, octets)]).encode()
    return b"".join((_TEXT.pack(len(text)), text, *octets))


def decode(data: bytes) -> tuple[bool, Any]:
    """(True, result) or (False, exception). Raises `Garbled`, and nothing else whatever `data` holds."""
    try:
        (length,) = _TEXT.unpack_from(data)
        rest = _Reader(memoryview(data)[_TEXT.size :])
        well, plain = json.loads(rest.octets(length))
        value = rest.value(plain)
    except Exception as error:
        raise Garbled("the answer makes no sense") from error
    if not isinstance(well, bool) or (not well and not isinstance(value, Exception)):
        raise Garbled("the answer is neither a result nor an error")
    return well, value


def _plain(value: object, octets: list[bytes]) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        octets.append(value)
        return {"octets": len(value)}
    if isinstance(value, Exception):
        reduced: Any = value.__reduce__()  # as `copy` would: the class, and what to call it with
        return _made("error", reduced[0], reduced[1], octets)
    if is_dataclass(value):
        return _made("value", type(value), [getattr(value, one.name) for one in fields(value)], octets)
    if isinstance(value, dict):
        return {"dict": _plain(list(value.items()), octets)}
    if isinstance(value, (tuple, list)):
        several = [_plain(one, octets) for one in value]
        return several if isinstance(value, list) else {"tuple": several}
    raise TypeError("this has no place in an answer")


def _made(how: str, kind: type, arguments: Any, octets: list[bytes]) -> object:
    return {how: [kind.__module__, kind.__qualname__, [_plain(one, octets) for one in arguments]]}


class _Reader:
    def __init__(self, octets: memoryview) -> None:
        self._octets = octets

    def value(self, plain: Any) -> Any:
        if isinstance(plain, list):
            return [self.value(one) for one in plain]
        if not isinstance(plain, dict):
            return plain
        ((kind, content),) = plain.items()
        return _KINDS[kind](self, content)

    def octets(self, count: int) -> bytes:
        if not 0 <= count <= len(self._octets):
            raise ValueError("fewer octets than announced")
        found, self._octets = self._octets[:count], self._octets[count:]
        return bytes(found)

    def tuple(self, content: list[Any]) -> tuple[Any, ...]:
        return tuple(self.value(one) for one in content)

    def dict(self, content: list[Any]) -> dict[Any, Any]:
        return dict(self.value(content))

    def made(self, content: list[Any]) -> Any:
        module, name, arguments = content
        return _known(module, name)(*self.tuple(arguments))


_KINDS: dict[str, Callable[[_Reader, Any], Any]] = {
    "octets": _Reader.octets,
    "tuple": _Reader.tuple,
    "dict": _Reader.dict,
    "value": _Reader.made,
    "error": _Reader.made,
}


def _known(module: str, name: str) -> type:
    """A class that does nothing when called but make one of it. No worker makes the bot load a module."""
    found = getattr(builtins if module == "builtins" else sys.modules.get(module), name, None)
    if isinstance(found, type) and found.__module__ == module:
        ours = module.startswith("rendering.") and is_dataclass(found)
        if ours or issubclass(found, CarrierbagError) or (module == "builtins" and issubclass(found, Exception)):
            return found
    raise ValueError("not one of ours")
