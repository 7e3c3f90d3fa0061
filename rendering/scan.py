"""The elements of a header up to its pixels, in a tenth of the time that a whole parser needs (PS3.5 section 7).

Understands explicit and implicit VR little endian with tags in order, which nearly every stored file is. Whatever looks
unusual raises `Unsure`, and pydicom decides. Values stay as they are stored until somebody asks for them.
"""

from __future__ import annotations

import struct
from collections.abc import MutableMapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32, STANDARD_VR

from rendering.elements import given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydicom.dataelem import DataElement

    Element: TypeAlias = DataElement | RawDataElement
    Head: TypeAlias = Callable[[bytes, int], tuple[int, str | None, int, int]]
    Raw: TypeAlias = tuple[str | None, bytes] | None

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


class Elements(MutableMapping[BaseTag, "Element"]):
    """The elements of a header for a data set, each made when it is first asked for: of a hundred a dozen are."""

    def __init__(self, data: bytes, *, implicit: bool) -> None:
        self.asked: set[int] = set()
        self._data, self._implicit = data, implicit
        #: VR by tag, and where the value begins and ends.
        self.places: dict[int, tuple[str | None, int, int]] = {}
        self._made: dict[int, Element] = {}

    @cached_property
    def data_set(self) -> Dataset:
        """All of them, for whoever reads one by its keyword."""
        data_set = Dataset(self)
        character_set = given(data_set, "SpecificCharacterSet")
        encoding = convert_encodings(character_set) if character_set else default_encoding
        data_set.set_original_encoding(self._implicit, True, encoding)  # noqa: FBT003
        return data_set

    def raw(self, tag: int) -> Raw:
        """VR and value as they are stored, None where there is no such element."""
        place = self.places.get(tag)
        return (place[0], self._data[place[1] : place[2]]) if place else None

    def agree(self, asked: Mapping[int, Raw]) -> bool:
        """Whether `raw` is the same for all of these tags."""
        places, data = self.places, self._data
        for tag, raw in asked.items():
            place = places.get(tag)
            if place is None or raw is None:
                if place is not None or raw is not None:
                    return False
            elif raw[1] != data[place[1] : place[2]] or raw[0] != place[0]:
                return False
        return True

    def __getitem__(self, tag: BaseTag) -> Element:
        found: Element | None = self.get(tag)
        if found is None:
            raise KeyError(tag)
        return found

    def get(self, tag: BaseTag, default: Any = None) -> Any:
        """What the mapping's own does, without an exception where there is nothing."""
        key = int(tag)
        self.asked.add(key)
        place = self.places.get(key)
        if place is None:
            return default
        return self._made.get(key) or self._make(key, *place)

    def _make(self, key: int, vr: str | None, start: int, end: int) -> Element:
        value = self._data[start:end] or _EMPTY.get(vr)
        made = RawDataElement(BaseTag(key), vr, end - start, value, start, self._implicit, True)  # noqa: FBT003
        self._made[key] = made
        return made

    def __contains__(self, tag: object) -> bool:
        key = int(tag)  # type: ignore[call-overload]
        self.asked.add(key)
        return key in self.places

    def __setitem__(self, tag: BaseTag, element: Element) -> None:
        self.places.setdefault(int(tag), (None, 0, 0))
        self._made[int(tag)] = element

    def __delitem__(self, tag: BaseTag) -> None:
        del self.places[int(tag)]
        self._made.pop(int(tag), None)

    def __iter__(self) -> Iterator[BaseTag]:
        self.asked.update(self.places)
        return iter(map(BaseTag, list(self.places)))

    def __len__(self) -> int:
        return len(self.places)


def scanned(data: bytes, position: int, end: int, *, implicit: bool) -> tuple[Elements, int]:
    """The elements from `position` on, and where the pixel data begins, or `end`. Raises `Unsure`."""
    found = Elements(data, implicit=implicit)
    places, head = found.places, _implicit if implicit else _explicit
    previous, end = 0, min(end, len(data))
    try:
        while position < end:
            tag, vr, start, length = head(data, position)
            if tag in PIXEL_TAGS:
                break
            behind = start + length if length != _UNDEFINED else _sequence_end(data, start, head, 0)
            if tag <= previous or behind > end:
                raise Unsure
            places[tag] = (vr, start, behind)
            previous, position = tag, behind if length != _UNDEFINED else behind + _DELIMITER
    except struct.error:
        raise Unsure from None
    return found, position


def _explicit(data: bytes, position: int) -> tuple[int, str | None, int, int]:
    """Tag, VR, where the value starts, and its length (PS3.5 section 7.1.2)."""
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


def _implicit(data: bytes, position: int) -> tuple[int, str | None, int, int]:
    """The same without a VR (PS3.5 section 7.1.3)."""
    group, element, length = _implicit_head(data, position)
    if length == _UNDEFINED and group % 2:  # whether a private element is a sequence, pydicom finds out
        raise Unsure
    return group << 16 | element, None, position + 8, length


def _sequence_end(data: bytes, position: int, head: Head, depth: int) -> int:
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
        position = _item_end(data, position, head, depth) if length == _UNDEFINED else position + length


def _item_end(data: bytes, position: int, head: Head, depth: int) -> int:
    """Behind the delimiter of an item of undefined length."""
    while _implicit_head(data, position)[:2] != (_ITEM_END >> 16, _ITEM_END & 0xFFFF):
        _, _, start, length = head(data, position)
        nested = length == _UNDEFINED
        position = _sequence_end(data, start, head, depth + 1) + _DELIMITER if nested else start + length
    return position + _DELIMITER
