"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clinician:
    """A person who proved by a cross-signed device that they wrote the command."""

    user_id: str
    device_id: str
    display_name: str = ""

    @property
    def server(self) -> str:
        """The server part of the Matrix ID."""
        return self.user_id.partition(":")[2]
