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
    #: "unsigned" | "no identity" | "identity changed" | "identity not verified" | "malformed"
    reason: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A joined member, and how many of their devices get the keys of what is posted."""

    user_id: str
    #: As they call themselves in this room, "" when they do not; shown to users, escaped.
    display_name: str
    devices: int
    #: Their identity was compared by emoji or confirmed by an operator.
    verified: bool = False
    #: Their server says which devices they have.
    known: bool = True


@dataclass(frozen=True, slots=True)
class Rotation:
    """How long one group session serves: the spec's own numbers unless the room asks for less (m.room.encryption)."""

    seconds: float = 7 * 86_400.0
    messages: int = 100


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
    #: The bot's own account.
    us: str = ""
    #: It was encrypted when we last saw it, and now the server says that it is not, or by another method.
    downgraded: bool = False
    #: What else reads along, by the names that the bridges give (MSC2346).
    bridges: tuple[str, ...] = ()
    readers: tuple[Reader, ...] = ()
    rotation: Rotation = Rotation()

    @property
    def confidential(self) -> bool:
        """Whether what we say here goes out encrypted: once encrypted, always encrypted."""
        return self.encrypted or self.downgraded

    @property
    def audience(self) -> frozenset[str]:
        """Everybody who may come to read what is posted now, the bot not counted."""
        return (self.joined | self.invited) - {self.us}
