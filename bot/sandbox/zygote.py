"""The process that workers are forked from: the renderer loaded, and nothing that is the bot's own.

It is started afresh with an empty environment, so that no worker ever has a key, a token or a room in its memory. It
decodes nothing itself. Orders come as packets on descriptor 0: b"f" and a number, with a socket, for a new worker; b"k"
and the number to end it. When the bot is gone, so is it, and with it every worker.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import struct
import sys
from pathlib import Path

from bot.sandbox.child import live
from bot.sandbox.limits import die_with_parent

ORDER = struct.Struct(">cQ")
FORK, KILL = b"f", b"k"

_ORDERS = 0


def main() -> None:
    """Serve orders until the bot hangs up."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bot, which stops us in order
    with contextlib.suppress(OSError):  # when memory is short, a worker goes and not the bot
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    for module in sys.argv[1:]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a worker would copy every page that all of them share
    _serve(socket.socket(fileno=os.dup(_ORDERS)))


def _serve(orders: socket.socket) -> None:
    workers: dict[int, int] = {}
    while True:
        packet, passed, _, _ = socket.recv_fds(orders, ORDER.size, 1)
        for number in [number for number, pid in workers.items() if os.waitpid(pid, os.WNOHANG) != (0, 0)]:
            del workers[number]  # reaped only here: a number that is known is a process of ours
        if not packet:
            return
        kind, number = ORDER.unpack(packet)
        if kind == KILL and number in workers:
            os.kill(workers[number], signal.SIGKILL)
        elif kind == FORK:
            workers[number] = _fork(orders, passed[0])


def _fork(orders: socket.socket, descriptor: int) -> int:
    """The process id of a new worker that is talked to over `descriptor`."""
    pid = os.fork()
    if pid:
        os.close(descriptor)
        return pid
    try:
        die_with_parent()
        orders.close()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):  # decoders print parts of files
            os.dup2(nothing, standard)
        os.close(nothing)
        live(descriptor)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
