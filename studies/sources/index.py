"""The index of a folder in SQLite, of no use to a thief: rows are sealed, look-ups go through keyed digests.

Readable without the key are the number of files and studies, which studies share some value, and study dates.
Everything here blocks and belongs to one thread.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

import structlog

from config.errors import Bug
from studies.sources import files, lookup
from studies.sources.files import Files, Known
from studies.sources.lookup import Lookup
from studies.tree import assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from config.state import FieldCipher
    from studies.model import Instance, Study, StudyQuery
    from studies.sources.rows import Row

log = structlog.get_logger(__name__)

#: Raised whenever the tables or the rows' JSON change: an older index is made anew.
_VERSION = 4
_SCHEMA = f"{files.SCHEMA} {lookup.SCHEMA} CREATE TABLE root (device INTEGER NOT NULL);"


class FolderIndex:
    """What is known of one folder's files, and how its studies are found. Call `open` first."""

    def __init__(self, path: Path, cipher: FieldCipher) -> None:
        self._path = path
        self._cipher = cipher

    def open(self) -> None:
        """Open the index, or begin a new one if there is none, or it is damaged, older or sealed with another key."""
        try:
            self._connect()
        except (sqlite3.DatabaseError, Bug, ValueError) as error:
            log.warning("folder_index_rebuilt", reason=type(error).__name__)
            self.close()
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._connect()

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _connect(self) -> None:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._db = db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        # Losing the last scan in a power cut costs a scan, nothing else.
        db.execute("PRAGMA synchronous = NORMAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, _VERSION}:
            raise ValueError(version)
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        self._files, self._lookup = Files(db, self._cipher), Lookup(db, self._cipher)

    @property
    def known(self) -> dict[str, Known]:
        """What the next scan compares with, by path."""
        return self._files.known

    @contextlib.contextmanager
    def changing(self, same: Callable[[str, str], bool]) -> Iterator[Changes]:
        """One transaction; at its end the touched studies are found by what their files say now.

        `same` compares the content of two files, by their paths.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            changes = Changes(self._files, same)
            yield changes
            self._look_up(changes)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            self._files.load()
            raise

    def _look_up(self, changes: Changes) -> None:
        for study in changes.dropped:
            self._lookup.forget(study)
            changes.added[study] = {one.study for one in self._files.headers(study)}
        for study, said in changes.added.items():
            if said:
                self._lookup.add(study, said)

    def matching(self, query: StudyQuery) -> Iterator[bytes]:
        """The digests of matching studies, newest first."""
        return self._lookup.matching(query)

    def tree(self, study: bytes) -> Study:
        """The whole study. Raises `TwoPatients`."""
        return assemble(self._files.headers(study))

    def row(self, instance: Instance) -> Row | None:
        """The file that holds an instance."""
        return self._files.row(instance)

    def was_on(self, device: int) -> bool:
        """Whether the folder was on this file system when it was last seen with files in it."""
        return bool(self._db.execute("SELECT 1 FROM root WHERE device = ?", (device,)).fetchone())

    def seen_on(self, device: int) -> None:
        """Remember on which file system the folder lies."""
        if not self.was_on(device):
            self._db.execute("DELETE FROM root")
            self._db.execute("INSERT INTO root VALUES (?)", (device,))


class Changes:
    """What one scan puts and drops, and which studies that touches."""

    def __init__(self, table: Files, same: Callable[[str, str], bool]) -> None:
        self._files = table
        self._same = same
        #: Studies that lost a file, by digest; and what new files say of theirs.
        self.dropped: set[bytes] = set()
        self.added: dict[bytes, set[Study]] = {}

    def drop(self, paths: Iterable[str]) -> None:
        """Forget these files."""
        self.dropped.update(study for path in paths if (study := self._files.drop(path)))

    def put(self, row: Row) -> None:
        """Remember a file."""
        study = self._files.put(row, self._same)
        if study and row.header:
            self.added.setdefault(study, set()).add(row.header.study)
