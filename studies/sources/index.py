"""The index of a folder in SQLite, of no use to a thief: rows are sealed, look-ups go through keyed digests.

Readable without the key are the number of files and studies, which studies share some value, and study dates.
Everything here blocks and belongs to one thread.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import structlog

from config.errors import Bug
from studies.sources.keys import alternatives, keys_of
from studies.sources.rows import Row, pack, unpack
from studies.tree import assemble

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from config.state import FieldCipher
    from studies.build import Header
    from studies.model import Instance, Study, StudyQuery
    from studies.sources.walk import Version

log = structlog.get_logger(__name__)

#: Raised whenever the tables or the rows' JSON change: an older index is made anew.
_VERSION = 3
_SCHEMA = """
CREATE TABLE files (id INTEGER PRIMARY KEY, study BLOB, instance BLOB, sealed BLOB NOT NULL);
CREATE INDEX files_of_study ON files (study) WHERE study IS NOT NULL;
CREATE INDEX file_of_instance ON files (instance) WHERE instance IS NOT NULL;
CREATE TABLE studies (study BLOB PRIMARY KEY, study_date TEXT NOT NULL, sealed_time BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX studies_by_date ON studies (study_date);
CREATE TABLE keys (value BLOB NOT NULL, study BLOB NOT NULL, PRIMARY KEY (value, study)) WITHOUT ROWID;
CREATE INDEX keys_of_study ON keys (study);
CREATE TABLE root (device INTEGER NOT NULL);
"""

#: The reason that is given for a file that is the same, byte for byte, as another one of its instance.
DUPLICATE = "another file is the same, byte for byte; this one is left out"


class Known(NamedTuple):
    """What is remembered of a file without looking at its row."""

    row_id: int
    version: Version
    is_instance: bool
    problem: str


class FolderIndex:
    """Rows of one folder's files. `known` holds what the next scan compares with, by path."""

    def __init__(self, path: Path, cipher: FieldCipher) -> None:
        self._path = path
        self._cipher = cipher
        self.known: dict[str, Known] = {}

    def open(self) -> None:
        """Open the index, or begin a new one if there is none, or it is damaged, older or sealed with another key."""
        try:
            self._db = self._connect()
            self._load()
        except (sqlite3.DatabaseError, Bug, ValueError) as error:
            log.warning("folder_index_rebuilt", reason=type(error).__name__)
            self.close()
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._db = self._connect()

    def close(self) -> None:
        """Close the database."""
        self._db.close()
        self.known = {}

    def _connect(self) -> sqlite3.Connection:
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
        return db

    def _load(self) -> None:
        self.known = {}
        for row_id, _, instance, row in self._rows("1"):
            self.known[row.path] = Known(row_id, row.version, instance is not None, row.problem)

    def _rows(self, condition: str, *values: object) -> Iterator[tuple[int, bytes | None, bytes | None, Row]]:
        # The condition is one of our own sentences, never somebody's words.
        query = f"SELECT id, study, instance, sealed FROM files WHERE {condition} ORDER BY id"  # noqa: S608
        for row_id, study, instance, sealed in self._db.execute(query, values):
            yield row_id, study, instance, unpack(self._cipher.open(sealed, _place(row_id, study, instance)))

    @contextlib.contextmanager
    def changing(self, same: Callable[[str, str], bool]) -> Iterator[Changes]:
        """One transaction; at its end the touched studies' dates and keys are brought up to date.

        `same` compares the content of two files, by their paths.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            changes = Changes(self, self._db, self._cipher, same)
            yield changes
            for study in changes.dropped:
                self._db.execute("DELETE FROM keys WHERE study = ?", (study,))
                self._db.execute("DELETE FROM studies WHERE study = ?", (study,))
                self._look_up(study, {one.study for one in self._headers(study)})
            for study, said in changes.added.items():
                if study not in changes.dropped:
                    self._look_up(study, said)
        except BaseException:
            self._db.execute("ROLLBACK")
            self._load()
            raise
        self._db.execute("COMMIT")

    def _look_up(self, study: bytes, said: set[Study]) -> None:
        """Let a study be found by what its files say of it, besides what others of them have said before."""
        moments = [(_iso(one.study_date), _iso(one.study_time)) for one in said] + self._moments(study)
        if not moments:
            return
        date, time = max(moments)
        sealed = self._cipher.seal(time.encode(), _time_place(study, date))
        self._db.execute("INSERT OR REPLACE INTO studies VALUES (?, ?, ?)", (study, date, sealed))
        values = [(self._blind(key), study) for key in keys_of(said)]
        self._db.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", values)

    def _moments(self, study: bytes) -> list[tuple[str, str]]:
        rows = self._db.execute("SELECT study_date, sealed_time FROM studies WHERE study = ?", (study,))
        return [(date, self._cipher.open(sealed, _time_place(study, date)).decode()) for date, sealed in rows]

    def _headers(self, study: bytes) -> list[Header]:
        return [row.header for *_, row in self._rows("study = ?", study) if row.header]

    def _blind(self, key: tuple[str, str]) -> bytes:
        kind, value = key
        return self._cipher.blind(value, f"folder/{kind}")

    def matching(self, query: StudyQuery) -> Iterator[bytes]:
        """The digests of matching studies, newest first. Times are sealed, so that each day is sorted here."""
        sql, values = "SELECT study_date, study, sealed_time FROM studies", []
        for number, keys in enumerate(alternatives(query)):
            marks = ", ".join("?" * len(keys))
            joint = "AND" if number else "WHERE"
            sql += f" {joint} study IN (SELECT study FROM keys WHERE value IN ({marks}))"  # noqa: S608 - only marks
            values += [self._blind(key) for key in keys]
        found = self._db.execute(f"{sql} ORDER BY study_date DESC", values).fetchall()
        for date, day in groupby(found, key=lambda one: one[0]):
            timed = [(self._cipher.open(sealed, _time_place(study, date)), study) for _, study, sealed in day]
            yield from (study for _, study in sorted(timed, reverse=True))

    def tree(self, study: bytes) -> Study:
        """The whole study. Raises `TwoPatients`."""
        return assemble(self._headers(study))

    def was_on(self, device: int) -> bool:
        """Whether the folder was on this file system when it was last seen with files in it."""
        return bool(self._db.execute("SELECT 1 FROM root WHERE device = ?", (device,)).fetchone())

    def seen_on(self, device: int) -> None:
        """Remember on which file system the folder lies."""
        if not self.was_on(device):
            self._db.execute("DELETE FROM root")
            self._db.execute("INSERT INTO root VALUES (?)", (device,))

    def row(self, instance: Instance) -> Row | None:
        """The file that holds an instance."""
        rows = self.rows(self._cipher.blind(instance.sop_instance_uid, "folder/instance"))
        return next((row for row in rows if row.header and row.header.instance.copy == instance.copy), None)

    def rows(self, instance: bytes) -> list[Row]:
        """All files that hold one SOP Instance UID, given its digest."""
        return [row for *_, row in self._rows("instance = ?", instance)]


class Changes:
    """Rows put and dropped within one transaction."""

    def __init__(
        self, index: FolderIndex, db: sqlite3.Connection, cipher: FieldCipher, same: Callable[[str, str], bool]
    ) -> None:
        self._index = index
        self._db = db
        self._cipher = cipher
        self._same = same
        self._known = index.known
        self._next = 1 + (db.execute("SELECT max(id) FROM files").fetchone()[0] or 0)
        self._digests: dict[str, bytes] = {}
        #: Studies that lost a file, by digest; and what new files say of theirs.
        self.dropped: set[bytes] = set()
        self.added: dict[bytes, set[Study]] = {}

    def drop(self, paths: Iterable[str]) -> None:
        """Forget these files."""
        for path in paths:
            row_id = self._known.pop(path).row_id
            (study,) = self._db.execute("SELECT study FROM files WHERE id = ?", (row_id,)).fetchone()
            self._db.execute("DELETE FROM files WHERE id = ?", (row_id,))
            if study:
                self.dropped.add(study)

    def put(self, row: Row) -> None:
        """Remember a file. One that holds other bytes under a known SOP Instance UID becomes a copy with a number.

        Which of the two is right, nobody here can tell; so neither is lost. The same bytes again are left out.
        """
        header = row.header
        if header is None:
            self._insert(row, None, None)
            return
        instance = self._cipher.blind(header.instance.sop_instance_uid, "folder/instance")
        if self._db.execute("SELECT 1 FROM files WHERE instance = ?", (instance,)).fetchone():
            others = self._index.rows(instance)
            if any(self._same(other.path, row.path) for other in others):
                self._insert(Row(row.path, row.version, problem=DUPLICATE), None, None)
                return
            row = replace(row, header=_numbered(header, others))
        study = self._digest(header.study.study_instance_uid)
        self._insert(row, study, instance)
        self.added.setdefault(study, set()).add(header.study)

    def _digest(self, study_instance_uid: str) -> bytes:
        if study_instance_uid not in self._digests:
            self._digests[study_instance_uid] = self._cipher.blind(study_instance_uid, "folder/files of study")
        return self._digests[study_instance_uid]

    def _insert(self, row: Row, study: bytes | None, instance: bytes | None) -> None:
        row_id, self._next = self._next, self._next + 1
        sealed = self._cipher.seal(pack(row), _place(row_id, study, instance))
        self._db.execute("INSERT INTO files VALUES (?, ?, ?, ?)", (row_id, study, instance, sealed))
        self._known[row.path] = Known(row_id, row.version, instance is not None, row.problem)


def _numbered(header: Header, others: Sequence[Row]) -> Header:
    copy = 1 + max(other.header.instance.copy for other in others if other.header)
    return replace(header, instance=replace(header.instance, copy=copy))


def _iso(value: datetime.date | datetime.time | None) -> str:
    return value.isoformat() if value else ""


def _time_place(study: bytes, date: str) -> str:
    return f"studies/{study.hex()}/{date}"


def _place(row_id: int, study: bytes | None, instance: bytes | None) -> str:
    """Binds a sealed row to the columns beside it: a row moved to another study does not open."""
    return f"files/{row_id}/{(study or b'').hex()}/{(instance or b'').hex()}"
