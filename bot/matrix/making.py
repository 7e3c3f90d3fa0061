"""A room of our own making: encrypted from its first event, by invitation only, closed to everybody else.

`creation` is all that its server learns from us: the name, who asked for it, and a marker by which we find the room
again after a crash between "make it" and "made" (the spec has no transaction id for POST /createRoom).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.matrix.chain import table
from bot.matrix.errors import NotPermitted
from bot.matrix.guard import client_path
from bot.matrix.olm import MEGOLM
from bot.matrix.patience import Patience
from bot.matrix.wire import said

if TYPE_CHECKING:
    from bot.matrix.guard import GuardedClient

#: In the content of m.room.create: the same for the same command, and nothing to anybody else.
MARKER = "carrierbag.request"
#: The version whose creators stand above all power levels, and must not be named in them (MSC4289).
CREATORS_RULE = 12
#: For servers whose default has a name that we cannot place.
PLAIN_VERSION = "11"
#: Whoever may invite, and change the room (a moderator); whoever may change who may what (its owner).
MODERATOR, OWNER = 50, 100
#: A repetition whose first answer was lost would make a second room.
ONCE = Patience(attempts=1)


def creation(us: str, owner: str, name: str, *, marker: str, version: str, federate: bool) -> dict[str, Any]:
    """The body of POST /createRoom (Matrix Client-Server API, "Creation"). Pure.

    History is for those who were there: a newcomer has no keys for what was said before, and would see only that it
    cannot be read. Without `federate`, no other server can ever take part.
    """
    users = {owner: OWNER} if int(version) >= CREATORS_RULE else {us: OWNER, owner: OWNER}
    return {
        "name": name,
        "preset": "private_chat",
        "visibility": "private",
        "room_version": version,
        "invite": [owner],
        "creation_content": {"m.federate": federate, MARKER: marker},
        "power_level_content_override": {"users": users, "invite": MODERATOR},
        "initial_state": [
            _state("m.room.encryption", {"algorithm": MEGOLM}),
            _state("m.room.join_rules", {"join_rule": "invite"}),
            _state("m.room.history_visibility", {"history_visibility": "joined"}),
            _state("m.room.guest_access", {"guest_access": "forbidden"}),
        ],
    }


async def create(client: GuardedClient, owner: str, name: str, *, marker: str, federate: bool) -> str:
    """Make the room, its owner invited, and return its id.

    Asked once: after `ServerAway` the room may exist. Raises `NotPermitted` when the server lets us make none.
    """
    version = await _version(client)
    body = creation(client.user_id, owner, name, marker=marker, version=version, federate=federate)
    answer = table(await client.call("POST", client_path("createRoom"), body, patience=ONCE))
    return said(answer, "room_id")


async def find(client: GuardedClient, marker: str) -> str | None:
    """The room that we made with this marker, if we are still in it. Looks at every room that we are in."""
    rooms = table(await client.call("GET", client_path("joined_rooms"))).get("joined_rooms")
    for room_id in rooms if isinstance(rooms, list) else []:
        if await _made_with(client, str(room_id), marker):
            return str(room_id)
    return None


async def _made_with(client: GuardedClient, room_id: str, marker: str) -> bool:
    """Somebody else's room may bear a marker that they have seen: it must be of our own making."""
    try:
        events = await client.call("GET", client_path("rooms", room_id, "state"), shape=list)
    except NotPermitted:  # put out meanwhile
        return False
    made = [
        event
        for event in map(table, events if isinstance(events, list) else [])
        if (event.get("type"), event.get("state_key"), event.get("sender")) == ("m.room.create", "", client.user_id)
    ]
    return any(table(event.get("content")).get(MARKER) == marker for event in made)


async def _version(client: GuardedClient) -> str:
    """The server's own default, as long as we know what it means."""
    answer = table(await client.call("GET", client_path("capabilities"))).get("capabilities")
    default = table(table(answer).get("m.room_versions")).get("default")
    return default if isinstance(default, str) and default.isascii() and default.isdigit() else PLAIN_VERSION


def _state(kind: str, content: dict[str, str]) -> dict[str, Any]:
    return {"type": kind, "state_key": "", "content": content}
