"""What can go wrong in the ledger.

NotAllowed
`-- LedgerDamaged   the file is not what we wrote: the bot refuses to work on it
TryLater
`-- LedgerAway      the disk is full, or the file cannot be reached now
Mistake
`-- ShareMoved      somebody else (or the corridor) has moved this share meanwhile
Bug
`-- LedgerBug       a rule of the schema was broken by our own code
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from config.errors import Bug, Mistake, NotAllowed, TryLater

if TYPE_CHECKING:
    from collections.abc import Iterator


class LedgerDamaged(NotAllowed):
    """The database is damaged or was made by a newer carrierbag."""


class LedgerAway(TryLater):
    """The database cannot be written or read now; nothing was changed."""


class ShareMoved(Mistake):
    """The share is no longer in the state that the caller saw."""


class LedgerBug(Bug):
    """Our own code asked the database for something it must refuse."""


@contextlib.contextmanager
def in_our_words() -> Iterator[None]:
    """Turn each error of SQLite into one of ours. The original stays as the cause, for the operator's trace."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
        raise LedgerBug("The bot made a mistake in its own records. Nothing was changed.", "B10") from error
    except sqlite3.OperationalError as error:
        raise LedgerAway(
            "The bot cannot write its records now: the disk may be full. Nothing was changed. Try again later.", "L02"
        ) from error
    except sqlite3.DatabaseError as error:
        raise LedgerDamaged("The bot's records are damaged. Restore the ledger from your backup.", "L01") from error
