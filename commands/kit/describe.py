"""Studies and sizes in words, the same everywhere. Headers' text comes out on one line without control characters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studies.identity import identity_line, masked_identity, without_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.model import Study
    from studies.sources.everywhere import Found

#: What is said when nothing better stands in the headers.
_UNNAMED = "study"
_LONGEST_DESCRIPTION = 60
#: Modalities as departments write them in descriptions.
_SPOKEN = {"CR": "XR", "DX": "XR"}


def what(study: Study) -> str:
    """What was done, and when: `CR ankle, 20 Nov 2026`."""
    modalities, text = "/".join(study.modalities), _description(study)
    said = text.upper().startswith(f"{_SPOKEN.get(modalities, modalities)} ")  # "CT Thorax" needs no second CT
    named = " ".join(filter(None, ["" if said else modalities, text])) or _UNNAMED
    return f"{named}, {study.study_date.day} {study.study_date:%b %Y}" if study.study_date else f"{named}, no date"


def amount(study: Study) -> str:
    """How much it is: `3 images, 22.6 MB`; what is not all images is counted in files."""
    noun = "image" if all(one.has_pixels for one in study.instances) else "file"
    return f"{count(len(study.instances), noun)}, {megabytes(study.size)}"


def full(study: Study) -> str:
    """For those who may read it: what, whose (two identifiers in full), how much."""
    return f"{what(study)}\n{identity_line(study.patient)}\n{amount(study)}"


def headline(number: int, study: Study, only: str = "") -> str:
    """The first line of a share and what it is about; `only` says what of the study goes."""
    return f"Share {number}: {full(study)}{f' · only {only}' if only else ''}"


def numbered(found: Sequence[Found]) -> str:
    """A list to choose from: numbered, two identifiers, names masked."""
    return "\n".join(f"{number}. {masked(one)}" for number, one in enumerate(found, start=1))


def count(number: int, noun: str) -> str:
    """`1 image`, `3 images`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """Roughly: `about 20 s`, `about 4 min`, `about 2 h`."""
    if seconds < 55:  # noqa: PLR2004 - less than a minute
        return f"about {max(5, math.ceil(seconds / 5) * 5)} s"
    minutes = math.ceil(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {round(minutes / 60)} h"  # noqa: PLR2004


def megabytes(size: int) -> str:
    """Bytes in MB of a million, small ones in kB: `22.6 MB`, `38 kB`."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.0f} kB"  # noqa: PLR2004 - 0.1 MB


def masked(found: Found) -> str:
    """For a list: what, whose (two identifiers, the name masked), how much, from where."""
    study = found.study
    return f"{what(study)} · {masked_identity(study.patient)} · {amount(study)} · {found.source}"


def _description(study: Study) -> str:
    text = without_controls(study.study_description)
    parts = {one.body_part_examined.lower() for one in study.series if one.body_part_examined}
    return text[:_LONGEST_DESCRIPTION] if text else ", ".join(sorted(parts))
