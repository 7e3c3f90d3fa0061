from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from studies.build import Header
from studies.errors import TwoPatients
from studies.model import Instance, Patient, Series, Study
from studies.tree import assemble

ANN = Patient("1", "A", "Brown^Ann", datetime.date(1963, 4, 12), "F", "9990000018")


def header(number: int | None, series: int | None = 1, patient: Patient = ANN, **study: object) -> Header:
    return Header(
        Study("2.25.1", patient, **study),  # type: ignore[arg-type]
        Series(f"2.25.2.{series}", "CT", series),
        Instance(f"2.25.3.{series}.{number}", "1.2", "1.2", number),
    )


def test_series_and_instances_are_in_the_order_of_their_numbers_and_those_without_come_last() -> None:
    study = assemble([header(None), header(10), header(2), header(1, None), header(1, 0)])
    assert [one.series_number for one in study.series] == [0, 1, None]
    assert [one.instance_number for one in study.series[1].instances] == [2, 10, None]


def test_what_one_file_leaves_out_another_may_say() -> None:
    nameless = replace(ANN, patient_name="", nhs_number="")
    study = assemble([header(1, patient=nameless), header(2, accession_number="X1", study_description="CT")])
    assert (study.accession_number, study.study_description, study.patient) == ("X1", "CT", ANN)


@pytest.mark.parametrize(
    "other",
    [
        replace(ANN, patient_id="2"),
        replace(ANN, issuer_of_patient_id="B"),
        replace(ANN, patient_birth_date=datetime.date(1964, 4, 12)),
        replace(ANN, nhs_number="9990000026"),
    ],
)
def test_files_that_name_two_patients_are_refused(other: Patient) -> None:
    """Hazard: somebody else's images are read as this patient's."""
    with pytest.raises(TwoPatients) as caught:
        assemble([header(1), header(2, patient=other)])
    assert "Brown" not in str(caught.value)


def test_two_names_without_any_number_are_two_patients() -> None:
    one, other = Patient(patient_name="Brown^Ann"), Patient(patient_name="Green^Bob")
    with pytest.raises(TwoPatients):
        assemble([header(1, patient=one), header(2, patient=other)])


def test_one_patient_whose_name_was_corrected_is_one() -> None:
    assert assemble([header(1), header(2, patient=replace(ANN, patient_name="BROWN^ANN^^"))]).patient == ANN
