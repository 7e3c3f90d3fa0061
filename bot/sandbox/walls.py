"""Which of the kernel's walls this machine can build around workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox import files, syscalls

if TYPE_CHECKING:
    from collections.abc import Iterator


def lacking() -> Iterator[str]:
    """The names of those that it cannot: an older kernel, or a container that forbids it."""
    if not syscalls.available():
        yield "seccomp"
    if not files.version():
        yield "landlock"
