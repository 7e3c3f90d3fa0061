"""One line of chat in, a call out, or nothing: ordinary talk is not ours. Pure.

Phones turn "--" into a dash and quotes into typographic ones, and put invisible characters around pasted numbers: all
of them are accepted and made plain here, so that no command has to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: What begins a command.
SIGN = "!"
#: More than this many numbers in one answer is no choice from a list.
MOST_CHOICES = 20

_QUOTES = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\N{FULLWIDTH EXCLAMATION MARK}": SIGN}
)
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_COMMAND = re.compile(rf"{SIGN}\s?(?P<name>[A-Za-z]+)(?:\s+(?P<rest>.*))?", re.DOTALL)
_CHOICE = re.compile(r"\s*\d{1,3}(?:(?:\s*,\s*|\s+and\s+|\s+)\d{1,3})*\s*\.?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Call:
    """A line that begins with the sign: the command's word in lower case, and the rest as typed (made plain)."""

    name: str
    rest: str = ""
    #: The same with its line ends, for what is kept as it was written.
    lines: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """A line of nothing but numbers: an answer, if this person was asked something here."""

    numbers: tuple[int, ...]


def parse(line: str) -> Call | Choice | None:
    """What the line asks for; None for ordinary talk.

    A command begins the line and is a whole word: "!shared" is not "!share", "well!" is nothing.
    """
    plain = make_plain(line).strip()
    if found := _COMMAND.fullmatch(plain):
        rest = found["rest"] or ""
        return Call(found["name"].lower(), " ".join(rest.split()), "\n".join(map(_tidied, rest.splitlines())).strip())
    if _CHOICE.fullmatch(plain):
        numbers = tuple(dict.fromkeys(int(one) for one in re.findall(r"\d+", plain)))
        return Choice(numbers) if len(numbers) <= MOST_CHOICES else None
    return None


def _tidied(line: str) -> str:
    return " ".join(line.split())


def make_plain(text: str) -> str:
    """Typographic quotes and signs as plain ones, invisible and direction characters gone."""
    return _INVISIBLE.sub("", text.translate(_QUOTES))
