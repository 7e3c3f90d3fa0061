"""Notes on their way into a study: a document that its judges accept, listed, digested, the same after a restart."""

from __future__ import annotations

import subprocess
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.fileset import FileSet

from delivery.bag import verify
from delivery.notes import SERIES_NUMBER, Enclosed, Notes, Written
from delivery.parcel import pack
from delivery.parts import plan_parts
from studies.model import Patient, Study
from studies.read import read_header
from studies.synthetic import write_ankle
from tests.delivery.material import BIN, complaints, gathered, opened, run

if TYPE_CHECKING:
    from pathlib import Path

    from delivery.spool import Spool

ANNA = Written("@anna:trust-a.example", "Anna Kowalska", 1_800_000_100.0, "Fell at 9.\n\nNo pulse.", "written with it")
NOTES = Notes(12, "share 12 $abc", 1_800_000_000.0, 1, (ANNA, replace(ANNA, name="", text="Sensation intact.")))


def saved(study: Study, notes: Notes, folder: Path) -> Path:
    path = folder / "document"
    path.write_bytes(notes.filed(study).data)
    return path


@pytest.fixture
def ankle(tmp_path: Path) -> Study:
    return gathered(write_ankle(tmp_path / "ankle"))[0].study


def test_a_restart_makes_the_same_bytes_and_another_share_another_document(ankle: Study) -> None:
    first, again = NOTES.filed(ankle), NOTES.filed(ankle)
    assert first.data == again.data
    other = replace(NOTES, origin="share 12 $xyz").filed(ankle)
    assert other.instance.sop_instance_uid != first.instance.sop_instance_uid
    assert other.study.series[-1].series_instance_uid != first.study.series[-1].series_instance_uid


@pytest.mark.parametrize(
    "patient",
    [
        None,
        Patient(),
        Patient("12", "", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        Patient("x" * 64, "A", "Παπαδοπούλου^Ελένη", None, "F"),
    ],
)
def test_the_judge_has_nothing_to_say(ankle: Study, patient: Patient | None, tmp_path: Path) -> None:
    study = replace(ankle, patient=patient or ankle.patient)
    path = saved(study, NOTES, tmp_path)
    assert complaints(BIN / "dciodvfy", path) == []
    assert "EncapsulatedPDF" in run(BIN / "dciodvfy", path)
    document = pydicom.dcmread(path)
    assert document.PatientName == study.patient.patient_name
    assert document.EncapsulatedDocument.startswith(b"%PDF-")


def test_it_is_filed_with_the_study_it_is_about(ankle: Study, tmp_path: Path) -> None:
    header = read_header(saved(ankle, NOTES, tmp_path))
    assert header is not None
    assert replace(header.study, institution_name="", patient=replace(header.study.patient, nhs_number="")) == replace(
        ankle, series=(), institution_name="", patient=replace(ankle.patient, nhs_number="")
    )
    assert (header.series.modality, header.series.series_number) == ("DOC", SERIES_NUMBER)


def test_a_further_document_has_a_further_number_and_name_in_the_same_series(ankle: Study) -> None:
    first, second = NOTES.filed(ankle), replace(NOTES, number=2).filed(ankle)
    assert second.study.series[-1].series_instance_uid == first.study.series[-1].series_instance_uid
    assert second.study.series[-1].instances[0].sop_instance_uid == first.instance.sop_instance_uid
    assert (second.instance.instance_number, second.instance.key) != (1, first.instance.key)


def test_the_parcel_lists_it_and_its_words_are_in_every_part(tmp_path: Path, spool: Spool) -> None:
    found = gathered(write_ankle(tmp_path / "ankle"))[0]
    filed = NOTES.filed(found.study)
    enclosed, files = Enclosed(NOTES.plain, NOTES.told, filed), dict(found.files)
    parts = plan_parts(filed.study, 22_000_000)
    assert len(parts) > 1
    assert filed.instance in parts[0].instances  # documents lead
    for part in parts:
        with enclosed.lent(part) as ours, spool.seal() as sink:
            theirs = [(one, files[one]) for one in part.instances if one in files]
            parcel = pack(filed.study, part, [*ours, *theirs], sink, notes=enclosed.plain)
        path = opened(parcel, spool, tmp_path / parcel.file_name)
        assert verify(path).problems == ()
        with zipfile.ZipFile(path) as archive:
            text = archive.read("README.TXT").decode("utf-8-sig")
            archive.extractall(tmp_path / str(part.number))
        assert "Anna Kowalska (@anna:trust-a.example) · 15 Jan 2027, " in text
        assert "    Fell at 9.\r\n\r\n    No pulse.\r\n" in text
    folder = tmp_path / "1"
    [document] = [one for one in FileSet(folder / "DICOMDIR") if one.SOPClassUID == "1.2.840.10008.5.1.4.1.1.104.1"]
    assert document.load().DocumentTitle == "Clinical notes"
    listing = subprocess.run(["/usr/bin/dcmdump", folder / "DICOMDIR"], capture_output=True, check=True).stdout
    assert b"ENCAP DOC" in listing


def test_what_is_lent_lies_on_no_disk_and_is_gone_afterwards(ankle: Study) -> None:
    filed = NOTES.filed(ankle)
    [part] = plan_parts(filed.study, 1 << 40)
    with Enclosed(filed=filed).lent(part) as [(instance, path)]:
        assert instance == filed.instance
        assert path.read_bytes() == filed.data
        assert "memfd" in str(path.resolve())
    assert not path.exists() or "memfd:document" not in str(path.resolve())
