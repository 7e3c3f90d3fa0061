"""Messages of verifications as they come: from a room or by to-device message, read without trust. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.matrix.chain import table
from bot.matrix.events import MESSAGE, relation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.matrix.events import RawEvent
    from bot.matrix.megolm import Claim, Decrypted

PREFIX = "m.key.verification."
REQUEST = f"{PREFIX}request"
KINDS = frozenset({"request", "ready", "start", "accept", "key", "mac", "done", "cancel"})
REFERENCE = "m.reference"
#: Characters of an event ID or transaction id (Matrix, "Size limits").
LONGEST_ID = 255
#: Milliseconds since 1970, about the year 5000.
FAR_OFF = 10**14


@dataclass(frozen=True, slots=True)
class Note:
    """One message. `sender` is the server's word; `claims` are the devices that may have encrypted it.

    In rooms some apps encrypt them, others (Element Web) never do: what is compared in the end proves the keys.
    """

    sender: str
    kind: str
    content: Mapping[str, Any]
    #: The event ID of the request in a room, the transaction id of to-device messages.
    flow_id: str
    #: Unix seconds, as the sender or their server says.
    sent_at: float
    #: "" for a to-device message.
    room_id: str = ""
    encrypted: bool = False
    claims: tuple[Claim, ...] = ()

    @property
    def from_device(self) -> str:
        """The device that it says it is from, "" when it does not say."""
        device = self.content.get("from_device")
        return device if isinstance(device, str) else ""


def by_device(event: Mapping[str, Any]) -> Note | None:
    """From a to-device event, None when it is nothing of a verification."""
    kind, sender, content = _kind(event.get("type")), event.get("sender"), table(event.get("content"))
    flow_id, at = content.get("transaction_id"), content.get("timestamp")
    if not (kind and isinstance(sender, str) and _is_id(flow_id)):
        return None
    return Note(sender, kind, content, str(flow_id), _seconds(at))


def in_room(event: RawEvent, decrypted: Decrypted | None) -> Note | None:
    """From an event of a room, None when it is nothing of a verification.

    The relation stands outside the encryption too, where the server can write: both must say the same.
    """
    said, outer = decrypted or event, relation(event.content)
    content = said.content
    inner = relation(content) or outer
    kind, flow_id = _kind(said.event_type), inner.get("event_id")
    if said.event_type == MESSAGE and content.get("msgtype") == REQUEST:
        kind, flow_id = "request", event.event_id
    elif kind == "request" or inner != outer or inner.get("rel_type") != REFERENCE:
        return None
    else:
        content = {**content, "m.relates_to": inner}
    if not (kind and _is_id(flow_id)):
        return None
    sent_at = _seconds(event.server_ts)
    claims = decrypted.claims if decrypted else ()
    return Note(event.sender, kind, content, str(flow_id), sent_at, event.room_id, decrypted is not None, claims)


def _kind(event_type: Any) -> str:
    kind = event_type.removeprefix(PREFIX) if isinstance(event_type, str) and event_type.startswith(PREFIX) else ""
    return kind if kind in KINDS else ""


def _seconds(milliseconds: Any) -> float:
    """1970 when it is no time: too old for anything."""
    return milliseconds / 1000 if isinstance(milliseconds, int) and 0 < milliseconds < FAR_OFF else 0.0


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID
