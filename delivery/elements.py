"""Data elements in Explicit VR Little Endian (PS3.5 section 7.1.2), and text that fits its value representation."""

from __future__ import annotations

import re
import struct

from pydicom.valuerep import VR

VR_NAMES = frozenset(vr.value.encode() for vr in VR if len(vr.value) == 2)  # noqa: PLR2004 a VR has two letters
#: Those with a length of 32 bits, after two reserved bytes.
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: Characters at most (PS3.5 table 6.2-1), of PN in each component group; ST shorter than it may be.
_LIMITS = {"CS": 16, "SH": 16, "LO": 64, "ST": 200, "IS": 12, "UI": 64, "DT": 26}
_SHAPES = {
    "DA": re.compile(r"\d{8}"),
    "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?"),
    "IS": re.compile(r"[+-]?\d{1,11}"),
    "CS": re.compile(r"[A-Z0-9_ ]+"),
    # As text too, for tables; the widest that surely fits.
    "US": re.compile(r"[1-5]?\d{1,4}"),
    "UL": re.compile(r"\d{1,9}"),
}


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """One element, padded to an even length: UIDs and bytes by NUL, text by space."""
    if len(value) % 2:
        value += b"\0" if vr in {b"UI", b"OB", b"UN"} else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in LONG_VRS:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def fitted(vr: str, text: str) -> str:
    """`text` as one value of `vr`: without control characters and value separators, cut to length, "" if malformed."""
    text = _CONTROLS.sub(" ", text).strip().replace("\\", "/")
    shape = _SHAPES.get(vr)
    if shape and not shape.fullmatch(text):
        return ""
    if vr == "PN":
        return "=".join(group[:64] for group in text.split("=")[:3]).rstrip()
    return text[: _LIMITS.get(vr, 64)].rstrip()
