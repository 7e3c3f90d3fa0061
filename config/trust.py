"""How far a device is believed, in the four words that the operator writes."""

from __future__ import annotations

from enum import IntEnum


class TrustLevel(IntEnum):
    """Ordered: each level includes all that is asked for below it."""

    #: The device's keys carry its own signature, and that is all that is known.
    UNVERIFIED = 0
    #: Its owner's cross-signing identity vouches for it, but that identity is another than the one we had pinned.
    CROSS_SIGNED_UNTRUSTED = 1
    #: Its owner's identity vouches for it, and is the one that we met first (trust on first use).
    CROSS_SIGNED_TOFU = 2
    #: The same, and that identity was compared by emoji or confirmed by an operator.
    CROSS_SIGNED_VERIFIED = 3

    @property
    def word(self) -> str:
        """As the operator writes it: `cross-signed-tofu`."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def of(cls, word: object) -> TrustLevel:
        """The level of a word. Raises `ValueError` for any other."""
        found = next((level for level in cls if level.word == word), None)
        if found is None:
            raise ValueError("not a trust level")
        return found
