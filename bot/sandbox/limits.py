"""How much a worker may use, whatever a file makes a decoder want."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import signal

#: Bytes of address space: a 40-megapixel film with all of its copies needs 1 GB of it.
MEMORY = 2 * 1024**3
#: Files open at once.
_FILES = 64
_PR_SET_PDEATHSIG = 1


def limit() -> None:
    """For ever. No core file either: what is in memory must not end up on a disk."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
    ):
        resource.setrlimit(what, (most, most))


def die_with_parent() -> None:
    """Killed by the system when the process that made this one is gone. Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
