"""The raw elements that an index needs, found without building a data set (PS3.5 section 7; PS3.10 section 7.1).

Understands explicit and implicit VR little endian, which nearly every stored file is. Whatever looks unusual raises
`Unsure`, and a slower, more knowing reader decides; `Truncated` asks for more bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.datadict import tag_for_keyword

if TYPE_CHECKING:
    from collections.abc import Callable

    Walk = Callable[[bytes, int, int, "Elements", int], int]

#: What is kept, by keyword (PS3.6).
_KEYWORDS = (
    "MediaStorageSOPClassUID MediaStorageSOPInstanceUID TransferSyntaxUID SpecificCharacterSet ImageType SOPClassUID"
    " SOPInstanceUID StudyDate StudyTime AccessionNumber Modality InstitutionName CodeValue CodeMeaning"
    " StudyDescription SeriesDescription PatientName PatientID IssuerOfPatientID TypeOfPatientID PatientBirthDate"
    " PatientSex OtherPatientIDs BodyPartExamined ViewPosition StudyInstanceUID SeriesInstanceUID StudyID SeriesNumber"
    " InstanceNumber ImagePositionPatient ImageOrientationPatient Laterality ImageLaterality"
    " PhotometricInterpretation NumberOfFrames Rows Columns UniversalEntityID"
)
_SEQUENCES = "IssuerOfPatientIDQualifiersSequence OtherPatientIDsSequence ViewCodeSequence"


def _by_tag(keywords: str) -> dict[int, str]:
    return {tag: keyword for keyword in keywords.split() if (tag := tag_for_keyword(keyword)) is not None}


WANTED = _by_tag(_KEYWORDS)
WANTED_SEQUENCES = _by_tag(_SEQUENCES)
#: Top-level tags up to here are walked; all that we want stand before it.
LAST_TAG = max(WANTED | WANTED_SEQUENCES)

_SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"}
    | {b"ST", b"TM", b"UI", b"UL", b"US"}
)
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})

_UNDEFINED = 0xFFFF_FFFF
_META_LENGTH, _META_BEGINS = b"\x02\x00\x00\x00UL", 144
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
#: Deeper nesting than any real object's; a guard against hostile files.
_DEEPEST = 16

#: At the top of a data set, and within items.
_LAST_AT = (LAST_TAG, 0xFFFF_FFFF)

_explicit_head = struct.Struct("<HH2sH").unpack_from
_implicit_head = struct.Struct("<HHI").unpack_from
_long_length = struct.Struct("<I").unpack_from


class Truncated(Exception):
    """The bytes end within the part that is wanted."""


class Unsure(Exception):
    """Not what this scanner understands."""


@dataclass(slots=True)
class Elements:
    """Raw values by keyword, and the items of the few sequences that are wanted."""

    values: dict[str, bytes] = field(default_factory=dict)
    items: dict[str, list[Elements]] = field(default_factory=dict)


def scan_meta(data: bytes) -> tuple[Elements, int]:
    """File meta information of a Part 10 file, and where the data set begins. Explicit little endian (PS3.10 7.1)."""
    try:
        if data[132:138] != _META_LENGTH:
            raise Unsure
        end = _META_BEGINS + _long_length(data, 140)[0]
    except struct.error as error:
        raise Truncated from error
    if end + 2 > len(data):
        raise Truncated
    if data[end : end + 2] == b"\x02\x00":
        raise Unsure
    found = Elements()
    _walk_explicit(data, _META_BEGINS, end, found)
    return found, end


def scan_data_set(data: bytes, position: int, *, explicit: bool, whole: bool) -> Elements:
    """The wanted elements of the data set that begins at `position`. `whole`: `data` is the file to its end."""
    found = Elements()
    try:
        walk = _walk_explicit if explicit else _walk_implicit
        position = walk(data, position, len(data), found)
    except struct.error as error:
        raise Truncated from error
    if position == len(data) and not whole:
        raise Truncated
    return found


def _walk_explicit(data: bytes, position: int, end: int, found: Elements, depth: int = 0) -> int:
    """Collect until `end`, an item's delimiter, or (at the top) the last tag that matters. Returns where it stopped.

    It turns some 60 times per file, and thousands of files are read: this is the loop that must be quick.
    """
    values, previous, last = found.values, 0, _LAST_AT[bool(depth)]
    while position < end:
        group, element, vr, length = _explicit_head(data, position)
        tag = group << 16 | element
        if tag > last:
            return position
        if tag <= previous:
            raise Unsure
        previous = tag
        if vr in _SHORT_VRS:
            start = position + 8
        elif vr in _LONG_VRS:
            length = _long_length(data, position + 8)[0]
            start = position + 12
            if vr == b"SQ" and (length == _UNDEFINED or tag in WANTED_SEQUENCES):
                items, position = _sequence(data, start, length, _walk_explicit, depth)
                _keep(found, tag, items)
                continue
        else:
            return _item_end(data, position)
        position = start + length
        if tag in WANTED:
            values[WANTED[tag]] = data[start:position]
    if position > end:
        raise Truncated
    return position


def _walk_implicit(data: bytes, position: int, end: int, found: Elements, depth: int = 0) -> int:
    """The same without VRs: only a sequence may have an undefined length before the pixel data."""
    values, previous, last = found.values, 0, _LAST_AT[bool(depth)]
    while position < end:
        group, element, length = _implicit_head(data, position)
        start = position + 8
        tag = group << 16 | element
        if tag == _ITEM_END:
            return start
        if tag > last:
            return position
        if tag <= previous:
            raise Unsure
        previous = tag
        if length == _UNDEFINED or tag in WANTED_SEQUENCES:
            items, position = _sequence(data, start, length, _walk_implicit, depth)
            _keep(found, tag, items)
            continue
        position = start + length
        if tag in WANTED:
            values[WANTED[tag]] = data[start:position]
    if position > end:
        raise Truncated
    return position


def _item_end(data: bytes, position: int) -> int:
    """An item's delimiter has no VR; nothing else may lack one."""
    group, element, _ = _implicit_head(data, position)
    if group << 16 | element != _ITEM_END:
        raise Unsure
    return position + 8


def _sequence(data: bytes, position: int, length: int, walk: Walk, depth: int) -> tuple[list[Elements], int]:
    """A sequence's items (PS3.5 section 7.5), and where it ends."""
    end = len(data) if length == _UNDEFINED else position + length
    if depth > _DEEPEST:
        raise Unsure
    if end > len(data):
        raise Truncated
    items: list[Elements] = []
    while position < end:
        group, element, size = _implicit_head(data, position)
        position += 8
        if group << 16 | element == _SEQUENCE_END and length == _UNDEFINED:
            break
        if group << 16 | element != _ITEM:
            raise Unsure
        items.append(Elements())
        position = walk(data, position, end if size == _UNDEFINED else min(end, position + size), items[-1], depth + 1)
    else:
        if length == _UNDEFINED:
            raise Truncated
    return items, position


def _keep(found: Elements, tag: int, items: list[Elements]) -> None:
    if tag in WANTED_SEQUENCES:
        found.items[WANTED_SEQUENCES[tag]] = items
