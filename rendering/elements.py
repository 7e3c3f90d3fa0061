"""Single elements of a header, whatever was written into them: a value that makes no sense is as good as none."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydicom.dataset import Dataset

#: What pydicom raises when it turns an element's bytes into a value.
_UNREADABLE = (TypeError, ValueError, OverflowError, ArithmeticError, LookupError, NotImplementedError, AttributeError)


def given(data_set: Dataset, key: str | tuple[int, int]) -> Any:
    """The value of an element by keyword or by group and element; None where it is absent or cannot be understood."""
    try:
        element = data_set.get_item(tag_of(key))
        if isinstance(element, RawDataElement):
            element = _plain(element) or data_set[element.tag]
    except _UNREADABLE:
        return None
    return None if element is None else element.value


@lru_cache(maxsize=1024)
def tag_of(key: str | tuple[int, int]) -> BaseTag:
    """The tag of a keyword, or of a group and an element."""
    return Tag(key)


class _Plain(NamedTuple):
    """A value that pydicom need not convert: it would take ten times as long, and most are numbers and codes."""

    value: str | float | list[str] | list[int] | list[float]


def _plain(element: RawDataElement) -> _Plain | None:
    """The same value as pydicom's, None for it to decide."""
    convert = _CONVERSIONS.get(element.VR or "")
    if convert is None or not element.value or not element.is_little_endian:
        return None
    try:
        values = convert(element.value)
    except (ValueError, struct.error):
        return None
    return _Plain(values if len(values) > 1 else values[0])


def _texts(value: bytes) -> list[str]:
    return value.decode("latin-1").rstrip(" \0").split("\\")


def _words(value: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(value) // 2}H", value))


_CONVERSIONS: dict[str, Callable[[bytes], Any]] = {
    "CS": _texts,
    "DS": lambda value: [float(text) for text in _texts(value)],
    "IS": lambda value: [int(text) for text in _texts(value)],
    "UI": _texts,
    "US": _words,
}


def items(data_set: Dataset, keyword: str) -> Iterable[Dataset]:
    """The items of a sequence, () where there is none."""
    found = given(data_set, keyword)
    return found if isinstance(found, Sequence) else ()


def word(data_set: Dataset, key: str | tuple[int, int]) -> str:
    """A coded string in capitals without its padding, the first of several, "" where it is absent."""
    return str(first(given(data_set, key)) or "").strip().upper()


def number(data_set: Dataset, key: str | tuple[int, int], default: int = 0) -> int:
    """A whole number from the header, `default` where it is absent or not a number."""
    value = first(given(data_set, key))
    try:
        return default if value is None or value == "" else int(value)
    except (TypeError, ValueError, OverflowError):
        return default


def numbers(data_set: Dataset, key: str | tuple[int, int]) -> tuple[float, ...]:
    """All values of an element as floats, () where it is absent or any of them is not a number."""
    value = given(data_set, key)
    several = value if isinstance(value, (list, tuple)) or hasattr(value, "__iter__") else [value]
    try:
        return () if isinstance(value, (str, bytes)) else tuple(float(one) for one in several)
    except (TypeError, ValueError, OverflowError):
        return ()


def octets(data_set: Dataset, key: str | tuple[int, int]) -> bytes:
    """The value of an OB or OW element with its words in little endian, b"" where there is none (PS3.5 section 7.3)."""
    value = given(data_set, key)
    if not isinstance(value, bytes):
        return _packed(value)
    if data_set[key].VR == "OW" and data_set.original_encoding[1] is False:
        return np.frombuffer(value[: len(value) // 2 * 2], ">u2").astype("<u2").tobytes()
    return value


def _packed(value: Any) -> bytes:
    """Numbers (a US element) as the bytes that they are stored as."""
    try:
        return (np.atleast_1d(np.asarray(value, dtype=np.int64)) & 0xFFFF).astype("<u2").tobytes()
    except (TypeError, ValueError, OverflowError):
        return b""


def stored(value: int, *, signed: bool) -> int:
    """A US or SS value, whichever the reader took it for, as the pixels' own sign says."""
    low = value & 0xFFFF
    return low - 0x10000 if signed and low & 0x8000 else low


def first(value: Any) -> Any:
    """The first of several values, or the only one, or None."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__"):
        return value
    return value[0] if len(value) else None
