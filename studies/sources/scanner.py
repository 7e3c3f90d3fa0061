"""Bringing a folder's index up to date: what is new, what has changed, what is gone, what cannot be read.

Blocks, and belongs to the index's thread.
"""

from __future__ import annotations

import filecmp
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from studies.errors import BrokenFile, SourceAway
from studies.read import read_header
from studies.sources.files import DUPLICATE
from studies.sources.rows import Row
from studies.sources.walk import walk

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from studies.sources.index import Changes, FolderIndex
    from studies.sources.walk import Tree, Version

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan found. `added`, `changed` and `removed` count files that are (or were) instances."""

    files: int
    dicom: int
    added: int
    changed: int
    removed: int
    #: (path relative to the folder, reason) of all that is meant to be DICOM and is not offered. A path may name a
    #: patient: it is for the operator's eyes, not for logs.
    broken: tuple[tuple[str, str], ...] = ()


class Scanner:
    """Scans the tree below `root` into `index`. `digest` makes a path fit for a log."""

    def __init__(
        self, name: str, root: Path, index: FolderIndex, digest: Callable[[str], str], stopping: threading.Event
    ) -> None:
        self._name = name
        self._root = root
        self._index = index
        self._digest = digest
        self._stopping = stopping
        self._reported: set[tuple[str, Version | None]] = set()

    def scan(self) -> ScanReport:
        """One pass. Raises `SourceAway` when the folder cannot be listed; the index then stays as it is."""
        tree, known = self._walk(), self._index.known
        gone = [path for path in known if path not in tree.files and not tree.unseen(path)]
        stale = [path for path, facts in known.items() if path in tree.files and tree.files[path] != facts.version]
        new = [path for path in tree.files if path not in known]
        removed = sum(known[path].is_instance for path in gone)
        was_instance = {path for path in stale if known[path].is_instance}
        if gone or stale or new:
            self._update(tree, gone, stale, new)
        for path in tree.problems:
            self._report_once(path, tree)
        added = sum(path in known and known[path].is_instance for path in new)
        changed = sum(path in was_instance or (path in known and known[path].is_instance) for path in stale)
        dicom = sum(facts.is_instance for facts in known.values())
        broken = {path: facts.problem for path, facts in known.items() if facts.problem} | tree.problems
        return ScanReport(len(tree.files), dicom, added, changed, removed, tuple(sorted(broken.items())))

    def _walk(self) -> Tree:
        try:
            tree = walk(self._root)
            device = self._root.stat().st_dev
        except OSError as error:
            log.warning("folder_away", source=self._name, reason=type(error).__name__)
            raise away(self._name) from None
        if tree.files:
            self._index.seen_on(device)
        elif self._index.known and not self._index.was_on(device):
            # An empty mount point, not an emptied folder.
            raise away(self._name)
        return tree

    def _update(self, tree: Tree, gone: Sequence[str], stale: Sequence[str], new: Sequence[str]) -> None:
        with self._index.changing(self._same) as changes:
            changes.drop([*gone, *stale])
            second = self._second_chances(changes) if gone or stale else []
            read = sorted({*stale, *new, *second})
            for row in self._read(read, tree):
                changes.put(row)
        for path in read:
            self._report_once(path, tree)

    def _second_chances(self, changes: Changes) -> list[str]:
        """Files that were left out for another's sake are looked at again when anything went or changed."""
        duplicates = [path for path, facts in self._index.known.items() if facts.problem == DUPLICATE]
        changes.drop(duplicates)
        return duplicates

    def _read(self, paths: Sequence[str], tree: Tree) -> Iterator[Row]:
        for path in paths:
            if self._stopping.is_set() or path not in tree.files:
                continue
            try:
                yield Row(path, tree.files[path], read_header(f"{self._root}/{path}"))
            except BrokenFile as error:
                yield Row(path, tree.files[path], problem=error.reason)
            except FileNotFoundError:
                continue
            except OSError as error:
                # Not remembered, so that it is tried again: a mode may be changed without a new version.
                tree.problems[path] = f"the file cannot be read ({type(error).__name__})"

    def _same(self, one: str, other: str) -> bool:
        try:
            return filecmp.cmp(self._root / one, self._root / other, shallow=False)
        except OSError:
            return False

    def _report_once(self, path: str, tree: Tree) -> None:
        """Tell the operator of a problem, once per version of its file; the index remembers it over a restart."""
        facts, version = self._index.known.get(path), tree.files.get(path)
        problem = tree.problems.get(path) or (facts.problem if facts else "")
        if problem and (path, version) not in self._reported:
            self._reported.add((path, version))
            log.warning("file_left_out", source=self._name, file=self._digest(path), reason=problem)


def away(name: str) -> SourceAway:
    """The error for a folder that is not there."""
    return SourceAway(f"The folder of {name} cannot be read now. Nothing is lost; try again in a few minutes.", "Q20")
