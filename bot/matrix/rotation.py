"""How long one group session of a room serves (Matrix, m.room.encryption). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from access.rooms import Rotation

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL = Rotation()


def rotation(encryption: Mapping[str, object]) -> Rotation:
    """From the content of m.room.encryption. A room can ask for new keys more often than usual, never for less."""
    period, messages = encryption.get("rotation_period_ms"), encryption.get("rotation_period_msgs")
    return Rotation(
        seconds=min(period / 1000, USUAL.seconds) if _number(period) else USUAL.seconds,
        messages=min(messages, USUAL.messages) if _number(messages) else USUAL.messages,
    )


def _number(value: object) -> TypeGuard[int]:
    """Whether it is a number that makes sense here."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
