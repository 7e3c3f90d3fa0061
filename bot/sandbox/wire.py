"""What travels between the bot and a worker: one pickle after the other, each behind its length.

A worker decodes hostile files, so it may have been taken over: what it answers is read by an unpickler that makes
values of ours and nothing else. In the other direction the bot is trusted.
"""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import sys
from typing import Any

#: Bytes of an answer: the largest lossless picture has some twenty million.
LIMIT = 256 * 1024 * 1024
LENGTH = struct.Struct(">Q")


class Garbled(Exception):
    """The worker did not keep to the protocol."""


def packed(value: object) -> bytes:
    """The bytes of one message."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)) + data


def size(head: bytes) -> int:
    """How long the message after this head is, in bytes. Raises `Garbled`."""
    (length,) = LENGTH.unpack(head)
    if length > LIMIT:
        raise Garbled("the answer is too long")
    return int(length)


def answer(data: bytes) -> tuple[bool, Any]:
    """(True, result) or (False, exception) as a worker sent it. Raises `Garbled`."""
    try:
        well, value = _Careful(io.BytesIO(data)).load()
    except Exception as error:
        raise Garbled("the answer makes no sense") from error
    if not isinstance(well, bool) or (not well and not isinstance(value, Exception)):
        raise Garbled("the answer makes no sense")
    return well, value


class _Careful(pickle.Unpickler):
    """Knows the classes of pictures and of errors: calling any of them does nothing but make one."""

    def find_class(self, module: str, name: str) -> Any:
        """The class of that name. Raises `UnpicklingError` for every other thing."""
        if module == "builtins":
            found = getattr(builtins, name, None)
            allowed = isinstance(found, type) and issubclass(found, Exception)
        else:
            # What the bot has not loaded itself, no worker shall make it load.
            found = getattr(sys.modules.get(module), name, None)
            ours = module == "config.errors" or module.startswith("rendering.")
            allowed = ours and isinstance(found, type) and found.__module__ == module
        if not allowed:
            raise pickle.UnpicklingError("not one of ours")
        return found


def receive(descriptor: int) -> bytes | None:
    """The next message, in a worker; None when the bot has hung up."""
    head = _exactly(descriptor, LENGTH.size)
    return head and _exactly(descriptor, LENGTH.unpack(head)[0])


def send(descriptor: int, message: bytes) -> None:
    """All of it, in a worker."""
    left = memoryview(message)
    while left:
        left = left[os.write(descriptor, left) :]


def _exactly(descriptor: int, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        more = os.read(descriptor, count - len(data))
        if not more:
            return None
        data += more
    return bytes(data)
