"""seccomp: the few calls to the kernel that reading a file and computing with it needs, and no others (Linux).

No network, no programs, no processes, no signals, nothing opened for writing. What is not allowed fails with EPERM,
which decoders and Python turn into an error like any other.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

# Name: (x86_64, aarch64); None where the architecture has no such call.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "poll": (7, None),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "access": (21, None),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "dup": (32, 23),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "uname": (63, 160),
    "fcntl": (72, 25),
    "getcwd": (79, 17),
    "readlink": (89, None),
    "gettimeofday": (96, 169),
    "getrlimit": (97, 163),
    "sysinfo": (99, 179),
    "getuid": (102, 174),
    "getppid": (110, 173),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "getdents64": (217, 61),
    "set_tid_address": (218, 96),
    "fadvise64": (221, 223),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "newfstatat": (262, 79),
    "readlinkat": (267, 78),
    "faccessat": (269, 48),
    "set_robust_list": (273, 99),
    "preadv": (295, 69),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "statx": (332, 291),
    "rseq": (334, 293),
    "faccessat2": (439, 439),
}
_OPENAT, _CLONE, _CLONE3 = (257, 56), (56, 220), (435, 435)
#: Audit architecture numbers, in the order of the columns.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Where the filter finds things (struct seccomp_data): the low halves of arguments, both machines being little endian.
_NUMBER, _ARCHITECTURE, _FIRST, _THIRD = 0, 4, 16, 32
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_CLONE_THREAD = 0x10000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_NO_NEW_PRIVS, _GET_SECCOMP, _SET_SECCOMP, _FILTER = 38, 21, 22, 2
_Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def available() -> bool:
    """Whether this machine has such filters."""
    return bool(_code(platform.machine())) and ctypes.CDLL(None).prctl(_GET_SECCOMP, 0, 0, 0, 0) >= 0


def confine() -> bool:
    """From now on, for this process and all of its threads. Whether the kernel did."""
    code = _code(platform.machine())
    if not code:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)


def _code(machine: str) -> bytes:
    """The filter as classic BPF, b"" for a machine whose numbers we do not know."""
    if machine not in _ARCHITECTURES:
        return b""
    column = list(_ARCHITECTURES).index(machine)
    numbers = [both[column] for both in _ALLOWED.values()]
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _failing(errno.EPERM),
        (_LOAD, 0, 0, _NUMBER),
        *(step for number in numbers if number is not None for step in _when(number, [_allowing()])),
        *_when(_CLONE3[column], [_failing(errno.ENOSYS)]),  # its flags cannot be seen; the C library then takes clone
        *_when(_OPENAT[column], _if_bits(_THIRD, _WRITING, _failing(errno.EPERM), _allowing())),
        *_when(_CLONE[column], _if_bits(_FIRST, _CLONE_THREAD, _allowing(), _failing(errno.EPERM))),
        _failing(errno.EPERM),
    ]
    return b"".join(struct.pack("<HBBI", *step) for step in program)


def _when(number: int, then: list[_Instruction]) -> list[_Instruction]:
    return [(_EQUAL, 0, len(then), number), *then]


def _if_bits(where: int, bits: int, then: _Instruction, otherwise: _Instruction) -> list[_Instruction]:
    return [(_LOAD, 0, 0, where), (_ANY_BIT, 0, 1, bits), then, otherwise]


def _allowing() -> _Instruction:
    return (_RETURN, 0, 0, _ALLOW)


def _failing(number: int) -> _Instruction:
    return (_RETURN, 0, 0, _FAIL | number)
