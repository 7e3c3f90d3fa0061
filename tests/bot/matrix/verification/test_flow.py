"""Two of our own state machines, and somebody in the middle."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import vodozemac
from hypothesis import given
from hypothesis import strategies as st

from bot.matrix.cleartext import Cancel
from bot.matrix.signatures import unpadded
from bot.matrix.verification.emoji import EMOJI
from bot.matrix.verification.flow import LASTS, Flow, State, Step
from bot.matrix.verification.sas import METHOD, Party, Wrong, commitment

REFERENCE = {"transaction_id": "t1"}
START = 1000.0


def party(user_id: str, device_id: str = "DEV") -> Party:
    return Party(user_id, f"{device_id}-{user_id[1:4]}", key(), key())


def key() -> str:
    return unpadded(vodozemac.Curve25519SecretKey().to_bytes())


#: What somebody in the middle makes of a message: (its sender's user ID, message) to message.
Tamper = Callable[[str, Step], Step | None]


def honest(_: object, step: Step) -> Step:
    return step


class Pair:
    """Anna asks Ben. All that they say goes through `tamper`, and is kept in `said`."""

    def __init__(self, tamper: Tamper = honest, anna: Party | None = None, ben: Party | None = None) -> None:
        anna, ben = anna or party("@anna:a.example"), ben or party("@ben:a.example")
        self.anna = Flow("t1", anna, reference=REFERENCE, deadline=START + LASTS)
        self.ben = Flow("t1", ben, reference=REFERENCE, deadline=START + LASTS)
        self.anna.meet(ben)
        self.ben.meet(anna)
        self.said: list[tuple[Flow, Step]] = []
        self._tamper = tamper

    def begin(self, methods: object = (METHOD,)) -> Pair:
        self.deliver(self.ben, self.ben.answer(list(methods) if isinstance(methods, tuple) else methods))
        return self

    def deliver(self, sender: Flow, steps: list[Step]) -> None:
        """Pass on, and on, until nobody says anything more."""
        receiver = self.ben if sender is self.anna else self.anna
        for step in steps:
            self.said.append((sender, step))
            arrived = self._tamper(sender.us.user_id, step)
            if arrived is not None:
                self.deliver(receiver, receiver.receive(arrived.kind, arrived.content))

    def confirm(self, who: Flow, *, match: bool = True) -> None:
        self.deliver(who, who.confirm(match=match))

    def finish(self) -> None:
        for who in (self.anna, self.ben):
            self.deliver(who, who.finish())

    def kinds(self, who: Flow) -> list[str]:
        return [step.kind for sender, step in self.said if sender is who]


def test_both_see_the_same_seven_emoji_and_end_verified() -> None:
    pair = Pair().begin()
    assert pair.anna.shown is not None
    assert pair.anna.shown == pair.ben.shown
    assert len(pair.anna.shown.emoji) == 7
    pair.confirm(pair.anna)
    pair.confirm(pair.ben)
    assert {pair.anna.state, pair.ben.state} == {State.AGREED}
    pair.finish()
    assert {pair.anna.state, pair.ben.state} == {State.DONE}
    assert pair.kinds(pair.anna) == ["start", "key", "mac", "done"]
    assert pair.kinds(pair.ben) == ["ready", "accept", "key", "mac", "done"]


def test_every_message_carries_the_reference() -> None:
    pair = Pair().begin()
    pair.confirm(pair.anna)
    pair.confirm(pair.ben)
    pair.finish()
    assert all(step.content["transaction_id"] == "t1" for _, step in pair.said)


def test_no_mac_leaves_before_our_human_has_confirmed() -> None:
    pair = Pair().begin()
    pair.confirm(pair.anna)
    assert pair.ben.state is State.COMPARING
    assert "mac" not in pair.kinds(pair.ben)
    assert pair.anna.state is State.COMPARING


def test_done_is_said_only_after_both() -> None:
    pair = Pair().begin()
    pair.confirm(pair.anna)
    for who in (pair.anna, pair.ben):
        with pytest.raises(Wrong):
            who.finish()


def test_a_mismatch_is_told_to_the_other_side() -> None:
    pair = Pair().begin()
    pair.confirm(pair.ben, match=False)
    assert pair.anna.state is pair.ben.state is State.ENDED
    assert pair.anna.ending is not None
    assert (pair.anna.ending.code, pair.anna.ending.by_us) == ("m.mismatched_sas", False)
    assert "mac" not in pair.kinds(pair.ben)


@pytest.mark.parametrize("then", ["again", "over"])
def test_what_is_over_or_confirmed_cannot_be_confirmed(then: str) -> None:
    pair = Pair().begin()
    pair.confirm(pair.ben)
    if then == "over":
        pair.deliver(pair.anna, pair.anna.cancel(Cancel.BY_US))
    with pytest.raises(Wrong):
        pair.ben.confirm(match=True)


def test_nothing_can_be_confirmed_before_there_are_emoji() -> None:
    pair = Pair()
    pair.ben.answer([METHOD])
    with pytest.raises(Wrong):
        pair.ben.confirm(match=True)


def test_decimals_are_shown_to_an_app_that_has_no_emoji() -> None:
    def without_emoji(_: object, step: Step) -> Step:
        if step.kind == "start":
            step.content["short_authentication_string"] = ["decimal"]
        return step

    pair = Pair(without_emoji).begin()
    assert pair.ben.shown is not None
    assert len(pair.ben.shown.decimals) == 3
    assert all(1000 <= number <= 9191 for number in pair.ben.shown.decimals)


class InTheMiddle:
    """Has a key of its own with each of them, and passes everything else on."""

    def __init__(self) -> None:
        self.keys: defaultdict[str, vodozemac.Sas] = defaultdict(vodozemac.Sas)
        self.start: Mapping[str, Any] = {}

    def __call__(self, sender: str, step: Step) -> Step:
        own = self.keys[sender].public_key.to_base64()
        if step.kind == "start":
            self.start = step.content
        if step.kind == "accept":  # the announced key must be the one that is shown later: it can be ours
            return Step("accept", step.content | {"commitment": commitment(own, self.start)})
        return Step("key", step.content | {"key": own}) if step.kind == "key" else step


def test_somebody_in_the_middle_makes_the_emoji_differ() -> None:
    for _ in range(20):
        pair = Pair(InTheMiddle()).begin()
        assert pair.anna.state is pair.ben.state is State.COMPARING
        assert pair.anna.shown != pair.ben.shown


def test_even_if_both_confirm_wrongly_no_key_is_believed() -> None:
    pair = Pair(InTheMiddle()).begin()
    pair.confirm(pair.anna)
    assert pair.ben.ending is not None
    assert (pair.ben.ending.code, pair.ben.ending.by_us) == ("m.key_mismatch", True)


def changed(kind: str, **fields: Any) -> Tamper:
    """Change fields of one kind of message."""
    return lambda _, step: Step(kind, step.content | fields) if step.kind == kind else step


CHANGES = [
    ("accept", {"commitment": "AAAA"}, "m.mismatched_commitment"),
    ("accept", {"commitment": 3}, "m.invalid_message"),
    ("accept", {"hash": "sha1"}, "m.unknown_method"),
    ("accept", {"key_agreement_protocol": "curve25519"}, "m.unknown_method"),
    ("accept", {"message_authentication_code": "hkdf-hmac-sha256"}, "m.unknown_method"),
    ("accept", {"short_authentication_string": []}, "m.unknown_method"),
    ("start", {"method": "m.reciprocate.v1"}, "m.unknown_method"),
    ("start", {"hashes": ["sha1"]}, "m.unknown_method"),
    ("start", {"hashes": "sha256"}, "m.invalid_message"),
    ("start", {"message_authentication_codes": ["hkdf-hmac-sha256"]}, "m.unknown_method"),
    ("start", {"key_agreement_protocols": ["curve25519"]}, "m.unknown_method"),
    ("start", {"from_device": "OTHER"}, "m.mismatched_commitment"),
    ("start", {"number": float("nan")}, "m.invalid_message"),
    ("ready", {"methods": ["m.qr_code.scan.v1"]}, "m.unknown_method"),
    ("ready", {"methods": None}, "m.invalid_message"),
    ("key", {"key": "AAAA"}, None),
    ("key", {"key": 7}, None),
    ("key", {"key": unpadded(bytes(32))}, None),
    ("mac", {"mac": {}}, "m.key_mismatch"),
    ("mac", {"mac": {"ed25519:X": 3}}, "m.invalid_message"),
    ("mac", {"keys": "AAAA"}, "m.key_mismatch"),
    ("mac", {"keys": None}, "m.invalid_message"),
]


@pytest.mark.parametrize(("kind", "fields", "code"), CHANGES)
def test_a_changed_message_ends_it_with_the_specs_code(kind: str, fields: dict[str, Any], code: str | None) -> None:
    pair = Pair(changed(kind, **fields)).begin()
    if pair.anna.state is State.COMPARING:
        pair.confirm(pair.anna)
    assert State.ENDED in {pair.anna.state, pair.ben.state}
    assert pair.anna.ending is not None
    assert code in {None, pair.anna.ending.code}


@pytest.mark.parametrize("wrong", ["ed25519", "master", "device_id"])
def test_keys_other_than_those_that_we_were_told_are_not_believed(wrong: str) -> None:
    """The MAC must be of the device key and the master key that the server states."""
    pair = Pair().begin()
    pair.ben.meet(replace(pair.anna.us, **{wrong: key()}))
    pair.confirm(pair.anna)
    assert pair.ben.ending is not None
    assert pair.ben.ending.code == "m.key_mismatch"


def test_a_mac_of_the_device_alone_is_not_enough() -> None:
    """The person is verified, not one device: their app must hold to their identity."""
    pair = Pair().begin()
    anna = pair.anna.us
    device_only = pair.anna._secret
    assert device_only is not None
    info = f"MATRIX_KEY_VERIFICATION_MAC{anna.user_id}{anna.device_id}{pair.ben.us.user_id}{pair.ben.us.device_id}t1"
    key_id = f"ed25519:{anna.device_id}"
    macs = {key_id: device_only._sas.calculate_mac(anna.ed25519, info + key_id)}
    keys = device_only._sas.calculate_mac(key_id, f"{info}KEY_IDS")
    assert [step.kind for step in pair.ben.receive("mac", {"mac": macs, "keys": keys})] == ["cancel"]


def test_a_mac_cannot_be_reflected() -> None:
    pair = Pair().begin()
    ours = pair.ben.confirm(match=True)[0]
    assert pair.ben.receive("mac", ours.content)[0].content["code"] == "m.key_mismatch"


def test_the_same_message_again_changes_nothing() -> None:
    pair = Pair()
    arrived: list[tuple[Flow, Step]] = []

    def twice(sender: str, step: Step) -> Step:
        receiver = pair.ben if sender == pair.anna.us.user_id else pair.anna
        arrived.append((receiver, step))
        return step

    pair._tamper = twice
    pair.begin()
    pair.confirm(pair.anna)
    pair.confirm(pair.ben)
    for receiver, step in arrived:
        assert receiver.receive(step.kind, step.content) == []
    pair.finish()
    assert {pair.anna.state, pair.ben.state} == {State.DONE}


@pytest.mark.parametrize("kind", ["start", "key", "mac"])
def test_another_message_of_the_same_kind_ends_it(kind: str) -> None:
    pair = Pair().begin()
    pair.confirm(pair.anna)
    (cancel,) = pair.ben.receive(kind, {"key": "other"})
    assert cancel.content["code"] == "m.unexpected_message"


@pytest.mark.parametrize("kind", ["accept", "key", "mac", "done", "ready", "request", "nonsense"])
def test_a_message_at_the_wrong_time_ends_it(kind: str) -> None:
    pair = Pair()
    pair.ben.answer([METHOD])
    (cancel,) = pair.ben.receive(kind, {})
    assert (cancel.kind, cancel.content["code"]) == ("cancel", "m.unexpected_message")
    assert pair.ben.receive("start", {}) == []


def test_both_start_and_the_smaller_user_id_counts() -> None:
    pair = Pair()
    anna, ben = pair.anna, pair.ben
    ben.answer([METHOD])
    (annas,) = anna.receive("ready", {"methods": [METHOD]})
    ben.state = State.ASKED  # as if Ben had asked too, on the same transaction
    (bens,) = ben.receive("ready", {"methods": [METHOD]})
    assert anna.receive("start", bens.content) == []
    (accept,) = ben.receive("start", annas.content)
    (key,) = anna.receive("accept", accept.content)
    (answer,) = ben.receive("key", key.content)
    assert anna.receive("key", answer.content) == []
    assert anna.shown == ben.shown
    assert anna.shown is not None


def test_after_ten_minutes_it_is_over() -> None:
    pair = Pair().begin()
    assert pair.ben.tick(START + 599) == []
    (cancel,) = pair.ben.tick(START + 600)
    assert cancel.content["code"] == "m.timeout"
    assert pair.ben.tick(START + 601) == []
    with pytest.raises(Wrong):
        pair.ben.confirm(match=True)


@pytest.mark.parametrize("methods", [None, "m.sas.v1", [], ["m.qr_code.show.v1"], 3])
def test_who_cannot_compare_emoji_is_told(methods: object) -> None:
    pair = Pair().begin(methods)
    assert pair.anna.ending is not None
    assert pair.anna.ending.code == "m.unknown_method"


def test_a_cancel_is_not_answered_and_nothing_follows() -> None:
    pair = Pair().begin()
    assert pair.ben.receive("cancel", {"code": "m.user", "reason": "no"}) == []
    assert pair.ben.ending is not None
    assert (pair.ben.ending.code, pair.ben.ending.by_us) == ("m.user", False)
    assert pair.ben.cancel(Cancel.TIMEOUT) == []


def test_there_are_64_emoji_with_different_names() -> None:
    assert len(set(EMOJI)) == len({one.name for one in EMOJI}) == 64


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["method", "methods", "key", "mac", "keys", "hash", "hashes", "commitment", "short_authentication_string", "code"]
)
KINDS = st.sampled_from(["ready", "start", "accept", "key", "mac", "done", "cancel", "request", "x"])


@given(st.lists(st.tuples(KINDS, st.dictionaries(FIELDS, JSON, max_size=4)), max_size=6))
def test_no_message_breaks_it_or_makes_it_say_more_than_one_cancel(messages: list[tuple[str, dict[str, Any]]]) -> None:
    flow = Pair().ben
    flow.answer([METHOD])
    said = Counter(step.kind for kind, content in messages for step in flow.receive(kind, content))
    assert said["cancel"] <= 1
    assert said["mac"] == said["done"] == 0
