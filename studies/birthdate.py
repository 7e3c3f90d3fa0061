"""A birth date at either end of a line, in the ways that people in Britain write one: day first, four-digit year."""

from __future__ import annotations

import datetime
import re

from studies.errors import QueryMistake

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december", "sept",
)  # fmt: skip
_MONTH = "|".join(sorted({*_MONTHS, *_FULL_MONTHS}, key=len, reverse=True))
_DATE = (
    r"(?P<y1>\d{4})(?P<s1>[-/.])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})"
    r"|(?P<d2>\d{1,2})(?P<s2>[-/.])(?P<m2>\d{1,2})(?P=s2)(?P<y2>\d{2,4})"
    rf"|(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?[\s-]*(?P<m3>{_MONTH})\.?,?[\s-]*(?P<y3>\d{{2,4}})"
    r"|(?P<y4>(?:18|19|20)\d\d)(?P<m4>\d\d)(?P<d4>\d\d)"
)
_BORN = r"(?:\(?(?:born|dob|d\.o\.b\.?|\*)\s*:?\s*)?"
_FIRST = re.compile(rf"{_BORN}\(?(?:{_DATE})\)?(?P<name>(?:[\s,;:]+.*)?)", re.IGNORECASE)
_LAST = re.compile(rf"(?P<name>.*?[\s,;(]+){_BORN}\(?(?:{_DATE})\)?", re.IGNORECASE)

#: Nobody born before it has been imaged digitally; it is a typing mistake.
_EARLIEST_YEAR = 1850


def split_birth_date(words: str) -> tuple[str, datetime.date | None]:
    """The words without the date, and the date that stood first or last; or all the words and None.

    A line of eight digits alone is no date but a number. Raises `QueryMistake` for a date that does not exist.
    """
    found = _FIRST.fullmatch(words) or _LAST.fullmatch(words)
    if not found or (found["y4"] and not found["name"].strip()):
        return words, None
    return found["name"].strip(" ,;:("), _date(found)


def _date(found: re.Match[str]) -> datetime.date:
    year, month, day = next(
        (found[f"y{n}"], found[f"m{n}"], found[f"d{n}"]) for n in (1, 2, 3, 4) if found[f"y{n}"] is not None
    )
    if len(year) != 4:  # noqa: PLR2004 - 1912 or 2012
        raise QueryMistake("Write the year of birth with four digits, for example: Brown 12/04/1963", "Q05")
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
    try:
        born = datetime.date(int(year), number, int(day))
    except ValueError:
        born = None
    if born is None or born.year < _EARLIEST_YEAR:
        raise QueryMistake("There is no such date. The day comes first: 12/04/1963 is 12 April 1963.", "Q05")
    return born
