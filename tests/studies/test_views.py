"""A view's code says what it is when its words are in letters that nobody here reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from studies.read import read_header
from tests.fakes import dicom

if TYPE_CHECKING:
    from pathlib import Path

LATERAL = ("399067008", "R-102CD")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("code", "meaning", "expected"),
    [
        (LATERAL[0], "lateral", "lateral"),
        (LATERAL[0], "側面", "lateral"),
        (LATERAL[1], "πλάγια", "lateral"),
        (LATERAL[1], "", "lateral"),
        ("399312000", "Mortise", "Mortise"),
        ("LOCAL-7", "側面", "側面"),
    ],
)
def test_the_meaning_of_a_view(
    code: str,
    meaning: str,
    expected: str,
    syntax: str,
    tmp_path: Path,
) -> None:
    view = dicom.Dataset()
    view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning = code, "SCT", meaning
    ds = dicom.image(SpecificCharacterSet="ISO_IR 192", ViewCodeSequence=[view])
    header = read_header(dicom.save(ds, tmp_path / "view.dcm", syntax))
    assert header
    assert header.instance.view_description == expected
