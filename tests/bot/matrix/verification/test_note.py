"""What counts as a message of a verification, whatever a server or a stranger writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matrix.events import RawEvent
from bot.matrix.megolm import Claim, Decrypted
from bot.matrix.verification.note import by_device, in_room

TO = {"rel_type": "m.reference", "event_id": "$request"}
OTHER = {"rel_type": "m.reference", "event_id": "$other"}
CLAIM = Claim("curve", "ed", forwarded=False)


def event(kind: str, content: dict[str, Any]) -> RawEvent:
    return RawEvent("$event", "!room:x", "@anna:x", kind, content, 1_800_000_000_000)


def decrypted(kind: str, content: dict[str, Any]) -> Decrypted:
    return Decrypted(kind, content, "session", 0, (CLAIM,))


def test_a_request_in_a_room_is_named_by_its_event() -> None:
    content = {"msgtype": "m.key.verification.request", "to": "@bot:x", "from_device": "DEV"}
    note = in_room(event("m.room.message", content), None)
    assert note is not None
    assert (note.kind, note.flow_id, note.from_device, note.encrypted) == ("request", "$event", "DEV", False)
    assert note.sent_at == 1_800_000_000


def test_an_encrypted_message_says_who_may_have_written_it() -> None:
    note = in_room(event("m.room.encrypted", {"m.relates_to": TO}), decrypted("m.key.verification.key", {"key": "k"}))
    assert note is not None
    assert (note.kind, note.flow_id, note.encrypted, note.claims) == ("key", "$request", True, (CLAIM,))
    assert note.content == {"key": "k", "m.relates_to": TO}, "the commitment is over the relation, too"


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (OTHER, TO),
        ({}, TO),
        (TO | {"rel_type": "m.thread"}, TO | {"rel_type": "m.thread"}),
        ({"rel_type": "m.reference"}, {}),
        ({"rel_type": "m.reference", "event_id": 3}, {}),
        ({}, {}),
    ],
)
def test_the_server_cannot_move_a_message_to_another_verification(outer: Any, inner: Any) -> None:
    content = {"key": "k"} | ({"m.relates_to": inner} if inner else {})
    assert (
        in_room(event("m.room.encrypted", {"m.relates_to": outer}), decrypted("m.key.verification.key", content))
        is None
    )


@pytest.mark.parametrize(
    "kind", ["m.room.message", "m.key.verification.", "m.key.verification.request", "m.reaction", "key"]
)
def test_other_events_are_none(kind: str) -> None:
    assert in_room(event(kind, {"m.relates_to": TO, "msgtype": "m.text"}), None) is None


def test_a_to_device_message_is_named_by_its_transaction() -> None:
    raw = {"sender": "@anna:x", "type": "m.key.verification.mac", "content": {"transaction_id": "t"}}
    note = by_device(raw)
    assert note is not None
    assert (note.kind, note.flow_id, note.room_id, note.encrypted) == ("mac", "t", "", False)


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
TYPES = st.sampled_from(["m.key.verification.request", "m.key.verification.mac", "m.key.verification.x", "m.dummy"])


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "sender": JSON,
            "type": TYPES | JSON,
            "content": JSON | st.fixed_dictionaries({"transaction_id": JSON, "timestamp": JSON, "from_device": JSON}),
        },
    )
)
def test_no_to_device_event_raises(raw: dict[str, Any]) -> None:
    note = by_device(raw)
    assert note is None or (note.flow_id and note.sent_at >= 0 and isinstance(note.from_device, str))
