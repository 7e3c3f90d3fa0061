"""A folder of DICOM files as a source: a disc, an export, a share into which a modality writes.

Headers are read once per version of a file (path, modification time, size) and kept in a sealed index. A folder that is
not there now loses nothing from the index.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog

from studies.errors import BrokenFile, InstanceMissing, SourceAway, StudyUnknown, TwoPatients
from studies.model import StudyQuery
from studies.read import read_header
from studies.sources.index import FolderIndex
from studies.sources.scanner import Scanner, ScanReport, away

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from config.state import FieldCipher
    from studies.model import Instance, Study
    from studies.sources.rows import Row

__all__ = ["FolderSource", "ScanReport"]

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

#: Seconds for which a scan is young enough to answer from.
FRESH = 2.0


class FolderSource:
    """A `StudySource` over the tree below `root`, with its index in the file `index`. Call `open` first."""

    def __init__(self, name: str, root: Path, index: Path, cipher: FieldCipher) -> None:
        self._name = name
        self._root = root.resolve()
        self._index = FolderIndex(index, cipher)
        self._stopping = threading.Event()
        self._scanner = Scanner(
            name, self._root, self._index, lambda path: cipher.blind(path, "folder/path").hex()[:12], self._stopping
        )
        self._scanned_at = float("-inf")
        # One thread: the index has one user at a time, and a slow network share blocks nobody but its own callers.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"folder-{name}")

    @property
    def name(self) -> str:
        """The operator's word for this source."""
        return self._name

    async def open(self) -> None:
        """Open the index. The folder itself is first looked at by the first search, or by `rescan`."""
        await self._run(self._index.open)

    async def close(self) -> None:
        """Stop a scan that is under way, keep what it has read, and close the index."""
        self._stopping.set()
        await self._run(self._index.close)
        self._thread.shutdown()

    async def rescan(self) -> ScanReport:
        """Bring the index up to date. Raises `SourceAway` when the folder cannot be listed."""
        return await self._run(self._scan)

    async def find(self, query: StudyQuery, *, limit: int = 10) -> list[Study]:
        """Matching studies, newest first, as whole trees. Raises `SourceAway`.

        A study whose files name two patients is left out; when nothing else matches what was asked for, that is said
        (`TwoPatients`) instead of "nothing found".
        """
        return await self._run(self._find, query, limit)

    async def study(self, study_instance_uid: str) -> Study:
        """The whole tree of one study. Raises `StudyUnknown`, `TwoPatients` or `SourceAway`."""
        found = await self._run(self._find, StudyQuery(study_instance_uid=study_instance_uid), 1)
        if not found:
            raise StudyUnknown(f"{self._name} has no such study. Check the number, or look with !find.", "Q21")
        return found[0]

    async def fetch(self, instances: Sequence[Instance]) -> AsyncIterator[tuple[Instance, Path]]:
        """Each instance with its file. Raises `InstanceMissing` when it is gone or no longer what was listed."""
        for instance in instances:
            yield instance, await self._run(self._locate, instance)

    async def _run(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *arguments))
        except (sqlite3.Error, OSError) as error:
            log.error("folder_index_failed", source=self._name, reason=type(error).__name__)  # noqa: TRY400 - paths
            raise SourceAway(
                f"The index of {self._name} cannot be used now (the disk may be full). Tell the operator.", "Q23"
            ) from None

    def _scan(self) -> ScanReport:
        report = self._scanner.scan()
        self._scanned_at = time.monotonic()
        return report

    def _find(self, query: StudyQuery, limit: int) -> list[Study]:
        if time.monotonic() - self._scanned_at > FRESH:
            self._scan()
        found: list[Study] = []
        mixed: TwoPatients | None = None
        for study in self._index.matching(query):
            if len(found) >= limit:
                break
            try:
                found.append(self._index.tree(study))
            except TwoPatients as error:
                mixed = error
        if mixed and not found and query != StudyQuery():
            raise mixed
        return found

    def _locate(self, instance: Instance) -> Path:
        """The instance's file, if it is still inside the folder and still what was listed."""
        row = self._index.row(instance)
        try:
            path = (self._root / row.path).resolve(strict=True) if row else None
            if row and path and path.is_relative_to(self._root) and _still(path, row, instance):
                return path
        except OSError:
            pass
        if not self._root.is_dir():
            raise away(self._name)
        raise InstanceMissing("An image of this study is no longer in its folder, or has changed. Search again.", "Q22")


def _still(path: Path, row: Row, instance: Instance) -> bool:
    """Whether the file holds what was listed. One that was only touched does; its header is read again to know."""
    facts = path.stat()
    if facts.st_size != instance.size or row.header is None or row.header.instance != instance:
        return False
    if facts.st_mtime_ns == row.version[0]:
        return True
    try:
        now = read_header(path)
    except BrokenFile:
        return False
    return now is not None and replace(now, instance=replace(now.instance, copy=instance.copy)) == row.header
