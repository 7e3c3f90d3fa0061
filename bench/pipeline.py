"""Our packing and an upload, part by part as the bot does it, in this process: one way of packing against another."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import aiohttp

from bot.ahead import one_ahead
from bot.pictures import Pictures
from bot.workers import Workers
from delivery.packer import Packer
from delivery.parcel import pack
from delivery.parts import plan_parts
from delivery.spool import Spool
from studies.errors import BrokenFile
from studies.read import read_header

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
    from pathlib import Path

    from delivery.parcel import Parcel
    from delivery.speed import Speed, Way
    from studies.model import Instance, Study

PART = 50_000_000
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A study of one series, and the file of each of its instances."""

    study: Study
    files: dict[Instance, Path]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.study.size

    @classmethod
    def of(cls, directory: Path) -> Source:
        """What lies in a directory."""
        headers = {}
        for path in sorted(directory.iterdir()):
            with contextlib.suppress(BrokenFile):
                if (header := read_header(path)) is not None:
                    headers[path] = header
        first = next(iter(headers.values()))
        instances = {header.instance: path for path, header in headers.items()}
        study = replace(first.study, series=(replace(first.series, instances=tuple(instances)),))
        return cls(study, instances)


@dataclass(frozen=True, slots=True)
class Run:
    """What it took: seconds until all was on the server, and the bytes that went there."""

    seconds: float
    bytes: int


class Pipeline:
    """Uploads to one homeserver as one account. `speed` is what it learns when it may choose."""

    def __init__(self, directory: Path, token: str) -> None:
        self._token = token
        self._spool = Spool(directory, 1 << 40)
        self._workers = Workers()
        self._pictures = Pictures(self._workers)
        self._http: aiohttp.ClientSession | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def ready(cls, directory: Path, token: str) -> AsyncIterator[Pipeline]:
        """With warm workers, which end with it."""
        made = cls(directory, token)
        await made._workers.warm_up()
        try:
            async with aiohttp.ClientSession() as made._http:
                yield made
        finally:
            made._workers.close()

    async def run(self, url: str, source: Source, ways: Collection[Way], speed: Speed) -> Run:
        """All of a study, each part made while the one before is uploaded."""
        began, total = time.monotonic(), 0
        async with contextlib.aclosing(one_ahead(self._parcels(source, ways, speed), lambda _: None)) as parcels:
            async for parcel in parcels:
                started = time.perf_counter()
                await self._upload(url, self._spool.path(parcel.sealed.name), parcel.size)
                speed.uploaded(parcel.size, time.perf_counter() - started)
                self._spool.discard(parcel.sealed.name)
                total += parcel.size
        return Run(time.monotonic() - began, total)

    async def _parcels(self, source: Source, ways: Collection[Way], speed: Speed) -> AsyncGenerator[Parcel, None]:
        recode, look = self._pictures.recode, self._pictures.look
        packer = Packer(self._spool, look=look, recode=recode, speed=speed, ways=ways)
        for part in plan_parts(source.study, PART):
            files = [(one, source.files[one]) for one in part.instances]
            yield await packer.packed(source.study, part, files, PART, lambda _: None)

    async def _upload(self, url: str, path: Path, size: int) -> None:
        if self._http is None:
            raise RuntimeError("not ready")
        headers = {"Authorization": f"Bearer {self._token}", "Content-Length": str(size)}
        address = f"{url}/_matrix/media/v3/upload"
        async with self._http.post(address, data=_chunks(path), headers=headers) as response:
            response.raise_for_status()


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def stored(source: Source, directory: Path) -> tuple[Path, ...]:
    """The same files as uncompressed ZIP files without a viewer, in clear, as many as there are parts."""
    spool = Spool(directory / "spool", 1 << 40)
    return tuple(_stored(source, directory, spool))


def _stored(source: Source, directory: Path, spool: Spool) -> Iterator[Path]:
    for part in plan_parts(source.study, PART):
        with spool.seal() as sink:
            parcel = pack(source.study, part, [(one, source.files[one]) for one in part.instances], sink)
        path = directory / f"{part.number}.zip"
        with path.open("wb") as file:
            file.writelines(spool.open_sealed(parcel.sealed))
        spool.discard(parcel.sealed.name)
        yield path
    shutil.rmtree(directory / "spool")
