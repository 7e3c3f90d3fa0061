"""Keys as people read them to one another. Pure."""

from __future__ import annotations


def aloud(key: str) -> str:
    """In groups of four, as other apps show it. Upper and lower case differ."""
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))


def typed(text: str) -> str:
    """The key of what somebody typed or pasted: without spaces, and without the padding that some apps show."""
    return "".join(text.split()).rstrip("=")
