"""Landlock: from now on only these files may be opened, and for reading only (Linux 5.13; elsewhere a no-op)."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The same numbers on every architecture.
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION, _BENEATH, _NO_NEW_PRIVS = 1, 1, 38
_READ_FILE, _READ_DIRECTORY = 1 << 2, 1 << 3
#: Rights over files that each version of the interface knows: 13, then refer, truncate, ioctl.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_MOST_RIGHTS = 16
_LIBC = ctypes.CDLL(None, use_errno=True)
#: Code that is loaded when it is first needed, fonts.
_SYSTEM = ("/usr", "/lib", "/lib64")
_OURS = ("bot", "config", "rendering", "studies")


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64),)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """Of the kernel's Landlock, 0 where there is none."""
    return max(0, int(_LIBC.syscall(_CREATE, None, 0, _VERSION)))


def only(paths: Iterable[Path]) -> bool:
    """Close everything but `paths`, and what is below them, and the installed programs. Whether the kernel did."""
    known = version()
    if not known:
        return False
    rights = (1 << _RIGHTS.get(known, _MOST_RIGHTS)) - 1
    attributes = _Ruleset(rights)
    rules = _LIBC.syscall(_CREATE, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    if rules < 0:
        return False
    try:
        for path in (*paths, *_installed()):
            _allow(rules, path)
        return not _LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) and not _LIBC.syscall(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _installed() -> set[Path]:
    ours = [path for name in _OURS for path in getattr(sys.modules.get(name), "__path__", ())]
    libraries = [one for one in sys.path if one.endswith("-packages")]
    return {Path(one) for one in (*_SYSTEM, sys.prefix, sys.base_prefix, *libraries, *ours)}


def _allow(rules: int, path: Path) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # it is not there: nothing to be allowed
        return
    try:
        access = _READ_FILE | (_READ_DIRECTORY if path.is_dir() else 0)
        _LIBC.syscall(_ADD_RULE, rules, _BENEATH, ctypes.byref(_Beneath(access, opened)), 0)
    finally:
        os.close(opened)
