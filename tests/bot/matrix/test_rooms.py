"""What is read from a room's state. The server wrote it: what is missing or malformed counts as the less safe."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.rooms import Reader, UnverifiedDevice
from bot.matrix.chain import Device, Standing
from bot.matrix.olm import MEGOLM
from bot.matrix.rooms import read_facts, with_devices
from config.trust import TrustLevel

ROOM = "!r:a.example"
ANNA, BEN = "@anna:a.example", "@ben:a.example"


def event(kind: str, key: str = "", **content: Any) -> dict[str, Any]:
    return {"type": kind, "state_key": key, "content": content}


def member(user: str, membership: str, **content: Any) -> dict[str, Any]:
    return event("m.room.member", user, membership=membership, **content)


SAFE = [
    event("m.room.encryption", algorithm=MEGOLM),
    event("m.room.join_rules", join_rule="invite"),
    member(ANNA, "join", displayname="Anna"),
    member(BEN, "invite"),
    member("@gone:a.example", "leave"),
    member("@out:a.example", "ban"),
]


def test_a_room_is_read() -> None:
    facts = read_facts(ROOM, SAFE)
    assert (facts.encrypted, facts.join_rule, facts.history_visibility) == (True, "invite", "shared")
    assert (facts.guest_access, facts.tombstoned, facts.bridges) == (False, False, ())
    assert (facts.joined, facts.invited) == ({ANNA}, {BEN})
    assert facts.readers == (Reader(ANNA, "Anna", 0),)


@pytest.mark.parametrize("algorithm", ["", "none", "m.olm.v1.curve25519-aes-sha2", 1, None, [MEGOLM]])
def test_only_megolm_is_encryption(algorithm: Any) -> None:
    assert not read_facts(ROOM, [*SAFE, event("m.room.encryption", algorithm=algorithm)]).encrypted


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"protocol": {"id": "irc", "displayname": "IRC"}}, ("IRC",)),
        ({"protocol": {"id": "irc"}}, ("irc",)),
        ({"protocol": {"id": 7, "displayname": " "}}, ("another network",)),
        ({"protocol": "irc"}, ("another network",)),
        ({"channel": {"id": "#x"}}, ("another network",)),
        ({}, ()),
    ],
)
@pytest.mark.parametrize("kind", ["m.bridge", "uk.half-shot.bridge"])
def test_a_bridge_is_named_and_one_that_was_taken_away_is_none(
    kind: str, content: dict[str, Any], name: tuple[str, ...]
) -> None:
    assert read_facts(ROOM, [*SAFE, event(kind, "irc://x/#y", **content)]).bridges == name


def test_the_same_bridge_under_both_names_is_one() -> None:
    both = [event(kind, "x", protocol={"displayname": "IRC"}) for kind in ("m.bridge", "uk.half-shot.bridge")]
    assert read_facts(ROOM, [*SAFE, *both]).bridges == ("IRC",)


def test_devices_are_counted_for_each_reader_but_ours() -> None:
    device = Device(ANNA, "PHONE", "c", "e", level=TrustLevel.CROSS_SIGNED_VERIFIED)
    excluded = UnverifiedDevice(BEN, "TAB", "", "unsigned")
    facts = read_facts(ROOM, [member(ANNA, "join"), member(BEN, "join"), member("@bot:a.example", "join")])
    standings = {ANNA: Standing(good=(device,)), BEN: Standing(excluded=(excluded,), known=False)}
    seen = with_devices(facts, standings)
    assert seen.readers == (Reader(ANNA, "", 1, verified=True), Reader(BEN, "", 0, known=False))
    assert seen.unverified_devices == (excluded,)


NAMES = st.sampled_from(["type", "state_key", "content", "membership", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner),
)


@given(st.lists(JSON, max_size=8) | JSON)
def test_nonsense_never_makes_a_room_safe(events: Any) -> None:
    facts = read_facts(ROOM, events)
    assert not facts.encrypted
    assert facts.join_rule == "unknown"
