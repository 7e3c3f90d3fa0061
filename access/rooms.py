"""What is known about a room when somebody asks for something in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnverifiedDevice:
    """A joined member's device that is not cross-signed, or whose owner has no identity or a changed one."""

    user_id: str
    device_id: str
    #: As its owner named it; shown to users, escaped.
    display_name: str
    #: "unsigned" | "no identity" | "identity changed" | "malformed"
    reason: str


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """The facts that policy decides on. Gathered anew from the server before every send."""

    room_id: str
    encrypted: bool
    #: m.room.join_rules: "invite", "public", "knock", "restricted", ...
    join_rule: str
    #: m.room.history_visibility: "shared", "invited", "joined", "world_readable"
    history_visibility: str
    guest_access: bool
    tombstoned: bool
    joined: frozenset[str]
    invited: frozenset[str]
    unverified_devices: tuple[UnverifiedDevice, ...] = ()
