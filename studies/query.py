"""From what a clinician types to a `StudyQuery`. Pure; every mistake is one sentence and nothing was searched.

9990000018, 999 000 0018, nhs 999-000-0018     NHS number, check digit verified
1.2.840.113619.2.55.3                          StudyInstanceUID
Brown 12/04/1963, 1963-04-12 Brown             family name and birth date, day first
XR24-00123                                     accession number or patient ID
acc: 1234567890, id: 1234567890, uid: 1.2.3    the kind said outright: nothing is guessed or checked
"""

from __future__ import annotations

import re
import unicodedata

from studies.birthdate import split_birth_date
from studies.errors import QueryMistake
from studies.identity import NHS_DIGITS, NOBODY, fold_name, is_nhs_number, mask_name, without_controls
from studies.model import StudyQuery

__all__ = ["mask_name", "parse_query"]

#: An SH (accession number) holds 16 characters, an LO (patient ID) and a UI (UID) 64 (PS3.5 6.2).
_LONGEST = 64

_PREFIX = re.compile(
    r"(?:(?P<nhs>nhs)(?:\s*(?:number|no\.?))?"
    r"|(?P<accession>accession|acc)(?:\s*(?:number|no\.?))?"
    r"|(?P<patient>patient\s*id|(?:id|mrn)(?=\s*[:=])|hospital\s*(?:number|no\.?))"
    r"|(?P<uid>(?:study\s*(?:instance\s*)?)?uid))"
    r"(?:\s*[:=]\s*|\s+|$)(?P<value>.*)",
    re.IGNORECASE,
)
#: The first arc of a UID is 0, 1 or 2 (ISO/IEC 9834-1), which tells it from a date like 12.04.1963.
_UID = re.compile(r"[0-2](?:\.\d+){2,}")
_DOTTED_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}")
_DIGIT_GROUPS = re.compile(r"\d[\d ]*\d|\d{3}[- ]\d{3}[- ]\d{4}")
_QUOTES = "\"'`<>[]\u2018\u2019\u201c\u201d"
_WILD = re.compile(r"[*?\\]")


def parse_query(text: str) -> StudyQuery:
    """What the words ask for; nothing typed asks for the newest. Raises `QueryMistake` (codes Q01 to Q11)."""
    words = _tidy(text)
    if not words:
        return StudyQuery()
    _refuse_wildcards(words)
    said = _PREFIX.fullmatch(words)
    return _said_outright(said) if said else _guessed(words)


def _tidy(text: str) -> str:
    """One kind of dash, of space and of digit, whatever keyboard or document the words came from."""
    words = without_controls(unicodedata.normalize("NFKC", text)).strip(_QUOTES)
    return "".join(_plain(character) for character in words).strip()


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Pd" or character == "\u2212":
        return "-"
    return str(unicodedata.digit(character)) if category == "Nd" else character


def _refuse_wildcards(words: str) -> None:
    if _WILD.search(words):
        raise QueryMistake("I search exact values only: leave out * and ?, and type the whole number or name.", "Q07")
    if len(words) > _LONGEST * 2:
        raise QueryMistake("That is too long for a number or a name. Nothing was searched.", "Q10")


def _said_outright(said: re.Match[str]) -> StudyQuery:
    value = said["value"].strip()
    if not value:
        raise QueryMistake("The number is missing: type it after the word, for example: accession XR24-00123", "Q09")
    if said["nhs"]:
        return StudyQuery(nhs_number=_nhs_number(value))
    _refuse_long(value)
    if said["accession"]:
        return StudyQuery(accession_number=value)
    if said["patient"]:
        return StudyQuery(patient_id=value)
    return StudyQuery(study_instance_uid=_uid(value))


def _guessed(words: str) -> StudyQuery:
    if _UID.fullmatch(words) and not _DOTTED_DATE.fullmatch(words):
        return StudyQuery(study_instance_uid=_uid(words))
    if _DIGIT_GROUPS.fullmatch(words) and _could_be_nhs(words):
        return StudyQuery(nhs_number=_nhs_number(words))
    name, born = split_birth_date(words)
    if born:
        return StudyQuery(family_name=_family(name), patient_birth_date=born)
    if not any(character.isdigit() for character in words):
        raise QueryMistake(
            "A name alone may be many people's. Add the birth date, for example: Brown 12/04/1963"
            " (or write id: before a patient ID that has no digits).",
            "Q03",
        )
    return StudyQuery(identifier=_identifier(words))


def _could_be_nhs(words: str) -> bool:
    """Ten digits; or digits in groups, which nobody types for anything else."""
    return " " in words or len(re.sub(r"\D", "", words)) == NHS_DIGITS


def _nhs_number(value: str) -> str:
    digits = re.sub(r"[\s-]", "", value)
    if len(digits) != NHS_DIGITS or not digits.isdigit():
        raise QueryMistake("An NHS number has ten digits. Check what you typed; nothing was searched.", "Q08")
    if digits == NOBODY:
        raise QueryMistake("0000000000 is nobody's NHS number. Nothing was searched.", "Q02")
    if not is_nhs_number(digits):
        raise QueryMistake(
            "The check digit of that NHS number is wrong, so a digit is mistyped. Nothing was searched."
            " (If it is no NHS number, write acc: or id: before it.)",
            "Q01",
        )
    return digits


def _uid(value: str) -> str:
    _refuse_long(value)
    if not re.fullmatch(r"\d+(?:\.\d+)+", value):
        raise QueryMistake("A study UID is digits and dots only, at most 64 characters. Nothing was searched.", "Q11")
    return value


def _family(name: str) -> str:
    """What stands before the comma, or all of it: "van der Berg" is one family name."""
    family = name.partition(",")[0].partition("^")[0].strip()
    if not fold_name(family):
        raise QueryMistake("A birth date alone may be many people's. Add the family name: Brown 12/04/1963", "Q04")
    return family


def _identifier(words: str) -> str:
    if " " in words:
        raise QueryMistake(
            "I cannot tell what that is. Type an accession number, an NHS number, or family name and birth date"
            " (Brown 12/04/1963); for a number with spaces write acc: or id: before it.",
            "Q06",
        )
    _refuse_long(words)
    return words


def _refuse_long(value: str) -> None:
    if len(value) > _LONGEST:
        raise QueryMistake("That is too long: such a number has at most 64 characters. Nothing was searched.", "Q10")
