"""The raw elements that an index needs, found without building a data set (PS3.5 section 7; PS3.10 section 7.1).

Understands explicit and implicit VR little endian, which nearly every stored file is. Whatever looks unusual raises
`Unsure`, and a slower, more knowing reader decides; `Truncated` asks for more bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from pydicom.datadict import tag_for_keyword

#: What is kept, by keyword (PS3.6).
_KEYWORDS = (
    "MediaStorageSOPClassUID MediaStorageSOPInstanceUID TransferSyntaxUID SpecificCharacterSet ImageType SOPClassUID"
    " SOPInstanceUID StudyDate StudyTime AccessionNumber Modality InstitutionName CodeMeaning StudyDescription"
    " SeriesDescription PatientName PatientID IssuerOfPatientID TypeOfPatientID PatientBirthDate PatientSex"
    " OtherPatientIDs BodyPartExamined ViewPosition StudyInstanceUID SeriesInstanceUID StudyID SeriesNumber"
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
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
#: Deeper nesting than any real object's; a guard against hostile files.
_DEEPEST = 16

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
    found, position = Elements(), 132
    while data[position : position + 2] == b"\x02\x00":
        tag, length, start, _ = _explicit(data, position)
        position = start + length
        if position > len(data):
            raise Truncated
        if tag in WANTED:
            found.values[WANTED[tag]] = data[start:position]
    return found, position


def scan_data_set(data: bytes, position: int, *, explicit: bool, whole: bool) -> Elements:
    """The wanted elements of the data set that begins at `position`. `whole`: `data` is the file to its end."""
    found = Elements()
    try:
        position = _walk(data, position, len(data), found, explicit=explicit)
    except struct.error as error:
        raise Truncated from error
    if position == len(data) and not whole:
        raise Truncated
    return found


def _walk(data: bytes, position: int, end: int, found: Elements, *, explicit: bool, depth: int = 0) -> int:
    """Collect until `end`, an item's delimiter, or (at the top) the last tag that matters. Returns where it stopped."""
    head = _explicit if explicit else _implicit
    values, previous = found.values, 0
    while position < end:
        tag, length, start, is_sequence = head(data, position)
        if tag == _ITEM_END:
            return start
        if tag > LAST_TAG and not depth:
            return position
        if tag <= previous:
            raise Unsure
        previous = tag
        if length == _UNDEFINED or tag in WANTED_SEQUENCES:
            if not is_sequence:
                raise Unsure
            position = _sequence(data, start, length, found, tag, explicit=explicit, depth=depth)
            continue
        position = start + length
        if tag in WANTED:
            if position > end:
                raise Truncated
            values[WANTED[tag]] = data[start:position]
    if position > end:
        raise Truncated
    return position


def _explicit(data: bytes, position: int) -> tuple[int, int, int, bool]:
    """(tag, length, start of the value, whether a sequence)."""
    group, element, vr, length = _explicit_head(data, position)
    if vr in _SHORT_VRS:
        return group << 16 | element, length, position + 8, False
    if vr in _LONG_VRS:
        return group << 16 | element, _long_length(data, position + 8)[0], position + 12, vr == b"SQ"
    if group == 0xFFFE:  # noqa: PLR2004 - items and delimiters have no VR
        return group << 16 | element, _long_length(data, position + 4)[0], position + 8, False
    raise Unsure


def _implicit(data: bytes, position: int) -> tuple[int, int, int, bool]:
    """The same without VRs: only a sequence may have an undefined length before the pixel data."""
    group, element, length = _implicit_head(data, position)
    tag = group << 16 | element
    return tag, length, position + 8, length == _UNDEFINED or tag in WANTED_SEQUENCES


def _sequence(data: bytes, position: int, length: int, found: Elements, tag: int, *, explicit: bool, depth: int) -> int:
    """Walk a sequence's items and keep them if wanted (PS3.5 section 7.5). Returns where it ends."""
    if depth > _DEEPEST:
        raise Unsure
    end = len(data) if length == _UNDEFINED else position + length
    if end > len(data):
        raise Truncated
    items: list[Elements] = []
    while position < end:
        marker, size, start, _ = _implicit(data, position)
        if marker == _SEQUENCE_END and length == _UNDEFINED:
            return _kept(found, tag, items, start)
        if marker != _ITEM:
            raise Unsure
        item = Elements()
        stop = end if size == _UNDEFINED else start + size
        position = _walk(data, start, min(stop, end), item, explicit=explicit, depth=depth + 1)
        items.append(item)
    if length == _UNDEFINED:
        raise Truncated
    return _kept(found, tag, items, position)


def _kept(found: Elements, tag: int, items: list[Elements], position: int) -> int:
    if tag in WANTED_SEQUENCES:
        found.items[WANTED_SEQUENCES[tag]] = items
    return position
