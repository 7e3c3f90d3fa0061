"""Messages between the bot and a worker: each behind its length."""

from __future__ import annotations

import os
import struct

from bot.sandbox.answers import Garbled

#: Bytes of an answer: the largest picture that fits into a chat has half as many.
LIMIT = 64 * 1024 * 1024
LENGTH = struct.Struct(">Q")


def framed(message: bytes) -> bytes:
    """The message with its length before it."""
    return LENGTH.pack(len(message)) + message


def size(head: bytes) -> int:
    """How long the message after this head is, in bytes. Raises `Garbled` when no answer is so long."""
    length: int = LENGTH.unpack(head)[0]
    if length > LIMIT:
        raise Garbled("the answer is too long")
    return length


def receive(descriptor: int) -> bytes | None:
    """The next message, in a worker; None when the bot has hung up."""
    head = _exactly(descriptor, LENGTH.size)
    return head and _exactly(descriptor, LENGTH.unpack(head)[0])


def send(descriptor: int, message: bytes) -> None:
    """All of it, in a worker."""
    left = memoryview(framed(message))
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
