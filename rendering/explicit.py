"""A data set in Explicit VR Little Endian (PS3.5 A.2), value for value: nothing is decoded, nothing tidied up. Pure.

Only how elements begin is written anew, and numbers of a big-endian data set are turned round. Group lengths, which
PS3.5 section 7.2 has retired and which would be wrong then, are left out.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from pydicom.datadict import dictionary_VR

from rendering.errors import CannotShow

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNDEFINED = 0xFFFF_FFFF
_SHORTEST_LONG = 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_PIXEL_REPRESENTATION = 0x0028_0103
_PRIVATE_CREATORS = range(0x10, 0x100)
_DEEPEST = 16
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
#: Bytes of a number by its value representation.
_WIDTHS = {
    **dict.fromkeys((b"US", b"SS", b"OW", b"AT"), 2),
    **dict.fromkeys((b"UL", b"SL", b"FL", b"OL", b"OF"), 4),
    **dict.fromkeys((b"FD", b"OD", b"SV", b"UV", b"OV"), 8),
}


def explicit(data: bytes, *, implicit: bool, little: bool, replaced: Mapping[int, bytes | None] | None = None) -> bytes:
    """All of `data`, a data set in the encoding named, with other values for the top level's `replaced`, None for none.

    Raises `CannotShow` where it is not in that encoding to the last byte, or holds an encapsulated picture.
    """
    try:
        end, written = _Walk(data, implicit=implicit, little=little).elements(0, len(data), replaced or {})
    except (struct.error, IndexError):
        raise CannotShow("its header is damaged", "P40") from None
    if end != len(data):
        raise CannotShow("its header is damaged", "P40")
    return written


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """One element of defined length; one too long for its VR's 16 bits becomes UN (PS3.5 section 6.2.2)."""
    group, number = tag >> 16, tag & 0xFFFF
    if vr not in _LONG and len(value) < _SHORTEST_LONG + 1:
        return struct.pack("<HH2sH", group, number, vr, len(value)) + value
    return struct.pack("<HH2sHI", group, number, vr if vr in _LONG else b"UN", 0, len(value)) + value


class _Walk:
    """Over the elements of one data set and those nested in it."""

    def __init__(self, data: bytes, *, implicit: bool, little: bool) -> None:
        self._data = data
        self._implicit = implicit
        self._little = little
        self._order = "<" if little else ">"
        self._signed = False
        self._depth = 0

    def elements(
        self, at: int, end: int, replaced: Mapping[int, bytes | None], *, delimited: bool = False
    ) -> tuple[int, bytes]:
        """Where they end, which is `end`, or before the delimiter of their item; and all as they are to be written."""
        written: list[bytes] = []
        while delimited or at < end:
            if delimited and self._item_head(at)[0] == _ITEM_END:
                return at, b"".join(written)
            tag, vr, start, length = self._head(at)
            at, value = self._value(vr, start, length, end)
            if tag == _PIXEL_REPRESENTATION:
                self._signed = value[:1] == b"\x01"
            kept = replaced.get(tag, value)
            if kept is None or tag & 0xFFFF == 0:
                continue
            if length == _UNDEFINED:
                written.append(struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, _UNDEFINED) + kept)
            else:
                written.append(element(tag, vr, kept))
        return at, b"".join(written)

    def _head(self, at: int) -> tuple[int, bytes, int, int]:
        """Tag, VR, where the value starts, its length."""
        group, number = struct.unpack_from(f"{self._order}HH", self._data, at)
        tag = group << 16 | number
        if self._implicit:
            (length,) = struct.unpack_from("<I", self._data, at + 4)
            return tag, b"SQ" if length == _UNDEFINED else self._vr(tag), at + 8, length
        vr = self._data[at + 4 : at + 6]
        if vr in _LONG:
            (length,) = struct.unpack_from(f"{self._order}I", self._data, at + 8)
            return tag, vr, at + 12, length
        if vr not in _SHORT:
            raise CannotShow("its header is damaged", "P40")
        (length,) = struct.unpack_from(f"{self._order}H", self._data, at + 6)
        return tag, vr, at + 8, length

    def _vr(self, tag: int) -> bytes:
        """What the dictionary says; of several, the one that fits (PS3.5 A.1, PS3.6 chapter 6)."""
        group, number = tag >> 16, tag & 0xFFFF
        if group % 2:
            return b"LO" if number in _PRIVATE_CREATORS else b"UN"
        try:
            said = dictionary_VR(tag)
        except KeyError:
            return b"UN"
        if " or " not in said:
            return said.encode()
        return b"OW" if "OW" in said else b"SS" if self._signed else b"US"

    def _value(self, vr: bytes, start: int, length: int, end: int) -> tuple[int, bytes]:
        """Where the element ends, and its value as it is to be written."""
        if vr == b"UN" and length == _UNDEFINED:
            return self._unknown(start, end)
        if vr == b"SQ":
            return self._sequence(start, end if length == _UNDEFINED else start + length, length == _UNDEFINED)
        if length == _UNDEFINED:
            raise CannotShow("it holds a compressed picture within its header", "P41")
        behind = start + length
        if behind > end:
            raise CannotShow("its header is damaged", "P40")
        return behind, self._turned(vr, self._data[start:behind])

    def _turned(self, vr: bytes, value: bytes) -> bytes:
        width = _WIDTHS.get(vr, 1)
        if self._little or width == 1:
            return value
        return np.frombuffer(value, f"u{width}").byteswap().tobytes() if len(value) % width == 0 else value

    def _unknown(self, start: int, end: int) -> tuple[int, bytes]:
        """Of undefined length: what is inside is in Implicit VR Little Endian whatever is around it, and stays so."""
        inside = _Walk(self._data, implicit=True, little=True)
        behind, _ = inside._sequence(start, end, undefined=True)
        return behind, self._data[start:behind]

    def _sequence(self, at: int, end: int, undefined: bool) -> tuple[int, bytes]:  # noqa: FBT001
        if self._depth == _DEEPEST:
            raise CannotShow("its header is nested without end", "P42")
        self._depth += 1
        items = []
        while undefined or at < end:
            tag, length = self._item_head(at)
            at += 8
            if tag == _SEQUENCE_END and undefined:
                items.append(_delimiter(_SEQUENCE_END))
                break
            if tag != _ITEM:
                raise CannotShow("its header is damaged", "P40")
            at, item = self._item(at, end, length)
            items.append(item)
        self._depth -= 1
        return at, b"".join(items)

    def _item(self, at: int, end: int, length: int) -> tuple[int, bytes]:
        """Where it ends, and the item with its beginning and, if it had one, its delimiter."""
        signed = self._signed
        undefined = length == _UNDEFINED
        behind, content = self.elements(at, end if undefined else at + length, {}, delimited=undefined)
        self._signed = signed
        if undefined:
            return behind + 8, struct.pack("<HHI", 0xFFFE, 0xE000, _UNDEFINED) + content + _delimiter(_ITEM_END)
        if behind != at + length:
            raise CannotShow("its header is damaged", "P40")
        return behind, struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content

    def _item_head(self, at: int) -> tuple[int, int]:
        group, number, length = struct.unpack_from(f"{self._order}HHI", self._data, at)
        return group << 16 | number, length


def _delimiter(tag: int) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, 0)
