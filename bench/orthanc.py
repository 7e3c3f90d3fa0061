"""Orthanc's `/rendered`: how long a picture takes over HTTP on a kept connection. A program of its own.

Orthanc can only listen to everybody, so it runs where there is nobody else: `bench.renderers` starts this program in a
network namespace of its own. Files are stored before the clock starts. One JSON order a line, one answer a line.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 8042
PATIENCE = 60.0
QUALITY = 88


class Orthanc:
    """A running server and what has been stored in it."""

    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
        self._stored: dict[str, str] = {}

    def seconds(self, files: list[str], edge: int) -> float:
        """For one picture of each file, within `edge` x `edge` and scaled as smoothly as it can, as a JPEG."""
        self.connect()
        addresses = [self._stored.get(file) or self._store(file) for file in files]
        started = time.perf_counter()
        for address in addresses:
            headers = {"Accept": f"image/jpeg; quality={QUALITY}"}
            self._ask("GET", f"{address}/rendered?width={edge}&height={edge}&smooth=1", headers=headers)
        return time.perf_counter() - started

    def connect(self) -> None:
        """Anew: it hangs up after a second of silence. Raises `OSError` while it is not there."""
        self._connection.close()
        self._ask("GET", "/system")

    def _store(self, file: str) -> str:
        answer = json.loads(self._ask("POST", "/instances", Path(file).read_bytes()))
        instance = json.loads(self._ask("GET", f"/instances/{answer['ID']}"))
        frames = int(instance["MainDicomTags"].get("NumberOfFrames", 1))
        address = f"/instances/{answer['ID']}" + ("/frames/0" if frames > 1 else "")
        self._stored[file] = address
        return address

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        """Raises `RuntimeError` when it refuses: there is nothing it could show."""
        self._connection.request(method, path, body, headers or {})
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(answer.status)
        return data


@contextlib.contextmanager
def running(root: Path) -> Iterator[Orthanc]:
    """Debian's Orthanc, unpacked at `root`, with an empty store that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="carrierbag-orthanc-") as directory:
        settings = Path(directory) / "orthanc.json"
        paths = {"StorageDirectory": directory, "IndexDirectory": directory}
        settings.write_text(json.dumps({"HttpPort": PORT, "DicomServerEnabled": False, **paths}))
        libraries = ":".join(str(path) for path in (root / "usr" / "lib").glob("*-linux-gnu"))
        process = subprocess.Popen(
            [root / "usr" / "sbin" / "Orthanc", settings],
            env={**os.environ, "LD_LIBRARY_PATH": libraries},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _begun()
        finally:
            process.terminate()
            process.wait()


def _begun() -> Orthanc:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            orthanc = Orthanc()
            orthanc.connect()
            return orthanc
        if time.monotonic() > deadline:
            raise RuntimeError("Orthanc does not start")
        time.sleep(0.1)


def _answer(orthanc: Orthanc, order: dict[str, Any]) -> dict[str, object]:
    try:
        return {"seconds": orthanc.seconds(order["files"], order["edge"])}
    except RuntimeError as refused:
        return {"failure": str(refused)}


def main() -> None:
    """Answer orders until there are no more. The namespace's loopback is down when it is new."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with running(Path(sys.argv[1])) as orthanc:
        for line in sys.stdin:
            print(json.dumps(_answer(orthanc, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
