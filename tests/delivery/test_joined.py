"""What a colleague makes of the parts that came out of a room."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.fileset import FileSet

from config.errors import Mistake, NotAllowed
from delivery.bag import verify
from delivery.joined import joined
from delivery.notes import Notes, Written
from delivery.parcel import pack
from delivery.parts import Part, plan_parts
from delivery.received import grouped, parcels, received
from delivery.spool import Spool
from delivery.viewer.site import Site
from rendering.quicklook import quick_look
from studies.synthetic import write_ct
from tests.delivery.material import gathered, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from delivery.joined import Joined
    from tests.delivery.material import Found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Twelve slices of 128 x 128."""
    [study] = gathered(write_ct(tmp_path_factory.mktemp("source"), slices=12, rows=128))
    return study


def zips(found: Found, folder: Path, limit: int = 230_000, budget: int | None = 60_000) -> list[Path]:
    """The study in parts of `limit` bytes, each with a viewer if it has a budget."""
    folder.mkdir(exist_ok=True)
    spool, files = Spool(folder / "spool", 1 << 30), dict(found.files)
    made = []
    for part in plan_parts(found.study, limit):
        site = Site(found.study, part, budget=budget) if budget else None
        own = [(one, files[one]) for one in part.instances]
        looks = [quick_look(plan) if (plan := site.plan(*one)) else None for one in own] if site else [None] * len(own)
        with spool.seal() as sink:
            parcel = pack(found.study, part, own, sink, site=site, looks=looks)
        made.append(opened(parcel, spool, folder / parcel.file_name))
    return made


@pytest.fixture(scope="module")
def parts(found: Found, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return zips(found, tmp_path_factory.mktemp("received"))


def told(folder: Path) -> dict[str, Any]:
    """What the viewer's page knows of the study."""
    script = (folder / "IHE_PDI" / "STUDY.JS").read_text("ascii")
    return dict(json.loads(script.removeprefix('carrierbag("STUDY",').removesuffix(")\n")))


def together(paths: list[Path], folder: Path) -> Joined:
    [group] = grouped(map(received, paths))
    return joined(group, folder)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_all_parts_become_one_folder_with_every_instance_as_it_was_sent(
    found: Found, parts: list[Path], tmp_path: Path
) -> None:
    assert len(parts) > 2
    made = together(parts[::-1], tmp_path / "joined")
    assert (made.instances, made.missing, made.page) == (12, (), tmp_path / "joined" / "INDEX.HTM")
    assert verify(made.folder).problems == ()
    here = {pydicom.dcmread(path).SOPInstanceUID for path in (made.folder / "DICOM").rglob("I*")}
    assert here == {one.sop_instance_uid for one in found.study.instances}


def test_the_directory_lists_what_all_parts_hold(found: Found, parts: list[Path], tmp_path: Path) -> None:
    made = together(parts, tmp_path / "joined")
    directory = FileSet(made.folder / "DICOMDIR")
    assert {one.SOPInstanceUID for one in directory} == {one.sop_instance_uid for one in found.study.instances}
    assert len(directory.find_values("SeriesInstanceUID")) == len(found.study.series)


def test_the_viewer_tells_of_one_study_in_the_order_of_scrolling(
    found: Found, parts: list[Path], tmp_path: Path
) -> None:
    whole = told(together(zips(found, tmp_path, limit=1 << 30), tmp_path / "whole").folder)
    made = told(together(parts, tmp_path / "joined").folder)
    assert made["part"] == [1, 1]
    assert [one["uid"] for one in made["series"]] == [one["uid"] for one in whole["series"]]
    for ours, theirs in zip(made["series"], whole["series"], strict=True):
        assert [one["file"] for one in ours["instances"]] == [one["file"] for one in theirs["instances"]]
        assert all(one["frames"][0]["at"] for one in ours["instances"])
    scripts = {one["frames"][0]["at"][0] for series in made["series"] for one in series["instances"]}
    assert {f"IHE_PDI/{name}.JS" for name in scripts} <= files(tmp_path / "joined")


def test_a_part_that_is_not_there_is_named_and_the_others_open(parts: list[Path], tmp_path: Path) -> None:
    made = together([parts[0], parts[-1]], tmp_path / "joined")
    assert made.missing == tuple(range(2, len(parts)))
    assert told(made.folder)["notes"][0]["title"] == "Not all is here"
    assert b"files. NOT HERE: 2" in (made.folder / "README.TXT").read_bytes()
    again = received(made.folder)
    assert again.said.parts == (1, len(parts))


def test_a_part_without_a_viewer_is_named(found: Found, parts: list[Path], tmp_path: Path) -> None:
    bare = zips(found, tmp_path, budget=None)
    made = together([*parts[:-1], bare[-1]], tmp_path / "joined")
    assert "came without pictures" in told(made.folder)["notes"][0]["text"]
    none = together(bare, tmp_path / "none")
    assert (none.page, verify(none.folder).problems) == (None, ())


def test_what_is_there_twice_counts_once(parts: list[Path], tmp_path: Path) -> None:
    again = Path(shutil.copy(parts[0], tmp_path / "DICOM_1_OF_4 (1).ZIP"))
    assert together([*parts, again], tmp_path / "joined").instances == 12


def test_parts_of_two_shares_are_not_mixed(found: Found, parts: list[Path], tmp_path: Path) -> None:
    others = zips(found, tmp_path, limit=300_000)
    groups = grouped(map(received, [*parts, *others]))
    assert sorted(len(one) for one in groups) == sorted([len(parts), len(others)])


def test_an_unpacked_folder_is_checked_and_left_as_it_is(parts: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(parts[0]) as archive:
        archive.extractall(folder)
    (folder / "Thumbs.db").write_bytes(b"a desktop's own")
    before = files(folder)
    assert parcels([folder]) == [folder]
    assert together([folder], folder).folder == folder
    assert files(folder) == before
    both = together([folder, *parts[1:]], tmp_path / "joined")
    assert both.missing == ()
    assert "Thumbs.db" not in files(both.folder)


def test_what_was_joined_before_is_not_joined_again(parts: list[Path], tmp_path: Path) -> None:
    made = together(parts, tmp_path / "joined")
    stamp = (made.folder / "DICOMDIR").stat().st_mtime_ns
    assert together(parts, tmp_path / "joined") == made
    assert (made.folder / "DICOMDIR").stat().st_mtime_ns == stamp


def test_a_folder_means_the_zips_in_it(parts: list[Path], tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("not ours")
    here = [Path(shutil.copy(one, tmp_path)) for one in parts]
    assert parcels([tmp_path]) == sorted(here)


def test_a_folder_without_a_parcel_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="O01"):
        parcels([tmp_path])


def _changed(data: dict[str, bytes]) -> None:
    name = next(one for one in data if one.startswith("DICOM/"))
    data[name] = data[name][:-1] + bytes([data[name][-1] ^ 1])


def _gone(data: dict[str, bytes]) -> None:
    del data[next(one for one in data if one.startswith("DICOM/"))]


def _added(data: dict[str, bytes]) -> None:
    data["AUTORUN.INF"] = b"[autorun]"


def _viewer_changed(data: dict[str, bytes]) -> None:
    data["IHE_PDI/VIEWER.JS"] += b"alert(1)"


def _no_manifest(data: dict[str, bytes]) -> None:
    del data["manifest.json"]


def _manifest_of_nothing(data: dict[str, bytes]) -> None:
    data["manifest.json"] = b"[" * 100_000


def _as(name: str) -> Callable[[dict[str, bytes]], None]:
    """The manifest names a file so, and it is there."""

    def rename(data: dict[str, bytes]) -> None:
        old = next(one for one in data if one.startswith("DICOM/"))
        data[name] = data.pop(old)
        data["manifest.json"] = data["manifest.json"].replace(json.dumps(old).encode(), json.dumps(name).encode())

    return rename


def _parts(of: object) -> Callable[[dict[str, bytes]], None]:
    def change(data: dict[str, bytes]) -> None:
        said = json.loads(data["manifest.json"])
        data["manifest.json"] = json.dumps(said | {"of": of}).encode()

    return change


@pytest.mark.parametrize(
    "harm",
    [
        _changed,
        _gone,
        _added,
        _viewer_changed,
        _no_manifest,
        _manifest_of_nothing,
        _as("../../outside"),
        _as("/outside"),
        _as("DICOM/../outside"),
        _as("DICOM\\..\\outside"),
        _as("C:/outside"),
        _as("DICOM/CON/AUX"),
        _as("DICOMDIR"),
        _as("IHE_PDI/../../x.JS"),
        _as("DICOM/S00001/I00001\x1b[2J"),
        _parts(0),
        _parts(10**9),
        _parts("many"),
    ],
)
def test_a_part_that_is_not_as_it_was_sent_is_refused_and_nothing_is_written(
    harm: Callable[[dict[str, bytes]], None], parts: list[Path], tmp_path: Path
) -> None:
    with zipfile.ZipFile(parts[0]) as archive:
        data = {name: archive.read(name) for name in archive.namelist()}
    harm(data)
    path = tmp_path / "in" / "DICOM_1_OF_4.ZIP"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in data.items():
            archive.writestr(name, content)
    with pytest.raises(NotAllowed) as refusal:
        together([path, *parts[1:]], tmp_path / "in" / "joined")
    assert refusal.value.code == "O02"
    assert refusal.value.sentence.startswith("DICOM_1_OF_4.ZIP is damaged, and nothing was opened.")
    assert not re.search(r"[\x00-\x1f]", refusal.value.sentence)
    assert files(tmp_path) == {"in/DICOM_1_OF_4.ZIP"}


def test_a_zip_that_was_cut_off_is_refused(parts: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "DICOM.ZIP"
    path.write_bytes(parts[0].read_bytes()[:-200])
    assert parcels([path]) == [path]
    with pytest.raises(NotAllowed, match="O02"):
        received(path)


def test_a_member_that_unpacks_to_more_than_was_promised_is_not_unpacked(parts: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "DICOM.ZIP"
    with zipfile.ZipFile(parts[0]) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, bytes(50_000_000) if name.endswith("I00001") else source.read(name))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(NotAllowed, match="not as it was sent"):
        received(path)


def test_a_link_in_a_folder_leads_nowhere(parts: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(parts[0]) as archive:
        archive.extractall(folder)
    inside = next((folder / "DICOM").rglob("I*"))
    inside.rename(tmp_path / "elsewhere")
    inside.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotAllowed, match="missing or damaged"):
        received(folder)


def test_only_its_user_may_read_the_folder(parts: list[Path], tmp_path: Path) -> None:
    made = together(parts, tmp_path / "joined")
    assert {path.stat().st_mode & 0o077 for path in [made.folder, *made.folder.rglob("*")]} == {0}


def test_a_disk_that_is_full_leaves_nothing_behind(parts: list[Path], tmp_path: Path) -> None:
    (tmp_path / "joined").write_text("a file in the way")
    with pytest.raises(OSError, match="joined"):
        together(parts, tmp_path / "joined")
    assert files(tmp_path) == {"joined"}


def later(found: Found, folder: Path) -> Path:
    """Notes that were written when the study was gone: one more document, behind the study's own names."""
    words = Notes(7, "share 7", 0.0, 2, (Written("@anna:example.org", "Anna", 0.0, "Pulse is back.", "the room"),))
    filed = words.filed(found.study)
    part, spool = Part(1, 1, (filed.instance,)), Spool(folder / "spool", 1 << 30)
    path = folder / "document"
    path.write_bytes(filed.data)
    with spool.seal() as sink:
        site = Site(filed.study, part, words.told, budget=10_000)
        parcel = pack(filed.study, part, [(filed.instance, path)], sink, site=site, notes=words.plain)
    return opened(parcel, spool, folder / words.file_name)


def test_notes_that_came_later_are_put_to_what_they_belong_to(found: Found, parts: list[Path], tmp_path: Path) -> None:
    notes = later(found, tmp_path)
    made = together([notes, *parts], tmp_path / "joined")
    assert (made.instances, made.missing, verify(made.folder).problems) == (13, (), ())
    assert [one["text"] for one in told(made.folder)["notes"]] == ["Pulse is back."]
    assert b"Pulse is back." in (made.folder / "README.TXT").read_bytes()
    whole = together([notes, *zips(found, tmp_path / "one", limit=1 << 30)], tmp_path / "whole")
    assert b" 13 files.\r\n" in (whole.folder / "README.TXT").read_bytes()
    alone = together([notes], tmp_path / "alone")
    assert (alone.instances, alone.missing) == (1, ())


def test_parts_that_tell_of_themselves_in_another_way_are_refused_together(parts: list[Path], tmp_path: Path) -> None:
    strange = tmp_path / "DICOM_1_OF_3.ZIP"
    script = b'carrierbag("STUDY",{"series":7})\n'
    with zipfile.ZipFile(parts[0]) as source, zipfile.ZipFile(strange, "w") as target:
        said = json.loads(source.read("manifest.json"))
        [entry] = [one for one in said["web"] if one["file"].endswith("STUDY.JS")]
        entry |= {"bytes": len(script), "sha256": hashlib.sha256(script).hexdigest()}
        changed = {"manifest.json": json.dumps(said).encode(), "IHE_PDI/STUDY.JS": script}
        for name in source.namelist():
            target.writestr(name, changed.get(name) or source.read(name))
    with pytest.raises(NotAllowed, match="O07"):
        together([strange, *parts[1:]], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()
