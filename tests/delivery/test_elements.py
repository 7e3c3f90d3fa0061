from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import read_dataset

from delivery.elements import element, fitted


@pytest.mark.parametrize(
    ("vr", "text", "expected"),
    [
        ("LO", " Ankle ", "Ankle"),
        ("LO", "a\\b", "a/b"),
        ("LO", "a\x1b[31m\nb\0", "a [31m b"),
        ("LO", "x" * 65, "x" * 64),
        ("SH", "x" * 17, "x" * 16),
        ("PN", "Müller^Jürgen", "Müller^Jürgen"),
        ("PN", "=".join(["x" * 70] * 4), "=".join(["x" * 64] * 3)),
        ("CS", "MR", "MR"),
        ("CS", "mr", ""),
        ("CS", "A-B", ""),
        ("DA", "20240305", "20240305"),
        ("DA", "2024.03.05", ""),
        ("DA", "202403", ""),
        ("TM", "0908", "0908"),
        ("TM", "090807.123456", "090807.123456"),
        ("TM", "09:08", ""),
        ("IS", "-12", "-12"),
        ("IS", "1.5", ""),
        ("UI", "1.2.3", "1.2.3"),
        ("US", "512", "512"),
        ("US", "70000", ""),
        ("UL", "b'1'", ""),
    ],
)
def test_text_fits_its_value_representation_or_is_left_out(vr: str, text: str, expected: str) -> None:
    assert fitted(vr, text) == expected


@given(vr=st.sampled_from(["LO", "SH", "PN", "ST", "CS", "DA", "TM", "IS"]), text=st.text(max_size=300))
def test_what_fits_fits_again_and_holds_no_separator_and_no_control(vr: str, text: str) -> None:
    once = fitted(vr, text)
    assert fitted(vr, once) == once
    assert "\\" not in once
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in once)


@given(
    vr=st.sampled_from(["LO", "OB", "UT", "UN", "SH"]),
    value=st.binary(max_size=300).filter(lambda one: not one.endswith((b" ", b"\0"))),
)
def test_pydicom_reads_each_element(vr: str, value: bytes) -> None:
    data = element(0x00091001, vr.encode(), value)
    assert len(data) % 2 == 0
    raw = read_dataset(io.BytesIO(data), is_implicit_VR=False, is_little_endian=True).get_item(0x00091001)
    assert (raw.value or b"").rstrip(b" \0") == value
