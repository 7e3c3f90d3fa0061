"""What counts as said, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matrix.events import names, relation, spoken, timeline, well_formed
from bot.matrix.rooms import read_facts

US = "@bot:localhost"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def text(body: Any, **more: Any) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body, **more}


@pytest.mark.parametrize(
    ("content", "outer", "said"),
    [
        (text("!help"), {}, "!help"),
        (text("two\nlines"), {}, "two\nlines"),
        (text("> <@a:b> !share study\n> more\n\nyes"), {}, "yes"),
        (text("> !share study"), {}, ""),
        (text("!share", **{"m.relates_to": {"rel_type": "m.thread", "event_id": "$a"}}), {}, "!share"),
        (text("!share", **{"m.relates_to": {"rel_type": "m.replace", "event_id": "$a"}}), {}, None),
        (text("!share"), {"rel_type": "m.replace", "event_id": "$a"}, None),
        (text("* !share", **{"m.new_content": text("!share")}), {}, None),
        ({"msgtype": "m.notice", "body": "!share"}, {}, None),
        ({"msgtype": "m.emote", "body": "!share"}, {}, None),
        ({"msgtype": "m.image", "body": "!share"}, {}, None),
        (text(None), {}, None),
        (text(["!share"]), {}, None),
        ({}, {}, None),
    ],
)
def test_only_new_plain_text_is_said(content: dict[str, Any], outer: dict[str, Any], said: str | None) -> None:
    assert spoken(content, outer) == said


def event(number: int, **more: Any) -> dict[str, Any]:
    base = {"event_id": f"${number}", "sender": "@a:b", "type": "m.room.message", "origin_server_ts": 1}
    return base | {"content": text(str(number))} | more


def member(user: str, membership: str, before: str | None = None) -> dict[str, Any]:
    content = {"membership": membership, "displayname": "Anna"}
    more = {"unsigned": {"prev_content": {"membership": before}}} if before else {}
    return event(0, type="m.room.member", state_key=user, content=content, **more)


def test_a_timeline_begins_with_our_joining() -> None:
    events = [event(1), member(US, "join", "invite"), event(2), member("@c:d", "join"), event(3)]
    assert [one.event_id for one in timeline("!r", events, US)] == ["$2", "$3"]


def test_a_new_display_name_of_ours_is_no_joining() -> None:
    events = [event(1), member(US, "join", "join"), event(2)]
    assert [one.event_id for one in timeline("!r", events, US)] == ["$1", "$2"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"event_id": 5},
        {"sender": None},
        {"type": []},
        {"content": "text"},
        {"origin_server_ts": "now"},
        {"state_key": ""},
    ],
)
def test_an_event_with_a_wrong_field_is_passed_over(wrong: dict[str, Any]) -> None:
    assert well_formed("!r", event(1, **wrong)) is None


@given(JSON)
def test_no_json_breaks_the_reading(value: Any) -> None:
    timeline("!r", [value], US)
    timeline("!r", [event(1, content=value, unsigned=value)], US)
    names([value, {"type": "m.room.member", "state_key": "@a:b", "content": value}])
    content = value if isinstance(value, dict) else {"m.relates_to": value, "body": value, "msgtype": "m.text"}
    spoken(content, relation(content))
    facts = read_facts("!r", value)
    assert (facts.encrypted, facts.joined) == (False, frozenset())
    read_facts("!r", [value, {"type": "m.room.encryption", "state_key": "", "content": value}])


def state(kind: str, content: Any, key: str = "") -> dict[str, Any]:
    return {"type": kind, "state_key": key, "content": content}


SAFE = [
    state("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}),
    state("m.room.join_rules", {"join_rule": "invite"}),
    state("m.room.history_visibility", {"history_visibility": "joined"}),
    state("m.room.member", {"membership": "join"}, "@a:b"),
    state("m.room.member", {"membership": "invite"}, "@c:d"),
    state("m.room.member", {"membership": "leave"}, "@e:f"),
]


def test_the_facts_of_a_safe_room() -> None:
    facts = read_facts("!r", SAFE)
    assert (facts.encrypted, facts.join_rule, facts.history_visibility) == (True, "invite", "joined")
    assert (facts.guest_access, facts.tombstoned) == (False, False)
    assert (facts.joined, facts.invited) == (frozenset({"@a:b"}), frozenset({"@c:d"}))


@pytest.mark.parametrize(
    ("kind", "content", "field", "value"),
    [
        ("m.room.encryption", {"algorithm": "none"}, "encrypted", False),
        ("m.room.encryption", {}, "encrypted", False),
        ("m.room.encryption", None, "encrypted", False),
        ("m.room.join_rules", {"join_rule": 5}, "join_rule", "unknown"),
        ("m.room.join_rules", {"join_rule": "public"}, "join_rule", "public"),
        ("m.room.history_visibility", {}, "history_visibility", "unknown"),
        ("m.room.guest_access", {"guest_access": "can_join"}, "guest_access", True),
        ("m.room.guest_access", {"guest_access": "forbidden"}, "guest_access", False),
        ("m.room.guest_access", {}, "guest_access", True),
        ("m.room.tombstone", {}, "tombstoned", True),
    ],
)
def test_what_is_missing_or_malformed_counts_as_the_less_safe(kind: str, content: Any, field: str, value: Any) -> None:
    assert getattr(read_facts("!r", [*SAFE, state(kind, content)]), field) == value
