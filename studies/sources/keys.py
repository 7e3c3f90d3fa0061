"""Under which values a study can be looked up, and which values a query asks for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studies.identity import fold_name, name_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from studies.model import Study, StudyQuery

#: (what kind of value, the value).
Key = tuple[str, str]

#: What an identifier of unknown kind may be.
_IDENTIFIERS = ("study", "accession", "patient")


def keys_of(studies: Iterable[Study]) -> set[Key]:
    """All keys of one study, from what its files say of it."""
    return {key for study in set(studies) for key in _keys(study) if key[1]}


def _keys(study: Study) -> Iterator[Key]:
    patient = study.patient
    yield "study", _exact(study.study_instance_uid)
    yield "accession", _exact(study.accession_number)
    yield "patient", _exact(patient.patient_id)
    yield "nhs", patient.nhs_number
    if patient.patient_birth_date:
        yield "born", patient.patient_birth_date.isoformat()
    for name in name_keys(patient.patient_name):
        yield "name", name


def alternatives(query: StudyQuery) -> list[list[Key]]:
    """A study matches when it has at least one key of each list."""
    born = query.patient_birth_date
    wanted = [
        [("study", _exact(query.study_instance_uid))] if query.study_instance_uid else [],
        [("accession", _exact(query.accession_number))] if query.accession_number else [],
        [("patient", _exact(query.patient_id))] if query.patient_id else [],
        [("nhs", query.nhs_number)] if query.nhs_number else [],
        [("name", fold_name(query.family_name))] if query.family_name else [],
        [("born", born.isoformat())] if born else [],
        [(kind, _exact(query.identifier)) for kind in _IDENTIFIERS] if query.identifier else [],
    ]
    return [keys for keys in wanted if keys]


def _exact(value: str) -> str:
    """The whole value; only case is forgiven, because telephones begin every line with a capital."""
    return value.strip().casefold()
