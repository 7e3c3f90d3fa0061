r"""The life of a share: its states, a sentence for each, and the moves that are allowed. Pure.

opened -> previewing -> delivering -> delivered
   \           |           /
    `--> waiting (the source or the server is away) and back to where the steps say it stopped
any unfinished state -> cancelled | failed
"""

from __future__ import annotations

from enum import StrEnum


class ShareState(StrEnum):
    """Where a share stands."""

    OPENED = "opened"
    PREVIEWING = "previewing"
    DELIVERING = "delivering"
    WAITING = "waiting"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Nothing can happen to it any more."""
        return not MOVES[self]

    @property
    def sentence(self) -> str:
        """What a person in the room reads about it."""
        return SENTENCES[self]


_GIVEN_UP = frozenset({ShareState.CANCELLED, ShareState.FAILED})

MOVES: dict[ShareState, frozenset[ShareState]] = {
    ShareState.OPENED: _GIVEN_UP | {ShareState.PREVIEWING, ShareState.WAITING},
    ShareState.PREVIEWING: _GIVEN_UP | {ShareState.DELIVERING, ShareState.WAITING},
    ShareState.DELIVERING: _GIVEN_UP | {ShareState.DELIVERED, ShareState.WAITING},
    ShareState.WAITING: _GIVEN_UP | {ShareState.OPENED, ShareState.PREVIEWING, ShareState.DELIVERING},
    ShareState.DELIVERED: frozenset(),
    ShareState.CANCELLED: frozenset(),
    ShareState.FAILED: frozenset(),
}

SENTENCES: dict[ShareState, str] = {
    ShareState.OPENED: "Accepted; the images are being fetched.",
    ShareState.PREVIEWING: "The preview pictures are being made and posted.",
    ShareState.DELIVERING: "The DICOM files are being packed and sent.",
    ShareState.WAITING: "Waiting: something outside does not answer. Nothing is lost; it goes on by itself.",
    ShareState.DELIVERED: "Everything was sent.",
    ShareState.CANCELLED: "Stopped. What was already posted stays in the room.",
    ShareState.FAILED: "It could not be finished. What was already posted stays in the room.",
}

UNFINISHED = tuple(state for state in ShareState if MOVES[state])


def allowed(here: ShareState, there: ShareState) -> bool:
    """Whether a share may go from one state to the other."""
    return there in MOVES[here]
