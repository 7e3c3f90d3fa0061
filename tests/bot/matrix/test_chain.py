"""The chain device <- self-signing key <- master key <- pin, and every way in which it may be broken."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bot.matrix.chain import judge, master_key, whole_identity
from bot.matrix.signatures import canonical, public, raw_key, sign, signed_by, unpadded
from config.trust import TrustLevel

ANNA, DEVICE = "@anna:hospital-a.example", "PHONE"


class Anna:
    """A person with one cross-signed device, as /keys/query shows her."""

    def __init__(self) -> None:
        self.master, self.signing, self.device = (Ed25519PrivateKey.generate() for _ in range(3))
        self.curve25519 = unpadded(bytes(range(32)))
        self.answer: dict[str, Any] = {
            "device_keys": {ANNA: {DEVICE: self.device_keys()}},
            "master_keys": {ANNA: self.key("master", self.master)},
            "self_signing_keys": {ANNA: self.signed(self.key("self_signing", self.signing), self.master)},
        }

    @property
    def pin(self) -> str:
        return public(self.master)

    def key(self, usage: str, key: Ed25519PrivateKey) -> dict[str, Any]:
        return {"user_id": ANNA, "usage": [usage], "keys": {f"ed25519:{public(key)}": public(key)}}

    def signed(self, value: dict[str, Any], key: Ed25519PrivateKey, key_id: str = "") -> dict[str, Any]:
        signatures = copy.deepcopy(value.get("signatures", {ANNA: {}}))
        signatures[ANNA][f"ed25519:{key_id or public(key)}"] = sign(value, key)
        return value | {"signatures": signatures}

    def device_keys(self) -> dict[str, Any]:
        keys = {f"ed25519:{DEVICE}": public(self.device), f"curve25519:{DEVICE}": self.curve25519}
        value = {"user_id": ANNA, "device_id": DEVICE, "algorithms": [], "keys": keys}
        value["unsigned"] = {"device_display_name": "Anna's phone"}
        return self.signed(self.signed(value, self.device, DEVICE), self.signing)

    @property
    def stated(self) -> Any:
        return self.answer["device_keys"][ANNA][DEVICE]


@pytest.fixture
def anna() -> Anna:
    return Anna()


def reasons(anna: Anna, pinned: str | None = None) -> list[str]:
    standing = judge(ANNA, anna.answer, pinned or anna.pin)
    assert not standing.good
    return [one.reason for one in standing.excluded]


@pytest.mark.parametrize("odd", ["a b", "BROWN^ANNA", "\u00fc", "", "x" * 2000, "a\nb"])
def test_a_device_whose_name_is_no_identifier_is_malformed(odd: str) -> None:
    """Nothing could be addressed to it: the gate lets only identifiers pass."""
    anna = Anna()
    keys = {f"ed25519:{odd}": public(anna.device), f"curve25519:{odd}": anna.curve25519}
    value = {"user_id": ANNA, "device_id": odd, "algorithms": [], "keys": keys}
    anna.answer["device_keys"][ANNA] = {odd: anna.signed(anna.signed(value, anna.device, odd), anna.signing)}
    assert reasons(anna) == ["malformed"]


def test_a_device_with_a_whole_chain_is_good(anna: Anna) -> None:
    standing = judge(ANNA, anna.answer, anna.pin)
    (device,) = standing.good
    assert (device.device_id, device.ed25519, device.curve25519) == (DEVICE, public(anna.device), anna.curve25519)
    assert device.display_name == "Anna's phone"
    assert (standing.excluded, standing.known) == ((), True)
    assert master_key(ANNA, anna.answer) == anna.pin


def levels(anna: Anna, pinned: str | None = None, *, verified: bool = False) -> list[TrustLevel]:
    return [device.level for device in judge(ANNA, anna.answer, pinned or anna.pin, verified=verified).devices]


def test_the_level_of_a_device_is_what_its_chain_ends_in(anna: Anna) -> None:
    assert levels(anna, verified=True) == [TrustLevel.CROSS_SIGNED_VERIFIED]
    assert levels(anna) == [TrustLevel.CROSS_SIGNED_TOFU]
    assert levels(anna, pinned=Anna().pin, verified=True) == [TrustLevel.CROSS_SIGNED_UNTRUSTED]
    anna.answer["device_keys"][ANNA][DEVICE] = anna.signed(
        anna.device_keys() | {"signatures": {ANNA: {}}}, anna.device, DEVICE
    )
    assert levels(anna, verified=True) == [TrustLevel.UNVERIFIED]


@pytest.mark.parametrize(
    ("least", "stranger", "met", "compared"),
    [
        (TrustLevel.UNVERIFIED, "", "", ""),
        (TrustLevel.CROSS_SIGNED_UNTRUSTED, "", "", ""),
        (TrustLevel.CROSS_SIGNED_TOFU, "identity changed", "", ""),
        (TrustLevel.CROSS_SIGNED_VERIFIED, "identity changed", "identity not verified", ""),
    ],
)
def test_the_level_that_is_asked_for_decides_who_is_excluded(
    anna: Anna, least: TrustLevel, stranger: str, met: str, compared: str
) -> None:
    cases = ((Anna().pin, True, stranger), (anna.pin, False, met), (anna.pin, True, compared))
    for pinned, verified, reason in cases:
        standing = judge(ANNA, anna.answer, pinned, verified=verified, least=least)
        assert [one.reason for one in standing.excluded] == ([reason] if reason else [])
        assert len(standing.good) == (0 if reason else 1)


@pytest.mark.parametrize("least", TrustLevel)
def test_a_malformed_device_counts_at_no_level(anna: Anna, least: TrustLevel) -> None:
    anna.stated["keys"][f"ed25519:{DEVICE}"] = "AAAA"
    standing = judge(ANNA, anna.answer, anna.pin, verified=True, least=least)
    assert (standing.good, standing.devices) == ((), ())
    assert [one.reason for one in standing.excluded] == ["malformed"]


def test_a_stated_master_key_without_a_chain_raises_no_level_and_is_not_worth_pinning(anna: Anna) -> None:
    assert whole_identity(ANNA, anna.answer) == anna.pin
    anna.answer["self_signing_keys"][ANNA]["signatures"] = {}
    assert master_key(ANNA, anna.answer) == anna.pin
    assert whole_identity(ANNA, anna.answer) is None
    assert levels(anna, verified=True) == [TrustLevel.UNVERIFIED]


def test_another_master_key_than_the_pinned_one_excludes_every_device(anna: Anna) -> None:
    assert reasons(anna, pinned=Anna().pin) == ["identity changed"]


def test_an_identity_that_has_vanished_is_a_changed_one(anna: Anna) -> None:
    anna.answer["master_keys"] = {}
    assert reasons(anna) == ["identity changed"]


def test_a_person_without_an_identity_has_no_good_device(anna: Anna) -> None:
    anna.answer["master_keys"] = anna.answer["self_signing_keys"] = {}
    assert [one.reason for one in judge(ANNA, anna.answer, None).excluded] == ["no identity"]


def test_a_self_signing_key_that_the_master_did_not_sign_vouches_for_nothing(anna: Anna) -> None:
    forged = Ed25519PrivateKey.generate()
    anna.answer["self_signing_keys"][ANNA] = anna.signed(anna.key("self_signing", forged), forged)
    anna.answer["device_keys"][ANNA][DEVICE] = anna.signed(anna.stated, forged)
    assert reasons(anna) == ["no identity"]


def test_a_device_that_the_server_adds_is_excluded(anna: Anna) -> None:
    mallory = Anna()
    added = mallory.device_keys() | {"device_id": "ADDED"}
    keys = {"ed25519:ADDED": public(mallory.device), "curve25519:ADDED": anna.curve25519}
    added = {**added, "keys": keys, "signatures": {ANNA: {}}}
    anna.answer["device_keys"][ANNA]["ADDED"] = anna.signed(added, mallory.device, "ADDED")
    standing = judge(ANNA, anna.answer, anna.pin)
    assert [one.device_id for one in standing.good] == [DEVICE]
    assert [(one.device_id, one.reason) for one in standing.excluded] == [("ADDED", "unsigned")]


def test_a_key_that_the_server_swaps_is_noticed(anna: Anna) -> None:
    anna.stated["keys"][f"curve25519:{DEVICE}"] = unpadded(bytes(32))
    assert reasons(anna) == ["malformed"]


def test_a_device_signed_by_the_identity_but_not_by_itself_is_malformed(anna: Anna) -> None:
    del anna.stated["signatures"][ANNA][f"ed25519:{DEVICE}"]
    assert reasons(anna) == ["malformed"]


def test_a_device_of_somebody_else_under_this_name_is_malformed(anna: Anna) -> None:
    anna.stated["user_id"] = "@eve:hospital-a.example"
    assert reasons(anna) == ["malformed"]


def test_a_master_key_of_another_usage_is_none(anna: Anna) -> None:
    anna.answer["master_keys"][ANNA]["usage"] = ["user_signing"]
    assert master_key(ANNA, anna.answer) is None


def test_a_server_that_does_not_tell_is_not_a_person_without_devices(anna: Anna) -> None:
    silent = {"device_keys": {}, "failures": {"hospital-a.example": {}}}
    assert judge(ANNA, silent, anna.pin).known is False
    assert judge(ANNA, {"device_keys": {ANNA: {}}, "failures": {}}, anna.pin).known is True


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
WHOLE = Anna()
#: Display names are not part of the chain, nor are fields that carry no key.
BEARING = [place for place in places(WHOLE.answer)[1:] if "unsigned" not in place]


@given(place=st.sampled_from(BEARING), junk=JSON)
def test_no_junk_in_the_answer_raises_or_makes_a_device_good_that_was_not(place: tuple[Any, ...], junk: Any) -> None:
    answer = copy.deepcopy(WHOLE.answer)
    inside = answer
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = junk
    standing = judge(ANNA, answer, WHOLE.pin)
    honest = judge(ANNA, WHOLE.answer, WHOLE.pin).good
    assert set(standing.good) <= set(honest)
    assert all(device.level <= TrustLevel.CROSS_SIGNED_TOFU for device in standing.devices)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": "é"}, '{"a":"é","b":1}'),
        ({"a": {"d": [], "c": None}}, '{"a":{"c":null,"d":[]}}'),
        ({"a": True, "signatures": {"x": 1}, "unsigned": 2}, '{"a":true}'),
        ({"\u672c": 2, "\u65e5": 1}, '{"\u65e5":1,"\u672c":2}'),
    ],
)
def test_canonical_json(value: Any, written: str) -> None:
    assert canonical(value) == written.encode()


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 44, "%" * 43, None, 5])
def test_what_is_no_key(text: Any) -> None:
    with pytest.raises(ValueError, match="not"):
        raw_key(text)


def test_a_lone_surrogate_has_no_valid_signature(anna: Anna) -> None:
    assert not signed_by(anna.stated | {"x": "\ud800"}, ANNA, DEVICE, public(anna.device))
