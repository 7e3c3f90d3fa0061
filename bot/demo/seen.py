"""What one person's client shows: events with their shields, attachments on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Shield:
    """What the client paints beside a message: colour "none", "grey" or "red", and the reason."""

    colour: str
    reason: str | None


@dataclass(frozen=True)
class SeenEvent:
    """A room event as one person's client shows it.

    `failure` says why it could not be decrypted; `shield` is None when it was not encrypted; `sender_device` is the
    device whose key wrote it; `timestamp` is in milliseconds; `relates_to` is outside the encryption.
    """

    room: str
    event_id: str
    sender: str
    type: str
    state_key: str | None
    timestamp: int
    content: Mapping[str, Any]
    relates_to: Mapping[str, Any] | None
    redacted: bool
    encrypted: bool
    failure: str | None
    shield: Shield | None
    sender_device: str | None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """From the client's JSON."""
        return cls(**{**raw, "shield": Shield(**raw["shield"]) if raw["shield"] else None})

    @property
    def body(self) -> str:
        """The text of a message, empty for anything else."""
        return str(self.content.get("body", ""))

    @property
    def msgtype(self) -> str:
        """`m.text`, `m.notice`, `m.image`, `m.file`, …; empty for anything that is no message."""
        return str(self.content.get("msgtype", ""))

    @property
    def edits(self) -> str | None:
        """The event that this one replaces."""
        relation = self.relates_to or {}
        return relation.get("event_id") if relation.get("rel_type") == "m.replace" else None

    @property
    def trusted(self) -> bool:
        """Encrypted, readable, and without any shield."""
        return self.encrypted and self.failure is None and self.shield is not None and self.shield.colour == "none"


@dataclass(frozen=True)
class Saved:
    """A decrypted attachment on disk: size in bytes and SHA-256 (hex) of the plaintext."""

    path: Path
    bytes: int
    sha256: str
