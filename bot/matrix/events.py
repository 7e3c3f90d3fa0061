"""From raw events to what people said. Pure: no keys, no network; read without trust."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.matrix.chain import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from access.people import Clinician

ENCRYPTED = "m.room.encrypted"
MESSAGE = "m.room.message"
MEMBER = "m.room.member"
#: Milliseconds: canonical JSON goes no further, and no database either.
LATEST = 2**53


@dataclass(frozen=True, slots=True)
class Message:
    """A new, plain text message. A command only if `clinician` is there and it is `live`."""

    event_id: str
    room_id: str
    #: The server's word; `clinician` is the proof.
    sender: str
    clinician: Clinician | None
    #: Why there is no clinician, in a few words; "" when there is.
    why_not: str
    body: str
    msgtype: str
    #: Milliseconds since 1970, as the sender's server claims.
    server_ts: int
    #: What it answers: a pointer that the server can write, never an authority.
    relates_to: Mapping[str, Any] = field(default_factory=dict)
    #: "" and -1 when the message was not encrypted.
    session_id: str = ""
    message_index: int = -1
    #: False for what lay in the room before the bot first came.
    live: bool = True


@dataclass(frozen=True, slots=True)
class Undecryptable:
    """A message that stayed unreadable; `why` is told to the human."""

    event_id: str
    room_id: str
    sender: str
    server_ts: int
    why: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody asks us into a room. Who, is the server's word; "" when it does not say."""

    room_id: str
    inviter: str
    #: Their client means it as a chat of two.
    is_direct: bool = False
    #: Of the invitation; "" when the server does not say.
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class SyncBatch:
    """News to be kept together with `token`, in one transaction. Events may come again: keep each once."""

    messages: tuple[Message, ...]
    undecryptable: tuple[Undecryptable, ...]
    token: str
    #: May come again, too.
    invitations: tuple[Invitation, ...] = ()
    #: Rooms in which somebody else came or went: a hint, for whoever waits for that.
    members_changed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether it brings anything but a token."""
        return bool(self.messages or self.undecryptable or self.invitations or self.members_changed)


@dataclass(frozen=True, slots=True)
class RawEvent:
    """A timeline event with the fields that every event must have."""

    event_id: str
    room_id: str
    sender: str
    event_type: str
    content: Mapping[str, Any]
    server_ts: int


def timeline(room_id: str, events: Iterable[Any], us: str) -> list[RawEvent]:
    """The well-formed events since we joined the room, in their order."""
    since_join: list[RawEvent] = []
    for raw in map(table, events):
        event = well_formed(room_id, raw)
        if _is_our_join(raw, us):
            since_join.clear()
        if event is not None:
            since_join.append(event)
    return since_join


def well_formed(room_id: str, raw: Mapping[str, Any]) -> RawEvent | None:
    """The event, None when a field is missing or wrong. State events are none: nobody types them."""
    event_id, sender, event_type = raw.get("event_id"), raw.get("sender"), raw.get("type")
    content, server_ts = raw.get("content"), raw.get("origin_server_ts")
    if not (isinstance(event_id, str) and isinstance(sender, str) and isinstance(event_type, str)):
        return None
    if not isinstance(content, dict) or not isinstance(server_ts, int) or "state_key" in raw:
        return None
    if not 0 <= server_ts < LATEST:
        return None
    return RawEvent(event_id, room_id, sender, event_type, content, server_ts)


def joined_again(events: Iterable[Any], us: str) -> bool:
    """Whether our own joining is among these events: what lies before it is not for us."""
    return any(_is_our_join(table(raw), us) for raw in events)


def invitation(room_id: str, raw: Any, us: str) -> Invitation:
    """Who invited us, from the stripped state of `rooms.invite` (Matrix, GET /sync)."""
    events = table(table(raw).get("invite_state")).get("events")
    for event in map(table, events if isinstance(events, list) else []):
        content = table(event.get("content"))
        ours = (event.get("type"), event.get("state_key")) == (MEMBER, us) and content.get("membership") == "invite"
        if ours and isinstance(event.get("sender"), str):
            event_id = event.get("event_id")
            known = event_id if isinstance(event_id, str) else ""
            return Invitation(room_id, event["sender"], content.get("is_direct") is True, known)
    return Invitation(room_id, "")


def others_moved(events: Iterable[Any], us: str) -> bool:
    """Whether somebody else came, went, or was invited or put out."""
    return any(raw.get("type") == MEMBER and raw.get("state_key") != us for raw in map(table, events))


def names(events: Iterable[Any]) -> dict[str, str]:
    """Display names from member events."""
    found = {}
    for raw in map(table, events):
        user, name = raw.get("state_key"), table(raw.get("content")).get("displayname")
        if raw.get("type") == MEMBER and isinstance(user, str) and isinstance(name, str):
            found[user] = name
    return found


def spoken(content: Mapping[str, Any], relates_to: Mapping[str, Any]) -> str | None:
    """The text of a new message, None for everything else: edits, notices, pictures, malformed ones.

    The quotation that older clients put before a reply is not said by its sender: it is left out.
    """
    body = content.get("body")
    if content.get("msgtype") != "m.text" or not isinstance(body, str):
        return None
    if "m.new_content" in content or "m.replace" in {relates_to.get("rel_type"), relation(content).get("rel_type")}:
        return None
    return _without_quotation(body)


def relation(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """`m.relates_to`, empty when there is none."""
    return table(content.get("m.relates_to"))


def _without_quotation(body: str) -> str:
    if not body.startswith("> "):
        return body
    lines = body.split("\n")
    said = next((number for number, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[said:]).removeprefix("\n")


def _is_our_join(raw: Mapping[str, Any], us: str) -> bool:
    before = table(table(raw.get("unsigned")).get("prev_content")).get("membership")
    joins = table(raw.get("content")).get("membership") == "join" and before != "join"
    return raw.get("type") == MEMBER and raw.get("state_key") == us and joins
