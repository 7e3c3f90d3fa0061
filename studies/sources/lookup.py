"""The tables by which a folder's studies are found: keyed digests of what can be asked for, and dates for order.

Everything here blocks and belongs to the index's thread.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from studies.sources.keys import alternatives, keys_of

if TYPE_CHECKING:
    import datetime
    import sqlite3
    from collections.abc import Iterator

    from config.state import FieldCipher
    from studies.model import Study, StudyQuery
    from studies.sources.keys import Key

SCHEMA = """
CREATE TABLE studies (study BLOB PRIMARY KEY, study_date TEXT NOT NULL, sealed_time BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX studies_by_date ON studies (study_date);
CREATE TABLE keys (value BLOB NOT NULL, study BLOB NOT NULL, PRIMARY KEY (value, study)) WITHOUT ROWID;
CREATE INDEX keys_of_study ON keys (study);
"""


class Lookup:
    """Which studies match. A study is named by its digest."""

    def __init__(self, db: sqlite3.Connection, cipher: FieldCipher) -> None:
        self._db = db
        self._cipher = cipher

    def forget(self, study: bytes) -> None:
        """The study is found no more."""
        self._db.execute("DELETE FROM keys WHERE study = ?", (study,))
        self._db.execute("DELETE FROM studies WHERE study = ?", (study,))

    def add(self, study: bytes, said: set[Study]) -> None:
        """Let a study be found by what its files say of it, besides what others of them have said before."""
        moments = [(_iso(one.study_date), _iso(one.study_time)) for one in said] + self._moments(study)
        date, time = max(moments)
        sealed = self._cipher.seal(time.encode(), _place(study, date))
        self._db.execute("INSERT OR REPLACE INTO studies VALUES (?, ?, ?)", (study, date, sealed))
        values = [(self._blind(key), study) for key in keys_of(said)]
        self._db.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", values)

    def _moments(self, study: bytes) -> list[tuple[str, str]]:
        rows = self._db.execute("SELECT study_date, sealed_time FROM studies WHERE study = ?", (study,))
        return [(date, self._cipher.open(sealed, _place(study, date)).decode()) for date, sealed in rows]

    def matching(self, query: StudyQuery) -> Iterator[bytes]:
        """The matching studies, newest first. Times are sealed, so that each day is sorted here."""
        sql, values = "SELECT study_date, study, sealed_time FROM studies", []
        for number, keys in enumerate(alternatives(query)):
            marks = ", ".join("?" * len(keys))
            joint = "AND" if number else "WHERE"
            sql += f" {joint} study IN (SELECT study FROM keys WHERE value IN ({marks}))"  # noqa: S608 - only marks
            values += [self._blind(key) for key in keys]
        found = self._db.execute(f"{sql} ORDER BY study_date DESC", values).fetchall()
        for date, day in groupby(found, key=lambda one: one[0]):
            timed = [(self._cipher.open(sealed, _place(study, date)), study) for _, study, sealed in day]
            yield from (study for _, study in sorted(timed, reverse=True))

    def _blind(self, key: Key) -> bytes:
        kind, value = key
        return self._cipher.blind(value, f"folder/{kind}")


def _iso(value: datetime.date | datetime.time | None) -> str:
    return value.isoformat() if value else ""


def _place(study: bytes, date: str) -> str:
    return f"studies/{study.hex()}/{date}"
