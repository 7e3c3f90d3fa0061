"""Room messages: decrypted by ourselves, because nio hides the message index and believes the server's sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.matrix.olm import MEGOLM
from bot.matrix.wire import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.matrix.olm import GuardedOlm


class Unreadable(Exception):
    """Not decrypted. `key_missing` says whether it may still become readable."""

    def __init__(self, reason: str, *, key_missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key_missing = key_missing


@dataclass(frozen=True, slots=True)
class Claim:
    """Which device brought us the session, as Olm proved (`sender_key`) and as it said itself (`ed25519`)."""

    sender_key: str
    ed25519: str
    forwarded: bool


@dataclass(frozen=True, slots=True)
class Decrypted:
    """What was inside, where in its session it stood, and who may have written it."""

    event_type: str
    content: Mapping[str, Any]
    session_id: str
    message_index: int
    claims: tuple[Claim, ...]


def decrypt(olm: GuardedOlm, room_id: str, content: Mapping[str, Any]) -> Decrypted:
    """Decrypt the content of an m.room.encrypted event. Raises `Unreadable`.

    `sender_key` and `device_id` of the event are not looked at: the spec has deprecated them (MSC3700), and the server
    can write what it likes there.
    """
    session_id, ciphertext = content.get("session_id"), content.get("ciphertext")
    if content.get("algorithm") != MEGOLM or not isinstance(session_id, str) or not isinstance(ciphertext, str):
        raise Unreadable("not an encrypted message that I understand")
    sessions = list(olm.group_sessions(room_id, session_id))
    if not sessions:
        raise Unreadable("your app has not sent me the key of this message", key_missing=True)
    plaintext, index = _opened(sessions, ciphertext)
    event_type, inner = _payload(plaintext, room_id)
    claims = tuple(Claim(one.sender_key, one.ed25519, bool(one.forwarding_chain)) for one in sessions)
    return Decrypted(event_type, inner, session_id, index, claims)


def _opened(sessions: list[Any], ciphertext: str) -> tuple[str, int]:
    for session in sessions:
        try:
            plaintext, index = session.decrypt(ciphertext)
        except Exception:  # noqa: BLE001, S112 - a stranger's bytes may break anything below
            continue
        return str(plaintext), int(index)
    # A session that begins later than the message is the honest case: the key was made for newcomers.
    raise Unreadable("the key that I have does not open this message", key_missing=True)


def _payload(plaintext: str, room_id: str) -> tuple[str, Mapping[str, Any]]:
    try:
        payload = parsed(plaintext)
        event_type, content, written_for = payload["type"], payload["content"], payload["room_id"]
    except (ValueError, TypeError, KeyError):
        raise Unreadable("the message has no proper content") from None
    if written_for != room_id:
        raise Unreadable("the message was written for another room")
    if not isinstance(event_type, str) or not isinstance(content, dict):
        raise Unreadable("the message has no proper content")
    return event_type, content
