"""The four families of errors. Every exception that a user can cause belongs to exactly one of them.

    CarrierbagError
    |-- Mistake      the human typed it wrong: one helpful sentence, nothing changed
    |-- NotAllowed   policy or trust forbids it: says what, why, and what to do now
    |-- TryLater     something outside does not answer: nothing is lost, it may be tried again
    `-- Bug          ours: the user gets a code, the operator gets the trace

The text of each is written for the person in the room: no patient data, no trace, plain text.
"""

from __future__ import annotations


class CarrierbagError(Exception):
    """A sentence for a human, and a short code by which support finds the place.

    `sentence` says what happened and what to do next; `code` is like "R01" and is unique per rule.
    """

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code

    def __str__(self) -> str:
        return f"{self.sentence} [{self.code}]" if self.code else self.sentence


class Mistake(CarrierbagError):
    """The human typed something that cannot be understood or does not exist."""


class NotAllowed(CarrierbagError):
    """Policy, the room or a device forbids it."""


class TryLater(CarrierbagError):
    """Something outside does not answer now. The work is kept and may be tried again."""


class Bug(CarrierbagError):
    """Our own fault."""
