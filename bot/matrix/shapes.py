"""What a JSON value may look like, built from small predicates. Pure; a shape never raises.

A `Shape` says yes or no to a whole value. Objects are closed: a field that is not named is not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any], bool]
Fields = Mapping[str, Shape]

NOTHING: Fields = {}


def pattern(regex: str) -> Shape:
    """A text that matches as a whole."""
    compiled = re.compile(regex)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def text(value: Any) -> bool:
    """Any text: for what something else looks at closely."""
    return isinstance(value, str)


def one_of(*allowed: str) -> Shape:
    """One of these texts."""
    return lambda value: isinstance(value, str) and value in allowed


def whole(most: int, *, least: int = 0) -> Shape:
    """A whole number within bounds."""
    return lambda value: type(value) is int and least <= value <= most


def flag(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def fields(required: Fields = NOTHING, optional: Fields = NOTHING) -> Shape:
    """An object of exactly these fields."""
    known = {**required, **optional}

    def fits(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and required.keys() <= value.keys() <= known.keys()
            and all(known[name](part) for name, part in value.items())
        )

    return fits


def table_of(key: Shape, value: Shape) -> Shape:
    """An object whose every field is like this."""
    return lambda table: isinstance(table, dict) and all(key(name) and value(part) for name, part in table.items())


def list_of(item: Shape) -> Shape:
    """An array whose every item is like this."""
    return lambda items: isinstance(items, list) and all(map(item, items))


def either(*shapes: Shape) -> Shape:
    """Like one of them."""
    return lambda value: any(shape(value) for shape in shapes)


def exactly(allowed: Any) -> Shape:
    """This value and no other."""
    return lambda value: type(value) is type(allowed) and bool(value == allowed)


# Identifiers of the Matrix specification (appendices, "Identifier grammar"). None of them holds a space or a control
# character, and what others have chosen freely not the "^" that divides the names of DICOM.
_CHARACTER = r"[^\s:\x00-\x1f\x7f]"
_SERVER = r"(?:[0-9A-Za-z.-]{1,230}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
SERVER = pattern(_SERVER)
USER = pattern(rf"@{_CHARACTER}{{0,250}}:{_SERVER}")
ROOM = pattern(rf"!{_CHARACTER}{{1,250}}(?::{_SERVER})?")
EVENT = pattern(rf"\$(?:[0-9A-Za-z+/_-]{{43}}|{_CHARACTER}{{1,200}}:{_SERVER})")
#: What a server, or somebody else's app, has chosen: a device, a key, a token to come back with.
OPAQUE = pattern(r"[0-9A-Za-z!$&'()*+,./:;=?@_|~-]{1,1000}")
KEY_ID = pattern(r"[a-z0-9_]{1,40}:[0-9A-Za-z!$&'()*+,./:;=?@_|~-]{1,255}")
#: Made of a hash, or at random.
HEX = pattern(r"[0-9a-f]{16,64}")
BASE64 = pattern(r"[0-9A-Za-z+/]{1,2000}={0,2}")
KEY = pattern(r"[0-9A-Za-z+/]{43}")
SIGNATURE = pattern(r"[0-9A-Za-z+/]{86}")
