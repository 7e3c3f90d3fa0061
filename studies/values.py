"""Raw DICOM values as Python values (PS3.5 sections 6.1, 6.2). What makes no sense is absent: nothing here raises."""

from __future__ import annotations

import datetime
import re
import struct
from functools import lru_cache

from pydicom import charset

#: Code extensions end at these in text; in names at the component marks too (PS3.5 6.1.2.5.3).
_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C, ord("^"), ord("="), ord("\\")}
_PADDING = " \0"
_ESCAPE = b"\x1b"

_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")
_TIME = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?(?:\.(\d{1,6}))?")


def code(raw: bytes) -> str:
    """A value of the default repertoire: CS, UI, DA, TM, IS, DS."""
    return raw.decode("latin-1").strip(_PADDING)


def codes(raw: bytes) -> tuple[str, ...]:
    """A multi-valued CS."""
    return tuple(part.strip(_PADDING) for part in code(raw).split("\\")) if raw.strip(b" \0") else ()


def text(raw: bytes, character_set: bytes) -> str:
    """LO, SH or PN under SpecificCharacterSet (0008,0005). Bytes that do not decode become U+FFFD."""
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii").strip(_PADDING)
    encodings = _encodings(character_set)
    if len(encodings) == 1 and _ESCAPE not in raw:
        return raw.decode(encodings[0], errors="replace").strip(_PADDING)
    return charset.decode_bytes(raw, encodings, _DELIMITERS).strip(_PADDING)


@lru_cache(maxsize=64)
def _encodings(character_set: bytes) -> tuple[str, ...]:
    """Python's names for the character sets; what is unknown is read as Latin-1."""
    names = [part.strip() for part in code(character_set).split("\\")]
    return tuple(charset.convert_encodings(names))


def date(raw: bytes) -> datetime.date | None:
    """A DA, also as ACR-NEMA wrote it (1963.04.12)."""
    found = _DATE.fullmatch(code(raw))
    try:
        return datetime.date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def time(raw: bytes) -> datetime.time | None:
    """A TM; minutes and seconds may be left out."""
    found = _TIME.fullmatch(code(raw))
    if not found:
        return None
    hour, minute, second, fraction = (part or "0" for part in found.groups())
    try:
        return datetime.time(int(hour), int(minute), min(int(second), 59), int(fraction.ljust(6, "0")))
    except ValueError:
        return None


def integer(raw: bytes) -> int | None:
    """An IS. Some devices write 1.0 or several values: the first counts."""
    try:
        number = float(code(raw).partition("\\")[0])
        return int(number) if number.is_integer() else None
    except (ValueError, OverflowError):
        return None


def decimals(raw: bytes, count: int) -> tuple[float, ...]:
    """Exactly `count` DS values, or ()."""
    try:
        numbers = tuple(float(part) for part in code(raw).split("\\"))
    except ValueError:
        return ()
    return numbers if len(numbers) == count else ()


def unsigned(raw: bytes, byte_order: str = "<") -> int:
    """The first value of a US; 0 when absent."""
    return int(struct.unpack_from(byte_order + "H", raw)[0]) if len(raw) > 1 else 0
