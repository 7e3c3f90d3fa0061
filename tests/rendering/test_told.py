"""What reports say, as text: findings and conclusion within forty lines, and no conclusion gives way to findings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering import told as words
from rendering.errors import CannotShow
from rendering.told import LINE, MOST_LINES, told
from studies.synthetic import documents as letters
from studies.synthetic import write_document, write_report
from tests.fakes import dicom
from tests.rendering.states import of

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset


def code(value: str, meaning: str) -> Dataset:
    return of(CodeValue=value, CodingSchemeDesignator="DCM", CodeMeaning=meaning)


def text(name: tuple[str, str], value: str) -> Dataset:
    return of(RelationshipType="CONTAINS", ValueType="TEXT", ConceptNameCodeSequence=[code(*name)], TextValue=value)


def document(*children: Dataset) -> Dataset:
    return of(
        ValueType="CONTAINER", ConceptNameCodeSequence=[code("1", "Report")], ContentDate="20260302",
        VerificationFlag="UNVERIFIED", ContentSequence=list(children),
    )  # fmt: skip


def height(brief: str) -> int:
    return sum(max(1, math.ceil(len(line) / LINE)) for line in brief.splitlines())


def test_a_report_is_told_by_its_findings_and_its_conclusion(tmp_path: Path) -> None:
    found = told(write_report(tmp_path))
    assert (found.title, found.standing) == ("Diagnostic imaging report", "2026-03-02 · verified")
    assert found.brief == f"FINDINGS\n{letters.FINDINGS}\n\nCONCLUSIONS\n{letters.CONCLUSION}"
    assert found.text == found.brief


def test_history_and_the_like_are_in_the_whole_and_not_in_the_brief() -> None:
    made = words._report(document(text(("121060", "History"), "Fell."), text(("121077", "Conclusion"), "Weber B.")))
    assert made.brief == "Conclusion:\nWeber B."
    assert made.text == "History:\nFell.\nConclusion:\nWeber B."
    assert made.standing == "2026-03-02 · not verified"


def test_a_report_without_either_is_told_from_its_beginning() -> None:
    made = words._report(document(text(("1", "Comment"), "\n".join(map(str, range(60))))))
    assert made.brief.splitlines()[:3] == ["Comment:", "0", "1"]
    assert made.brief.endswith("(more in the document itself)")


@given(st.integers(0, 90), st.integers(0, 5000), st.integers(1, 90))
def test_it_is_never_longer_than_forty_lines_and_findings_give_way_to_the_conclusion(
    findings: int, letters_: int, conclusions: int
) -> None:
    said = [text(("121071", "Finding"), "\n".join(["f" * (letters_ // (findings or 1))] * findings) or "none")]
    said.append(text(("121077", "Conclusion"), "\n".join(f"c{number}" for number in range(conclusions))))
    brief = words._report(document(*said)).brief
    assert height(brief) <= MOST_LINES
    assert [line for line in brief.splitlines() if line.startswith("c")] == [
        f"c{number}" for number in range(conclusions if conclusions < MOST_LINES else MOST_LINES - 2)
    ]


def test_a_letter_is_told_as_it_is_printed(tmp_path: Path) -> None:
    found = told(write_document(tmp_path))
    assert (found.title, found.standing) == ("Referral", "2026-03-02")
    assert found.brief.splitlines() == [line for line, _ in letters.LETTER]


def test_a_document_without_a_word_is_told_by_nobody(tmp_path: Path) -> None:
    dicom.report(tmp_path)
    [path] = [one for one in tmp_path.rglob("*") if one.is_file()]
    with pytest.raises(CannotShow, match="nothing to read"):
        told(path)
