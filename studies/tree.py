"""From the headers of single files to the tree of a study, or to a refusal when they name two patients. Pure."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from studies.errors import TwoPatients
from studies.identity import fold_name
from studies.model import Patient, Series, Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.build import Header
    from studies.model import Instance

Level = TypeVar("Level", Patient, Series, Study)

#: Behind every real number: what has none stands last.
_LAST = 1 << 62


def assemble(headers: Sequence[Header]) -> Study:
    """One study of the headers of its files, at least one. What one file leaves out, another may say.

    Raises `TwoPatients` when the files disagree about whose study it is.
    """
    ordered = sorted(headers, key=lambda one: _instance_order(one.instance))
    series: dict[str, list[Header]] = {}
    for header in ordered:
        series.setdefault(header.series.series_instance_uid, []).append(header)
    trees = sorted((_series(files) for files in series.values()), key=_series_order)
    patients = list(dict.fromkeys(header.study.patient for header in ordered))
    _refuse_two(patients)
    study = _completed([header.study for header in ordered])
    return replace(study, patient=_completed(patients), series=tuple(trees))


def _series(files: Sequence[Header]) -> Series:
    return replace(_completed([one.series for one in files]), instances=tuple(one.instance for one in files))


def _series_order(series: Series) -> tuple[int, str]:
    return (_LAST if series.series_number is None else series.series_number, series.series_instance_uid)


def _instance_order(instance: Instance) -> tuple[int, str]:
    return (_LAST if instance.instance_number is None else instance.instance_number, instance.sop_instance_uid)


def _completed(several: Sequence[Level]) -> Level:
    """The first, its empty attributes filled from the others in turn."""
    distinct = list(dict.fromkeys(several))
    if len(distinct) == 1:
        return distinct[0]
    names = [one.name for one in fields(distinct[0])]
    said = {name: next((value for one in distinct if (value := getattr(one, name))), None) for name in names}
    return replace(distinct[0], **{name: value for name, value in said.items() if value is not None})


def _refuse_two(patients: Sequence[Patient]) -> None:
    """Keys must be one; so must birth dates and NHS numbers as far as given, and names where there is no number."""
    distinct = (
        {one.key for one in patients},
        {one.patient_birth_date for one in patients} - {None},
        {one.nhs_number for one in patients} - {""},
        {fold_name(one.patient_name) for one in patients if not one.patient_id} - {""},
    )
    if any(len(values) > 1 for values in distinct):
        raise TwoPatients(
            "The files of this study name two different patients, so I will not show it. Ask the imaging department"
            " to correct it.",
            "Q31",
        )
