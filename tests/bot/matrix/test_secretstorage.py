"""Secret storage by itself. That other apps read and write the same stands in test_backup.py."""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.matrix.errors import RecoveryKeyWrong
from bot.matrix.secretstorage import (
    ALGORITHM,
    BASE58,
    description,
    is_described,
    recovery_key,
    seal,
    typed_key,
    unseal,
)

KEY = bytes(range(32))
KEYS = st.binary(min_size=32, max_size=32)
NAME = "m.cross_signing.master"


def test_a_known_key_is_written_as_other_apps_write_it() -> None:
    """The private key of RFC 7748, section 6.1, as libolm and its successors show it."""
    key = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    assert recovery_key(key) == "EsTc LW2K PGiF wKEA 3As5 g5c4 BXwk qeeJ ZJV8 Q9fu gUMN UE4d"
    assert typed_key(recovery_key(key)) == key


@given(key=KEYS)
def test_a_recovery_key_is_twelve_groups_of_four_and_comes_back(key: bytes) -> None:
    text = recovery_key(key)
    assert [len(group) for group in text.split(" ")] == [4] * 12
    assert text.startswith("Es")
    assert typed_key(text) == key


@pytest.mark.parametrize("between", ["", "  ", "\n", "-", "\t \u00a0"])
def test_what_stands_between_the_groups_does_not_count(between: str) -> None:
    assert typed_key(between + recovery_key(KEY).replace(" ", between) + between) == KEY


@given(key=KEYS)
def test_a_character_that_does_not_exist_is_the_one_that_looks_like_it(key: bytes) -> None:
    text = recovery_key(key)
    assert typed_key(text.replace("o", "0").replace("1", "l")) == key
    assert typed_key(text.replace("o", "O").replace("1", "I")) == key


@given(key=KEYS, place=st.integers(0, 47), letter=st.sampled_from(BASE58))
def test_a_wrong_letter_is_noticed_or_gives_another_key_never_a_crash(key: bytes, place: int, letter: str) -> None:
    letters = recovery_key(key).replace(" ", "")
    changed = letters[:place] + letter + letters[place + 1 :]
    with suppress(RecoveryKeyWrong):
        assert (typed_key(changed) == key) == (changed == letters)


@given(text=st.text())
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises(RecoveryKeyWrong, match="twelve groups of four"):
        typed_key(text)


@pytest.mark.parametrize(
    "text", ["", "E", "1" * 48, "z" * 48, "z" * 4000, recovery_key(KEY)[:-1], recovery_key(KEY) + "1"]
)
def test_what_is_no_recovery_key(text: str) -> None:
    with pytest.raises(RecoveryKeyWrong):
        typed_key(text)


@given(key=KEYS, name=st.text(), secret=st.binary())
def test_what_is_sealed_opens_with_its_key_and_name_only(key: bytes, name: str, secret: bytes) -> None:
    sealed = seal(key, name, secret)
    assert unseal(key, name, sealed) == secret
    with pytest.raises(ValueError, match="not sealed"):
        unseal(bytes(byte ^ 1 for byte in key), name, sealed)
    with pytest.raises(ValueError, match="not sealed"):
        unseal(key, name + "x", sealed)


@pytest.mark.parametrize("part", ["ciphertext", "mac"])
def test_a_changed_byte_is_noticed(part: str) -> None:
    sealed = seal(KEY, NAME, b"a secret")
    changed = bytearray(base64.b64decode(sealed[part] + "=="))
    changed[0] ^= 1
    with pytest.raises(ValueError, match="not sealed"):
        unseal(KEY, NAME, sealed | {part: base64.b64encode(changed).decode()})


@pytest.mark.parametrize(
    "sealed", [{}, {"iv": 1, "mac": None, "ciphertext": []}, {"iv": "", "mac": "", "ciphertext": ""}]
)
def test_what_was_never_sealed_does_not_open(sealed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not"):
        unseal(KEY, NAME, sealed)


def test_bit_63_of_the_counter_is_clear() -> None:
    ivs = [base64.b64decode(seal(KEY, NAME, b"")["iv"] + "==") for _ in range(64)]
    assert all(iv[8] < 0x80 for iv in ivs)
    assert len(set(ivs)) == len(ivs)


def test_keys_are_derived_as_the_specification_says() -> None:
    """HKDF-SHA-256 (RFC 5869) written out: zero salt, the name as info, 64 bytes, the second half for the MAC."""
    extracted = hmac.digest(bytes(32), KEY, "sha256")
    first = hmac.digest(extracted, NAME.encode() + b"\x01", "sha256")
    mac_key = hmac.digest(extracted, first + NAME.encode() + b"\x02", "sha256")
    sealed = seal(KEY, NAME, b"a secret")
    mac = hmac.digest(mac_key, base64.b64decode(sealed["ciphertext"] + "=="), hashlib.sha256)
    assert base64.b64encode(mac).decode().rstrip("=") == sealed["mac"]


@given(key=KEYS, other=KEYS)
def test_a_description_tells_its_key_from_others(key: bytes, other: bytes) -> None:
    told = description(key)
    assert told["algorithm"] == ALGORITHM
    assert is_described(key, told)
    assert is_described(other, told) == (key == other)


@pytest.mark.parametrize(
    ("told", "fits"),
    [
        ({}, False),
        ({"algorithm": "m.other"}, False),
        ({"algorithm": ALGORITHM}, True),  # says nothing: the secret's own MAC decides
        ({"algorithm": ALGORITHM, "iv": "AAAA", "mac": "AAAA"}, False),
        ({"algorithm": ALGORITHM, "iv": None, "mac": 5}, False),
    ],
)
def test_descriptions_of_strangers(told: dict[str, object], fits: bool) -> None:  # noqa: FBT001 - a table
    assert is_described(KEY, told) is fits
