"""Who a patient is, as people write it: names folded for comparing, masked for showing; NHS numbers; two identifiers.

Everything here is pure. What is shown is plain text without control characters; escaping is the chat edge's work.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from nhs_number.validate import is_valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studies.model import Patient

#: Passes modulus 11, and stands in records for "unknown".
NOBODY = "0000000000"

NHS_DIGITS = 10

#: Letters that Unicode does not take apart into a base letter and a mark.
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i"})

#: Kana voicing marks tell two sounds apart: no diacritics in the sense of folding.
_KANA_MARKS = "\u3099\u309a"

#: A mask gives away no more than this about a name's length.
_LONGEST_MASK = 10


def is_nhs_number(digits: str) -> bool:
    """Whether these are ten ASCII digits with a right check digit (modulus 11), and not the all-zero placeholder."""
    plain = len(digits) == NHS_DIGITS and digits.isascii() and digits.isdigit()
    return plain and digits != NOBODY and is_valid(digits)


def without_controls(text: str) -> str:
    """The text with single spaces and without control or formatting characters (direction overrides, zero widths)."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    return " ".join("".join(one for one in spaced if unicodedata.category(one) not in {"Cc", "Cf", "Cs"}).split())


def fold_name(name: str) -> str:
    """For comparing: no case, no diacritics, no spaces, hyphens or apostrophes. Any script."""
    decomposed = unicodedata.normalize("NFKD", name.casefold()).translate(_STROKES)
    kept = "".join(one for one in decomposed if one.isalnum() or _is_vowel_sign(one))
    return unicodedata.normalize("NFC", kept)


def _is_vowel_sign(character: str) -> bool:
    return character in _KANA_MARKS or unicodedata.category(character) == "Mc"


def name_groups(patient_name: str) -> list[tuple[str, ...]]:
    """The component groups of a PN (alphabetic, ideographic, phonetic), each as its tidied components (PS3.5 6.2.1)."""
    groups = [tuple(without_controls(part) for part in group.split("^")) for group in patient_name.split("=")]
    return [group for group in groups if any(group)]


def name_keys(patient_name: str) -> frozenset[str]:
    """What a typed name may fold to and mean this person: the family name, or it and the given name in either order."""
    return frozenset(key for group in name_groups(patient_name) for key in _keys_of(*group))


def _keys_of(family: str, given: str = "", *_: str) -> Iterator[str]:
    folded = fold_name(family)
    if folded:
        yield folded
    if folded and given:
        yield folded + fold_name(given)
        yield fold_name(given) + folded


def mask_name(patient_name: str) -> str:
    """A PN as `B**** A**`: the first letter of family, given and middle name. A name of one letter shows none."""
    groups = name_groups(patient_name)
    parts = [part for part in groups[0][:3] if part] if groups else []
    return " ".join(_mask(part) for part in parts) or "no name"


def _mask(part: str) -> str:
    letters = [one for one in unicodedata.normalize("NFC", part) if one.isalnum()]
    if len(letters) < 2:  # noqa: PLR2004 - one letter is the whole name
        return "*"
    return letters[0] + "*" * min(len(letters) - 1, _LONGEST_MASK)


def display_name(patient_name: str) -> str:
    """A PN as clinicians write it: `BROWN, Ann (Dr)`; further scripts follow after a slash."""
    return " / ".join(_display(*group) for group in name_groups(patient_name)) or "no name"


def _display(family: str, given: str = "", middle: str = "", prefix: str = "", *_: str) -> str:
    forenames = " ".join(part for part in (given, middle) if part)
    name = ", ".join(part for part in (family.upper(), forenames) if part)
    return f"{name} ({prefix})" if prefix else name


def grouped_nhs_number(digits: str) -> str:
    """`999 000 0018`, as it is printed and read out."""
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}"


def identity_line(patient: Patient) -> str:
    """At least two identifiers in full, for under a picture: name, birth date, NHS or hospital number."""
    born = patient.patient_birth_date
    parts = (
        display_name(patient.patient_name),
        f"born {born.day} {born:%b %Y}" if born else "birth date not known",
        _number(patient),
    )
    return " · ".join(part for part in parts if part)


def _number(patient: Patient) -> str:
    if patient.nhs_number:
        return f"NHS {grouped_nhs_number(patient.nhs_number)}"
    if not patient.patient_id:
        return ""
    issuer = without_controls(patient.issuer_of_patient_id)
    return f"ID {without_controls(patient.patient_id)}" + (f" ({issuer})" if issuer else "")


def masked_identity(patient: Patient) -> str:
    """Two identifiers for a list that others in the room see: `B**** A**, 1963, NHS *** *** 0018`."""
    born = patient.patient_birth_date
    parts = (mask_name(patient.patient_name), f"{born.year}" if born else "", _masked_number(patient))
    return ", ".join(part for part in parts if part)


def _masked_number(patient: Patient) -> str:
    if patient.nhs_number:
        return f"NHS *** *** {patient.nhs_number[6:]}"
    shown = without_controls(patient.patient_id)
    kept = min(4, len(shown) // 2)
    return f"ID {'*' * min(len(shown) - kept, _LONGEST_MASK)}{shown[len(shown) - kept :]}" if shown else ""
