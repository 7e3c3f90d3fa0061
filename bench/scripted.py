"""What a user would script today: zipfile with its usual level, then nio's upload of the file, encrypted.

The step before, dicomweb-client fetching the study from the PACS, is left out: the files are there already. The script
is thus quicker here than it would be.
"""

from __future__ import annotations

import asyncio
import sys
import time
import zipfile
from pathlib import Path

from nio import AsyncClient, UploadResponse


async def scripted(url: str, user: str, token: str, files: list[Path], out: Path) -> float:
    """Seconds. Raises `RuntimeError` when the server does not take it."""
    began = time.monotonic()
    size = _zipped(files, out)
    client = AsyncClient(url, user)
    client.access_token = token
    try:
        with open(out, "rb") as stream:  # noqa: ASYNC230, PTH123 a script's author would
            answer, _ = await client.upload(stream, "application/zip", out.name, encrypt=True, filesize=size)
    finally:
        await client.close()
    if not isinstance(answer, UploadResponse):
        raise RuntimeError(str(answer))  # noqa: TRY004
    return time.monotonic() - began


def _zipped(files: list[Path], out: Path) -> int:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.name)
    return out.stat().st_size


def main() -> None:
    """URL, user, token, ZIP to be made, directory of files."""
    url, user, token, out, directory = sys.argv[1:]
    print(asyncio.run(scripted(url, user, token, sorted(Path(directory).iterdir()), Path(out))))


if __name__ == "__main__":
    main()
