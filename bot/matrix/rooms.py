"""What the server says about a room now. Asked anew before every decision, read without trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from access.rooms import RoomFacts
from bot.matrix.chain import table
from bot.matrix.guard import client_path
from bot.matrix.olm import MEGOLM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.matrix.guard import GuardedClient

State = dict[tuple[str, str], "Mapping[str, Any]"]

MEMBER = "m.room.member"
ENCRYPTION = "m.room.encryption"
#: Fits no rule of the policy.
MALFORMED = "unknown"


async def room_facts(client: GuardedClient, room_id: str) -> RoomFacts:
    """The room's facts, without its members' devices. Raises `NotPermitted` when we are not in it."""
    return read_facts(room_id, await client.call("GET", client_path("rooms", room_id, "state")))


def read_facts(room_id: str, events: Any) -> RoomFacts:
    """From the room's current state. Pure. What is missing or malformed counts as the less safe."""
    state = _state(events if isinstance(events, list) else [])
    members = {key: content.get("membership") for (kind, key), content in state.items() if kind == MEMBER}
    return RoomFacts(
        room_id=room_id,
        encrypted=_value(state, ENCRYPTION, "algorithm", "") == MEGOLM,
        join_rule=_value(state, "m.room.join_rules", "join_rule", MALFORMED),
        history_visibility=_value(state, "m.room.history_visibility", "history_visibility", "shared"),
        guest_access=_value(state, "m.room.guest_access", "guest_access", "forbidden") != "forbidden",
        tombstoned=("m.room.tombstone", "") in state,
        joined=frozenset(user for user, membership in members.items() if membership == "join"),
        invited=frozenset(user for user, membership in members.items() if membership == "invite"),
    )


def _state(events: Iterable[Any]) -> State:
    known: State = {}
    for event in map(table, events):
        kind, key = event.get("type"), event.get("state_key")
        if isinstance(kind, str) and isinstance(key, str):
            known[kind, key] = table(event.get("content"))
    return known


def _value(state: State, kind: str, name: str, default: str) -> str:
    """`default` when there is no such event (the spec's own), `MALFORMED` when it does not say anything sensible."""
    if (kind, "") not in state:
        return default
    value = state[kind, ""].get(name)
    return value if isinstance(value, str) else MALFORMED
