"""The table of a folder's files: one sealed row each, and the memory that the next scan compares with.

Everything here blocks and belongs to the index's thread.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from studies.sources.rows import Row, pack, unpack

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from config.state import FieldCipher
    from studies.build import Header
    from studies.model import Instance
    from studies.sources.walk import Version

SCHEMA = """
CREATE TABLE files (id INTEGER PRIMARY KEY, study BLOB, instance BLOB, sealed BLOB NOT NULL);
CREATE INDEX files_of_study ON files (study) WHERE study IS NOT NULL;
CREATE INDEX file_of_instance ON files (instance) WHERE instance IS NOT NULL;
"""

#: The reason that is given for a file that is the same, byte for byte, as another one of its instance.
DUPLICATE = "another file is the same, byte for byte; this one is left out"


class Known(NamedTuple):
    """What is remembered of a file without looking at its row."""

    row_id: int
    version: Version
    is_instance: bool
    problem: str


class Files:
    """The rows, and `known` by path. A study is named by its digest here."""

    def __init__(self, db: sqlite3.Connection, cipher: FieldCipher) -> None:
        self._db = db
        self._cipher = cipher
        self._digests: dict[str, bytes] = {}
        self._next = 1
        self.known: dict[str, Known] = {}
        self.load()

    def load(self) -> None:
        """Read `known` from the rows. Raises `Bug` when one of them does not open."""
        self.known = {
            row.path: Known(row_id, row.version, row.header is not None, row.problem) for row_id, row in self._rows("1")
        }
        self._next = 1 + max((known.row_id for known in self.known.values()), default=0)

    def _rows(self, condition: str, *values: object) -> Iterator[tuple[int, Row]]:
        # The condition is one of our own sentences, never somebody's words.
        query = f"SELECT id, study, instance, sealed FROM files WHERE {condition} ORDER BY id"  # noqa: S608
        for row_id, study, instance, sealed in self._db.execute(query, values):
            yield row_id, unpack(self._cipher.open(sealed, _place(row_id, study, instance)))

    def headers(self, study: bytes) -> list[Header]:
        """Of all files of a study."""
        return [row.header for _, row in self._rows("study = ?", study) if row.header]

    def row(self, instance: Instance) -> Row | None:
        """The file that holds an instance."""
        rows = self._of_instance(self._instance(instance.sop_instance_uid))
        return next((row for row in rows if row.header and row.header.instance.copy == instance.copy), None)

    def _of_instance(self, instance: bytes) -> list[Row]:
        return [row for _, row in self._rows("instance = ?", instance)]

    def drop(self, path: str) -> bytes | None:
        """Forget a file. Gives the study that has lost it."""
        row_id = self.known.pop(path).row_id
        study: bytes | None = self._db.execute("SELECT study FROM files WHERE id = ?", (row_id,)).fetchone()[0]
        self._db.execute("DELETE FROM files WHERE id = ?", (row_id,))
        return study

    def put(self, row: Row, same: Callable[[str, str], bool]) -> bytes | None:
        """Remember a file. Gives the study that it belongs to.

        One that holds other bytes under a known SOP Instance UID becomes a copy with a number: which of the two is
        right, nobody here can tell; so neither is lost. The same bytes again (`same` compares) are left out.
        """
        header = row.header
        if header is None:
            return self._insert(row, None, None)
        instance = self._instance(header.instance.sop_instance_uid)
        if self._db.execute("SELECT 1 FROM files WHERE instance = ?", (instance,)).fetchone():
            others = self._of_instance(instance)
            if any(same(other.path, row.path) for other in others):
                return self._insert(Row(row.path, row.version, problem=DUPLICATE), None, None)
            row = replace(row, header=_numbered(header, others))
        return self._insert(row, self._study(header.study.study_instance_uid), instance)

    def _insert(self, row: Row, study: bytes | None, instance: bytes | None) -> bytes | None:
        row_id, self._next = self._next, self._next + 1
        sealed = self._cipher.seal(pack(row), _place(row_id, study, instance))
        self._db.execute("INSERT INTO files VALUES (?, ?, ?, ?)", (row_id, study, instance, sealed))
        self.known[row.path] = Known(row_id, row.version, study is not None, row.problem)
        return study

    def _study(self, uid: str) -> bytes:
        if uid not in self._digests:
            self._digests[uid] = self._cipher.blind(uid, "folder/files of study")
        return self._digests[uid]

    def _instance(self, uid: str) -> bytes:
        return self._cipher.blind(uid, "folder/instance")


def _numbered(header: Header, others: Sequence[Row]) -> Header:
    copy = 1 + max(other.header.instance.copy for other in others if other.header)
    return replace(header, instance=replace(header.instance, copy=copy))


def _place(row_id: int, study: bytes | None, instance: bytes | None) -> str:
    """Binds a sealed row to the columns beside it: a row moved to another study does not open."""
    return f"files/{row_id}/{(study or b'').hex()}/{(instance or b'').hex()}"
