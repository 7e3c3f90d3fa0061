from __future__ import annotations

import datetime
import os
import shutil
import sqlite3
from pathlib import Path

import pydicom
import pytest
import structlog
from pydicom.data import get_testdata_file

from config.state import FieldCipher
from studies.errors import InstanceMissing, SourceAway, StudyUnknown, TwoPatients
from studies.model import StudyQuery
from studies.query import parse_query
from studies.sources.folder import FolderSource
from studies.synthetic import write_mr

CIPHER = FieldCipher(b"k" * 32)
pytestmark = pytest.mark.filterwarnings("ignore:End of file reached")


def put(root: Path, name: str, seed: int = 0, **options: object) -> list[Path]:
    """A tiny study of two slices in a directory of its own."""
    return write_mr(root / name, slices=2, rows=16, seed=seed, **options)  # type: ignore[arg-type]


def change(path: Path, **attributes: object) -> None:
    dataset = pydicom.dcmread(path)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def uid_of(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)


async def test_studies_are_listed_newest_first_as_whole_trees(root: Path, source: FolderSource) -> None:
    for seed, (day, hour) in enumerate([(1, 9), (3, 8), (3, 17), (2, 12)]):
        put(root, f"s{seed}", seed, study_date=datetime.date(2026, 5, day), study_time=datetime.time(hour, 5))
    found = await source.find(StudyQuery())
    assert [(one.study_date.day, one.study_time.hour) for one in found if one.study_date and one.study_time] == [
        (3, 17), (3, 8), (2, 12), (1, 9),
    ]  # fmt: skip
    assert [len(one.instances) for one in found] == [2, 2, 2, 2]
    assert len(await source.find(StudyQuery(), limit=3)) == 3


@pytest.mark.parametrize(
    "typed",
    [
        "999 000 0026", "XR-77", "xr-77", "acc: XR-77", "id: 9990000026", "Müller 12/04/1963", "MULLER 1963-04-12",
        "Anna Müller 12 Apr 1963", "Müller, Anna 12/04/1963",
    ],
)  # fmt: skip
async def test_a_study_is_found_by_what_clinicians_type(root: Path, source: FolderSource, typed: str) -> None:
    put(root, "other", 1)
    put(
        root, "wanted", 2, nhs_number="9990000026", patient_name="Müller^Anna", accession_number="XR-77",
        patient_birth_date=datetime.date(1963, 4, 12),
    )  # fmt: skip
    [study] = await source.find(parse_query(typed))
    assert study.accession_number == "XR-77"


async def test_nothing_else_is_found(root: Path, source: FolderSource) -> None:
    put(root, "one", 1, patient_name="Brown^Ann", patient_birth_date=datetime.date(1963, 4, 12))
    for typed in ("9990000034", "XR1", "Brown 13/04/1963", "Green 12/04/1963", "1.2.3.4", "Ann 12/04/1963"):
        assert await source.find(parse_query(typed)) == []
    with pytest.raises(StudyUnknown):
        await source.study("1.2.3.4")


async def test_a_name_in_any_script_is_found_by_each_of_its_groups(root: Path, source: FolderSource) -> None:
    put(root, "j", patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう", patient_birth_date=datetime.date(1963, 4, 12))
    for typed in ("yamada 12/04/1963", "山田 1963-04-12", "やまだ 12.04.1963", "山田 太郎 12/04/1963"):
        assert len(await source.find(parse_query(typed))) == 1


async def test_the_same_patient_id_at_two_issuers_stays_two_patients(root: Path, source: FolderSource) -> None:
    """Hazard: two hospitals use one number for two people."""
    for seed, issuer in enumerate(["TRUST A", "TRUST B"]):
        put(root, issuer, seed, patient_id="123", issuer_of_patient_id=issuer, nhs_number="")
    found = await source.find(StudyQuery(patient_id="123"))
    assert {one.patient.key for one in found} == {("TRUST A", "123"), ("TRUST B", "123")}


async def test_a_study_that_names_two_patients_is_refused_and_not_listed(root: Path, source: FolderSource) -> None:
    """Hazard: somebody else's images are read as this patient's."""
    first, _ = put(root, "mixed")
    put(root, "good", 1)
    change(first, PatientID="somebody else")
    with pytest.raises(TwoPatients):
        await source.study(uid_of(first))
    with pytest.raises(TwoPatients):
        await source.find(StudyQuery(study_instance_uid=uid_of(first)))
    assert len(await source.find(StudyQuery())) == 1


async def test_only_what_is_new_or_changed_is_read(root: Path, source: FolderSource) -> None:
    first, second = put(root, "a")
    report = await source.rescan()
    assert (report.files, report.dicom, report.added, report.changed, report.removed) == (2, 2, 2, 0, 0)
    report = await source.rescan()
    assert (report.files, report.dicom, report.added, report.changed, report.removed) == (2, 2, 0, 0, 0)
    change(second, SeriesDescription="another")
    put(root, "b", 1)
    report = await source.rescan()
    assert (report.files, report.dicom, report.added, report.changed, report.removed) == (4, 4, 2, 1, 0)
    first.unlink()
    report = await source.rescan()
    assert (report.files, report.dicom, report.added, report.changed, report.removed) == (3, 3, 0, 0, 1)


async def test_new_images_show_at_the_next_search_and_removed_ones_do_not(root: Path, source: FolderSource) -> None:
    first, second = put(root, "a")
    second.rename(root / "kept elsewhere")
    [study] = await source.find(StudyQuery())
    assert len(study.instances) == 2
    (root / "kept elsewhere").unlink()
    [study] = await source.find(StudyQuery())
    assert len(study.instances) == 1
    first.unlink()
    assert await source.find(StudyQuery()) == []


async def test_a_corrected_patient_is_found_by_the_new_number_only(root: Path, source: FolderSource) -> None:
    for path in put(root, "a", nhs_number="9990000026"):
        await source.rescan()
        change(path, PatientID="9990000034")
    assert await source.find(parse_query("9990000026")) == []
    assert len(await source.find(parse_query("9990000034"))) == 1


async def test_the_index_outlives_a_restart_and_reads_nothing_again(
    root: Path, source: FolderSource, tmp_path: Path
) -> None:
    put(root, "a")
    (root / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 50)
    await source.rescan()
    again = FolderSource("Disc", root, tmp_path / "index.db", CIPHER)
    await again.open()
    with structlog.testing.capture_logs() as logs:
        report = await again.rescan()
    await again.close()
    assert (report.dicom, report.added, len(report.broken)) == (2, 0, 1)
    assert logs == []


async def test_files_without_an_extension_and_a_disc_with_a_dicomdir(root: Path, source: FolderSource) -> None:
    disc = Path(str(get_testdata_file("DICOMDIR"))).parent
    for name in ("77654033", "98892001", "98892003", "DICOMDIR"):
        if (disc / name).is_dir():
            shutil.copytree(disc / name, root / name)
        else:
            shutil.copy(disc / name, root / name)
    (root / "AUTORUN.INF").write_text("[autorun]")
    (root / "VIEWER.EXE").write_bytes(b"MZ" * 4000)
    report = await source.rescan()
    assert report.dicom == report.files - 3
    assert report.broken == ()
    assert sum(len(one.instances) for one in await source.find(StudyQuery(), limit=100)) == report.dicom


async def test_broken_files_are_told_to_the_operator_once_per_version_and_without_their_name(
    root: Path, source: FolderSource
) -> None:
    """Hazard: a path is named after a patient, and the log travels."""
    broken = root / "WHITEBREAD ANN.dcm"
    broken.write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 50)
    with structlog.testing.capture_logs() as logs:
        report = await source.rescan()
        await source.rescan()
    assert [path for path, _ in report.broken] == ["WHITEBREAD ANN.dcm"]
    assert len(logs) == 1
    assert "WHITEBREAD" not in str(logs)
    broken.write_bytes(b"\0" * 128 + b"DICM" + b"\xfe" * 51)
    with structlog.testing.capture_logs() as logs:
        await source.rescan()
    assert len(logs) == 1


async def test_a_folder_that_is_gone_loses_nothing_and_says_so(root: Path, source: FolderSource) -> None:
    put(root, "a")
    [study] = await source.find(StudyQuery())
    root.rename(root.with_name("unmounted"))
    for attempt in (source.find(StudyQuery()), source.study(study.study_instance_uid), source.rescan()):
        with pytest.raises(SourceAway, match="Disc"):
            await attempt
    with pytest.raises(SourceAway):
        [_ async for _ in source.fetch(study.instances)]
    root.with_name("unmounted").rename(root)
    assert (await source.rescan()).added == 0
    assert await source.find(StudyQuery()) == [study]


async def test_an_empty_mount_point_loses_nothing(root: Path, source: FolderSource, tmp_path: Path) -> None:
    put(root, "a")
    await source.rescan()
    with sqlite3.connect(tmp_path / "index.db") as db:
        db.execute("UPDATE root SET device = device + 1")
    shutil.rmtree(root / "a")
    with pytest.raises(SourceAway):
        await source.find(StudyQuery())
    put(root, "a")
    assert len(await source.find(StudyQuery())) == 1


async def test_links_that_lead_out_are_not_followed_and_are_named(
    root: Path, source: FolderSource, tmp_path: Path
) -> None:
    """Hazard: a disc links to files that are none of its own."""
    outside = put(tmp_path, "outside")
    (root / "file.dcm").symlink_to(outside[0])
    (root / "directory").symlink_to(tmp_path / "outside")
    put(root, "inside", 1)
    (root / "loop").symlink_to(root)
    report = await source.rescan()
    assert report.dicom == 2
    assert [path for path, _ in report.broken] == ["directory", "file.dcm"]


async def test_a_file_that_became_a_link_out_of_the_folder_is_not_given_out(
    root: Path, source: FolderSource, tmp_path: Path
) -> None:
    outside = put(tmp_path, "outside")[0]
    path = put(root, "a")[0]
    [study] = await source.find(StudyQuery())
    path.unlink()
    path.symlink_to(outside)
    with pytest.raises(InstanceMissing):
        [_ async for _ in source.fetch(study.instances)]


async def test_instances_are_fetched_in_the_order_asked_for(root: Path, source: FolderSource) -> None:
    put(root, "a")
    [study] = await source.find(StudyQuery())
    wanted = tuple(reversed(study.instances))
    fetched = [pair async for pair in source.fetch(wanted)]
    assert tuple(instance for instance, _ in fetched) == wanted
    for instance, path in fetched:
        assert pydicom.dcmread(path).SOPInstanceUID == instance.sop_instance_uid


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes() + b"\0")])
async def test_an_image_that_is_gone_or_grew_is_missing(root: Path, source: FolderSource, harm: object) -> None:
    path = put(root, "a")[0]
    [study] = await source.find(StudyQuery())
    harm(path)  # type: ignore[operator]
    with pytest.raises(InstanceMissing):
        [_ async for _ in source.fetch(study.instances)]


async def test_an_image_that_was_only_touched_is_fetched(root: Path, source: FolderSource) -> None:
    path = put(root, "a")[0]
    [study] = await source.find(StudyQuery())
    os.utime(path)
    assert len([_ async for _ in source.fetch(study.instances)]) == 2


async def test_an_image_that_became_another_patients_is_missing_even_at_the_same_size(
    root: Path, source: FolderSource
) -> None:
    """Hazard: a file is swapped between the preview and the parcel."""
    path = put(root, "a", patient_name="Brown^Ann")[0]
    [study] = await source.find(StudyQuery())
    path.write_bytes(path.read_bytes().replace(b"Brown^Ann", b"Green^Bob"))
    with pytest.raises(InstanceMissing):
        [_ async for _ in source.fetch(study.instances)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_what_may_not_be_read_is_named_and_tried_again(root: Path, source: FolderSource) -> None:
    first, _ = put(root, "a")
    first.chmod(0)
    assert len((await source.rescan()).broken) == 1
    first.chmod(0o600)
    assert (await source.rescan()).broken == ()


async def test_the_index_reveals_no_patient_to_a_thief(root: Path, source: FolderSource, tmp_path: Path) -> None:
    """Hazard: the state directory is stolen."""
    put(
        root, "WHITEBREAD", nhs_number="9990000026", patient_name="Whitebread^Annabel", accession_number="XR-4711",
        patient_birth_date=datetime.date(1963, 4, 12),
    )  # fmt: skip
    [study] = await source.find(parse_query("9990000026"))
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("index.db*"))
    planted = ("WHITEBREAD", "Whitebread", "whitebread", "Annabel", "9990000026", "XR-4711", "xr-4711", "1963")
    for secret in (*planted, study.study_instance_uid):
        assert secret.encode() not in stored
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("index.db*"))


async def test_a_row_moved_to_another_study_makes_the_index_anew(
    root: Path, source: FolderSource, tmp_path: Path
) -> None:
    """Hazard: whoever can write the index slips one patient's images into another's study."""
    put(root, "a", 1)
    put(root, "b", 2)
    await source.rescan()
    with sqlite3.connect(tmp_path / "index.db") as db:
        db.execute("UPDATE files SET study = (SELECT min(study) FROM files)")
    again = FolderSource("Disc", root, tmp_path / "index.db", CIPHER)
    await again.open()
    assert sorted(len(one.instances) for one in await again.find(StudyQuery())) == [2, 2]
    await again.close()


async def test_an_index_that_fails_is_an_away_source_and_no_trace(
    root: Path, source: FolderSource, tmp_path: Path
) -> None:
    put(root, "a")
    await source.rescan()
    with sqlite3.connect(tmp_path / "index.db") as db:
        db.execute("DROP TABLE keys")
    with pytest.raises(SourceAway, match="operator"):
        await source.find(parse_query("9990000018"))


async def test_a_full_disk_leaves_the_index_as_it_was(root: Path, source: FolderSource) -> None:
    put(root, "a")
    before = await source.rescan()
    database = source._index._db
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    write_mr(root / "b", slices=200, rows=16, seed=1)
    with pytest.raises(SourceAway):
        await source.rescan()
    database.execute("PRAGMA max_page_count = 1073741823")
    assert before.dicom == 2
    assert (await source.rescan()).added == 200


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b""])
async def test_a_damaged_index_or_another_key_is_made_anew(root: Path, tmp_path: Path, damage: bytes) -> None:
    put(root, "a")
    (tmp_path / "other.db").write_bytes(damage)
    for key in (b"1", b"2"):
        source = FolderSource("Disc", root, tmp_path / "other.db", FieldCipher(key * 32))
        await source.open()
        assert len(await source.find(StudyQuery())) == 1
        await source.close()


async def test_a_scan_stops_when_the_source_is_closed_and_goes_on_at_the_next_start(root: Path, tmp_path: Path) -> None:
    put(root, "a")
    source = FolderSource("Disc", root, tmp_path / "index.db", CIPHER)
    await source.open()
    source._stopping.set()
    assert (await source.rescan()).dicom == 0
    await source.close()
    again = FolderSource("Disc", root, tmp_path / "index.db", CIPHER)
    await again.open()
    assert (await again.rescan()).added == 2
    await again.close()
