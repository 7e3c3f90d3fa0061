"""The elements of a header up to its pixels, in a tenth of the time that a whole parser needs (PS3.5 section 7).

Understands explicit and implicit VR little endian with tags in order, which nearly every stored file is. Whatever looks
unusual raises `Unsure`, and pydicom decides. Values stay as they are stored until somebody asks for them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32, STANDARD_VR

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement

    #: What a data set is made of.
    Elements = dict[BaseTag, DataElement | RawDataElement]

_SHORT = {str(vr).encode(): str(vr) for vr in EXPLICIT_VR_LENGTH_16}
_LONG = {str(vr).encode(): str(vr) for vr in EXPLICIT_VR_LENGTH_32}
#: What pydicom has for a value without length; None for the rest.
_EMPTY: dict[str | None, Any] = {str(vr): empty_value_for_VR(vr, raw=True) for vr in STANDARD_VR}
_UNDEFINED = 0xFFFF_FFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
#: Float Pixel Data, Double Float Pixel Data, Pixel Data.
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_PIXEL_GROUP = 0x7FE0
#: Bytes of a delimiter.
_DELIMITER = 8
#: Deeper nesting than any real object's; a guard against hostile files.
_DEEPEST = 16

_explicit_head = struct.Struct("<HH2sH").unpack_from
_implicit_head = struct.Struct("<HHI").unpack_from
_long_length = struct.Struct("<I").unpack_from


class Unsure(Exception):
    """Not what this scanner understands, or not within the bytes that it was given."""


def scanned(data: bytes, position: int, end: int, *, implicit: bool) -> tuple[Elements, int]:
    """The elements from `position` on, and where the pixel data begins, or `end`. Raises `Unsure`."""
    found: Elements = {}
    previous, end = 0, min(end, len(data))
    try:
        while position < end:
            tag, vr, start, length = _head(data, position, implicit=implicit)
            if tag in PIXEL_TAGS:
                break
            behind = start + length if length != _UNDEFINED else _sequence_end(data, start, implicit=implicit, depth=0)
            value = data[start:behind] or _EMPTY.get(vr)
            if tag <= previous or behind > end:
                raise Unsure
            known = BaseTag(tag)
            found[known] = RawDataElement(known, vr, behind - start, value, start, implicit, True)  # noqa: FBT003
            previous, position = tag, behind if length != _UNDEFINED else behind + _DELIMITER
    except struct.error:
        raise Unsure from None
    return found, position


def _head(data: bytes, position: int, *, implicit: bool) -> tuple[int, str | None, int, int]:
    """Tag, VR, where the value starts, and its length."""
    if implicit:
        group, element, length = _implicit_head(data, position)
        if length == _UNDEFINED and group % 2:  # whether a private element is a sequence, pydicom finds out
            raise Unsure
        return group << 16 | element, None, position + 8, length
    group, element, code, length = _explicit_head(data, position)
    vr = _SHORT.get(code)
    if vr is not None:
        return group << 16 | element, vr, position + 8, length
    vr = _LONG.get(code)
    if vr is None:
        raise Unsure
    (length,) = _long_length(data, position + 8)
    if length == _UNDEFINED and vr != "SQ" and group != _PIXEL_GROUP:
        raise Unsure
    return group << 16 | element, vr, position + 12, length


def _sequence_end(data: bytes, position: int, *, implicit: bool, depth: int) -> int:
    """Where the delimiter of a sequence of undefined length begins (PS3.5 section 7.5)."""
    if depth > _DEEPEST:
        raise Unsure
    while True:
        group, element, length = _implicit_head(data, position)
        tag = group << 16 | element
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise Unsure
        position += 8
        position = _item_end(data, position, implicit, depth) if length == _UNDEFINED else position + length


def _item_end(data: bytes, position: int, implicit: bool, depth: int) -> int:  # noqa: FBT001
    """Behind the delimiter of an item of undefined length."""
    while _implicit_head(data, position)[:2] != (_ITEM_END >> 16, _ITEM_END & 0xFFFF):
        _, _, start, length = _head(data, position, implicit=implicit)
        if length == _UNDEFINED:
            position = _sequence_end(data, start, implicit=implicit, depth=depth + 1) + _DELIMITER
        else:
            position = start + length
    return position + _DELIMITER
