"""What a room may be called. A name is no message: every server on the way reads it. Pure."""

from __future__ import annotations

#: Characters of a name, and the digits that look like a number of a patient, a date of birth, or an accession.
LONGEST, DIGITS = 60, 4


def acceptable(name: str) -> bool:
    """Whether a room may have this name: short, visible, on one line, and not like an identifier."""
    digits = sum(character.isdigit() for character in name)
    return 0 < len(name) <= LONGEST and digits < DIGITS and name.isprintable() and name == name.strip()
