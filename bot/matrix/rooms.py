"""What the server says about a room now. Asked anew before every decision, read without trust."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from access.rooms import Reader, RoomFacts
from bot.matrix.chain import table
from bot.matrix.guard import client_path
from bot.matrix.olm import MEGOLM
from bot.matrix.rotation import rotation
from config.trust import TrustLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bot.matrix.chain import Standing
    from bot.matrix.guard import GuardedClient

State = dict[tuple[str, str], "Mapping[str, Any]"]

MEMBER = "m.room.member"
ENCRYPTION = "m.room.encryption"
#: MSC2346, by its name today and the one that most bridges still write.
BRIDGES = frozenset({"m.bridge", "uk.half-shot.bridge"})
#: Fits no rule of the policy.
MALFORMED = "unknown"


async def room_facts(client: GuardedClient, room_id: str) -> RoomFacts:
    """The room's facts, without its members' devices. Raises `NotPermitted` when we are not in it."""
    facts = read_facts(room_id, await client.call("GET", client_path("rooms", room_id, "state"), shape=list))
    return replace(facts, us=client.user_id, downgraded=not facts.encrypted and room_id in client.encrypted_rooms)


def read_facts(room_id: str, events: Any) -> RoomFacts:
    """From the room's current state. Pure. What is missing or malformed counts as the less safe."""
    state = _state(events if isinstance(events, list) else [])
    people = {key: content for (kind, key), content in state.items() if kind == MEMBER}
    members = {user: content.get("membership") for user, content in people.items()}
    joined = frozenset(user for user, membership in members.items() if membership == "join")
    return RoomFacts(
        room_id=room_id,
        encrypted=_value(state, ENCRYPTION, "algorithm", "") == MEGOLM,
        join_rule=_value(state, "m.room.join_rules", "join_rule", MALFORMED),
        history_visibility=_value(state, "m.room.history_visibility", "history_visibility", "shared"),
        guest_access=_value(state, "m.room.guest_access", "guest_access", "forbidden") != "forbidden",
        tombstoned=("m.room.tombstone", "") in state,
        joined=joined,
        invited=frozenset(user for user, membership in members.items() if membership == "invite"),
        bridges=tuple(dict.fromkeys(_bridges(state))),
        readers=tuple(Reader(user, _name(people[user]), 0) for user in sorted(joined)),
        rotation=rotation(state.get((ENCRYPTION, ""), {})),
    )


def with_devices(facts: RoomFacts, standings: Mapping[str, Standing]) -> RoomFacts:
    """The same with what is known of its members' devices. Pure; our own other devices are nobody's concern here."""
    others = {user: standing for user, standing in standings.items() if user != facts.us}
    readers = [_counted(one, others[one.user_id]) for one in facts.readers if one.user_id in others]
    excluded = tuple(one for standing in others.values() for one in standing.excluded)
    return replace(facts, readers=tuple(readers), unverified_devices=excluded)


def _counted(reader: Reader, standing: Standing) -> Reader:
    verified = any(device.level >= TrustLevel.CROSS_SIGNED_VERIFIED for device in standing.good)
    return replace(reader, devices=len(standing.good), verified=verified, known=standing.known)


def _bridges(state: State) -> Iterator[str]:
    """What each bridge calls itself. An empty event is one that was taken away."""
    for (kind, _), content in state.items():
        if kind in BRIDGES and content:
            protocol = table(content.get("protocol"))
            names = (protocol.get("displayname"), protocol.get("id"))
            yield next((name for name in names if isinstance(name, str) and name.strip()), "another network")


def _name(member: Mapping[str, Any]) -> str:
    name = member.get("displayname")
    return name if isinstance(name, str) else ""


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
