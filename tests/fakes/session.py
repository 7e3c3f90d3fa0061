"""An in-memory Matrix session: what was sent and uploaded is kept, and faults can be switched on.

The same `txn_id` gives the same event again, as a homeserver does for one device.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from access import reasons
from access.rooms import RoomFacts, UnverifiedDevice
from bot.matrix.errors import NotPermitted, NotSent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from bot.matrix.cleartext import Farewell
    from bot.matrix.patience import Patience

SERVER = "trust-a.example"
BOT = f"@carrierbag:{SERVER}"
ANNA = f"@anna:{SERVER}"
BEN = f"@ben:{SERVER}"
ROOM = f"!trauma:{SERVER}"
OTHER_ROOM = f"!clinic:{SERVER}"

SAFE = RoomFacts(
    room_id=ROOM,
    encrypted=True,
    join_rule="invite",
    history_visibility="shared",
    guest_access=False,
    tombstoned=False,
    joined=frozenset({BOT, ANNA, BEN}),
    invited=frozenset(),
    us=BOT,
)
PIXEL = UnverifiedDevice(BEN, "PIXEL", "Pixel", "unsigned")


@dataclass(frozen=True)
class Sent:
    """One event as it stands in its room."""

    event_id: str
    room_id: str
    txn_id: str
    event_type: str
    content: Mapping[str, Any]
    strict: bool

    @property
    def body(self) -> str:
        return str(self.content["body"])

    @property
    def is_edit(self) -> bool:
        return self.content.get("m.relates_to", {}).get("rel_type") == "m.replace"


@dataclass
class MemoryMedia:
    """A media repository. `faults` are raised by the next `put`s, one each (None: that one goes well)."""

    stored: dict[str, bytes] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)
    faults: deque[Exception | None] = field(default_factory=deque)
    limit: int | None = None
    #: A server without MSC2246.
    old: bool = False
    #: While clear, no upload comes to its end.
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    made: int = 0

    def __post_init__(self) -> None:
        self.flowing.set()

    async def upload_limit(self) -> int | None:
        return self.limit

    async def create(self) -> str | None:
        return None if self.old else self._address()

    async def put(self, mxc: str, file: Path, size: int, progress: Callable[[int], None] | None = None) -> None:
        self.puts.append(mxc)
        data = await asyncio.to_thread(file.read_bytes)
        assert len(data) == size
        if progress:
            progress(size // 2)
        await self.flowing.wait()
        if self.faults and (fault := self.faults.popleft()):
            raise fault
        assert self.stored.setdefault(mxc, data) == data, "other bytes at the same address"
        if progress:
            progress(size)

    async def upload(self, file: Path, size: int, progress: Callable[[int], None] | None = None) -> str:
        address = self._address()
        await self.put(address, file, size, progress)
        return address

    def _address(self) -> str:
        self.made += 1
        return f"mxc://{SERVER}/{self.made}"


class MemorySession:
    """One signed-in device. `faults` are raised by the next sends, one each (None: that one goes well).

    `before` and `after` are awaited with the number of the send (from 1) before and after its event stands in the room.
    """

    def __init__(self, facts: RoomFacts = SAFE) -> None:
        self.user_id, self.device_id = BOT, "BOTDEVICE"
        self.media = MemoryMedia()
        self.events: dict[str, Sent] = {}
        self.sends: list[str] = []
        self.faults: deque[Exception | None] = deque()
        self.facts_faults: deque[Exception | None] = deque()
        #: "Is typing", each time that it was switched.
        self.typed: list[tuple[str, bool]] = []
        self.rooms = {room: replace(facts, room_id=room) for room in (ROOM, OTHER_ROOM)}
        #: Rooms in which no answer comes.
        self.silent: set[str] = set()
        #: Rooms that it left, and what it said in going.
        self.left: list[tuple[str, str]] = []
        self.gone: set[str] = set()
        #: Rooms as they are behind the door, and what is raised by the next tries to come in, by room.
        self.doors: dict[str, RoomFacts] = {}
        self.door_faults: dict[str, list[Exception]] = {}
        #: Each time that we came in, and each room that we made with its marker.
        self.came: list[str] = []
        self.made: dict[str, tuple[str, str, str, bool]] = {}
        #: Raised by the next making of a room, after the room was made (True) or instead (False).
        self.making_faults: deque[tuple[Exception, bool]] = deque()
        self.hook: Callable[[str, int], Any] | None = None

    def change(self, room_id: str = ROOM, **facts: Any) -> None:
        """Change what is known of a room."""
        self.rooms[room_id] = replace(self.rooms[room_id], **facts)

    @property
    def posted(self) -> list[Sent]:
        """All events in the order in which they came to stand in their rooms."""
        return list(self.events.values())

    def said(self, room_id: str = ROOM) -> list[str]:
        """The texts in one room, without the edits that only show progress."""
        return [one.body for one in self.posted if one.room_id == room_id]

    async def facts(self, room_id: str) -> RoomFacts:
        if self.facts_faults and (fault := self.facts_faults.popleft()):
            raise fault
        if room_id in self.gone or room_id not in self.rooms:
            raise NotPermitted
        return self.rooms[room_id]

    async def send(
        self,
        room_id: str,
        content: Mapping[str, Any],
        txn_id: str,
        *,
        event_type: str = "m.room.message",
        strict: bool = True,
        allow: Callable[[RoomFacts], Awaitable[None]] | None = None,
        patience: Patience | None = None,  # noqa: ARG002 - nothing is waited for here
    ) -> str:
        self.sends.append(txn_id)
        number = len(self.sends)
        if room_id in self.silent:
            await asyncio.Event().wait()
        if self.hook:
            await self.hook("before", number)
        if self.faults and (fault := self.faults.popleft()):
            raise fault
        facts = await self.facts(room_id)
        if allow is not None:
            await allow(facts)
        against = [*reasons.encryption(facts), *reasons.devices(facts)]
        if against and (strict or not facts.confidential):
            raise NotSent(against)
        known = self.events.setdefault(
            txn_id, Sent(f"$event-{len(self.events) + 1}", room_id, txn_id, event_type, dict(content), strict)
        )
        if self.hook:
            await self.hook("after", number)
        return known.event_id

    async def typing(self, room_id: str, *, on: bool) -> None:
        self.typed.append((room_id, on))

    async def leave(self, room_id: str, *, reason: Farewell | None = None) -> None:
        if self.hook:
            await self.hook("before", len(self.left) + 1)
        self.left.append((room_id, reason.value if reason else ""))
        self.gone.add(room_id)
        if self.hook:
            await self.hook("after", len(self.left))

    async def join(self, room_id: str) -> None:
        if room_id in self.silent:
            await asyncio.Event().wait()
        if faults := self.door_faults.get(room_id):
            raise faults.pop(0)
        if room_id not in self.doors:
            raise NotPermitted
        if room_id in self.gone or room_id not in self.rooms:
            self.came.append(room_id)
        self.gone.discard(room_id)
        self.rooms[room_id] = replace(self.doors[room_id], room_id=room_id)

    async def membership_event(self, room_id: str) -> str:
        return f"$came-into-{room_id}-{self.came.count(room_id)}"

    async def create_room(self, owner: str, name: str, *, marker: str, federate: bool) -> str:
        fault, anyway = self.making_faults.popleft() if self.making_faults else (None, True)
        if anyway:
            room_id = f"!made-{len(self.made) + 1}:{SERVER}"
            self.made[room_id] = (owner, name, marker, federate)
            alone = replace(SAFE, room_id=room_id, joined=frozenset({BOT}), invited=frozenset({owner}))
            self.rooms[room_id] = replace(alone, history_visibility="joined")
        if fault:
            raise fault
        return room_id

    async def created_room(self, marker: str) -> str | None:
        return next((room_id for room_id, one in self.made.items() if one[2] == marker), None)
