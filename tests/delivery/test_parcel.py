"""What a colleague has in hand after unpacking, compared with what the source had."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import textwrap
import threading
import traceback
import zipfile
from typing import TYPE_CHECKING

import pydicom
import pytest

from config.errors import TryLater
from delivery.bag import verify
from delivery.errors import Changed, SpoolFull, Stopped
from delivery.parcel import Packing, pack
from delivery.parts import plan_parts
from delivery.spool import CHUNK, Spool
from tests.delivery.material import BUNDLED, gathered, one_file, opened, packed, whole

if TYPE_CHECKING:
    from pathlib import Path

    from tests.delivery.conftest import Received
    from tests.delivery.material import Found

DISC = sorted(path for path in (BUNDLED / "dicomdirtests" / "98892003").rglob("*") if path.is_file())
#: dcmdump refuses these at the source already: truncated, or with trailing garbage.
REFUSED_AT_THE_SOURCE = {
    "MR_truncated.dcm",
    "SC_rgb_jpeg.dcm",
    "rtplan_truncated.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
}
#: Sources without File Meta Information, or with too little of it.
GOT_META_INFORMATION = {
    "ExplVR_BigEndNoMeta.dcm",
    "ExplVR_LitEndNoMeta.dcm",
    "OT-PAL-8-face.dcm",
    "no_meta_group_length.dcm",
    "rtstruct.dcm",
}


def pairs(received: list[Received]) -> list[tuple[Path, Path]]:
    """Each source file with the file that was delivered for it."""
    return [
        (source, one.folder / digest.file)
        for one in received
        for (_, source), digest in zip(one.found.files, one.parcel.digests, strict=True)
    ]


def seven() -> Found:
    """Seven of the slices of one MR study."""
    largest = max(gathered(DISC), key=lambda one: len(one.files))
    [found] = gathered([path for _, path in largest.files[:7]])
    return found


def test_every_instance_at_hand_is_delivered(received: list[Received]) -> None:
    files = pairs(received)
    assert len(files) > 200
    assert all(delivered.is_file() for _, delivered in files)


def test_every_delivered_file_holds_the_bytes_of_its_source_behind_a_clean_preamble(received: list[Received]) -> None:
    for source, delivered in pairs(received):
        data, original = delivered.read_bytes(), source.read_bytes()
        assert data[:132] == bytes(128) + b"DICM"
        kept = original[132:] if original[128:132] == b"DICM" else original
        assert data.endswith(kept), source.name
        assert len(data) == 132 + len(kept) or source.name in GOT_META_INFORMATION, source.name


def test_pixels_are_identical(received: list[Received]) -> None:
    compared = 0
    for source, delivered in pairs(received):
        ours, theirs = pydicom.dcmread(delivered), pydicom.dcmread(source, force=True)
        assert ours.get("PixelData") == theirs.get("PixelData"), source.name
        compared += "PixelData" in ours
    assert compared > 150


def test_dcmdump_opens_every_file(received: list[Received]) -> None:
    files = [delivered for source, delivered in pairs(received) if source.name not in REFUSED_AT_THE_SOURCE]
    for start in range(0, len(files), 40):
        command = ["/usr/bin/dcmdump", "-q", "+P", "SOPInstanceUID", *files[start : start + 40]]
        subprocess.run(command, check=True, capture_output=True)


def test_the_manifest_is_right_about_every_file(received: list[Received]) -> None:
    for one in received:
        manifest = json.loads((one.folder / "manifest.json").read_bytes())
        assert (manifest["version"], manifest["part"], manifest["of"]) == (1, 1, 1)
        assert manifest["study_instance_uid"] == one.found.study.study_instance_uid
        for promised in manifest["instances"]:
            data = (one.folder / promised["file"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (promised["bytes"], promised["sha256"])
            instance = pydicom.dcmread(one.folder / promised["file"], stop_before_pixels=True)
            assert instance.file_meta.TransferSyntaxUID == promised["transfer_syntax_uid"]
            uid = instance.get("SOPInstanceUID") or instance.file_meta.MediaStorageSOPInstanceUID
            assert uid == promised["sop_instance_uid"]


def test_every_parcel_verifies(received: list[Received]) -> None:
    for one in received:
        report = verify(one.zip)
        assert report.ok, report
        assert report.instances == len(one.found.files) == one.parcel.instances


def test_the_parcel_knows_its_size_and_digest(received: list[Received]) -> None:
    for one in received:
        assert one.zip.stat().st_size == one.parcel.size == one.parcel.sealed.size
        assert one.parcel.file_name == "DICOM.ZIP"


def test_only_conforming_names_are_in_the_zip(received: list[Received]) -> None:
    names = {name for one in received for name in zipfile.ZipFile(one.zip).namelist()}
    others = {name for name in names if not re.fullmatch(r"[A-Z0-9_]{1,8}(/[A-Z0-9_]{1,8}){0,7}", name)}
    assert others == {"README.TXT", "manifest.json"}


def test_no_name_of_a_patient_is_outside_of_the_dicom_files(received: list[Received]) -> None:
    for one in received:
        told = (one.folder / "README.TXT").read_bytes() + (one.folder / "manifest.json").read_bytes()
        patient = one.found.study.patient
        for secret in (patient.patient_name, patient.patient_id):
            assert len(secret) < 4 or secret.encode() not in told, one.found.name


def test_nothing_of_a_patient_is_readable_in_the_spool(spool: Spool) -> None:
    for path in (BUNDLED / "CT_small.dcm", BUNDLED / "MR_small.dcm", BUNDLED / "rtplan.dcm"):
        found = one_file(path)
        sealed = packed(found, spool).sealed
        data = spool.path(sealed.name).read_bytes()
        patient = found.study.patient
        for secret in (
            patient.patient_name,
            patient.patient_id,
            "DICM",
            "DICOM/",
            "PK",
            found.study.study_instance_uid,
        ):
            assert len(secret) < 4 or secret.encode() not in data


def test_the_same_study_makes_the_same_zip_under_another_key(spool: Spool, tmp_path: Path) -> None:
    found = one_file(BUNDLED / "CT_small.dcm")
    one, other = packed(found, spool), packed(found, spool)
    assert one.sealed.key != other.sealed.key
    assert one.sealed.sha256 != other.sealed.sha256
    plain = [opened(parcel, spool, tmp_path / "zip").read_bytes() for parcel in (one, other)]
    assert plain[0] == plain[1]


def test_files_may_come_in_any_order(spool: Spool, tmp_path: Path) -> None:
    found = seven()
    straight = packed(found, spool)
    with spool.seal() as sink:
        turned = pack(found.study, whole(found.study), found.files[::-1], sink)
    assert contents(opened(straight, spool, tmp_path / "A")) == contents(opened(turned, spool, tmp_path / "B"))


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_each_part_lists_what_it_holds_and_all_unpack_into_one_folder(spool: Spool, tmp_path: Path) -> None:
    found = max(gathered(DISC), key=lambda one: len(one.files))
    parts = plan_parts(found.study, 40_000)
    assert len(parts) > 2
    files = dict(found.files)
    seen: list[str] = []
    for part in parts:
        with spool.seal() as sink:
            parcel = pack(found.study, part, [(one, files[one]) for one in part.instances], sink)
        assert parcel.size <= 40_000
        assert parcel.file_name == f"DICOM_{part.number}_OF_{len(parts)}.ZIP"
        path = opened(parcel, spool, tmp_path / parcel.file_name)
        assert verify(path).ok
        members = contents(path)
        assert f"part {part.number} of {part.of}" in members["README.TXT"].decode()
        records = pydicom.dcmread(io.BytesIO(members["DICOMDIR"])).DirectoryRecordSequence
        listed = ["/".join(one.ReferencedFileID) for one in records if "ReferencedFileID" in one]
        assert listed == [name for name in members if name.startswith("DICOM/")]
        seen += listed
    assert len(seen) == len(set(seen)) == len(found.files)


def test_the_same_sop_instance_uid_twice_loses_no_file(spool: Spool, tmp_path: Path) -> None:
    found = gathered([BUNDLED / "MR_small.dcm", BUNDLED / "MR_small_RLE.dcm", BUNDLED / "MR_small_implicit.dcm"])[0]
    assert len({one.sop_instance_uid for one, _ in found.files}) < len(found.files)
    parcel = packed(found, spool)
    assert parcel.instances == len(found.files)
    assert verify(opened(parcel, spool, tmp_path / "zip")).ok


def test_instances_can_be_added_one_by_one(spool: Spool) -> None:
    found = seven()
    with spool.seal() as sink:
        packing = Packing(found.study, whole(found.study), sink)
        for instance, path in found.files:
            packing.add(instance, path)
        parcel = packing.finish()
    assert parcel.instances == 7
    assert spool.intact(parcel.sealed)


def test_progress_counts_the_instances(spool: Spool) -> None:
    found = seven()
    told: list[int] = []
    with spool.seal() as sink:
        pack(found.study, whole(found.study), found.files, sink, progress=told.append)
    assert told == [1, 2, 3, 4, 5, 6, 7]


def test_packing_that_is_called_off_leaves_nothing_behind(spool: Spool) -> None:
    found = seven()
    stop = threading.Event()

    def after_three(done: int) -> None:
        if done == 3:
            stop.set()

    with pytest.raises(Stopped), spool.seal() as sink:
        pack(found.study, whole(found.study), found.files, sink, progress=after_three, stop=stop)
    assert list(spool.path(".").iterdir()) == []


def test_a_missing_file_is_told_without_its_path(spool: Spool, tmp_path: Path) -> None:
    found = one_file(BUNDLED / "CT_small.dcm")
    gone = tmp_path / "Ankle^Anna.dcm"
    with pytest.raises(Changed) as changed, spool.seal() as sink:
        pack(found.study, whole(found.study), [(found.files[0][0], gone)], sink)
    assert "Anna" not in "".join(traceback.format_exception(changed.value))
    assert isinstance(changed.value, TryLater)
    assert list(spool.path(".").iterdir()) == []


def test_a_parcel_without_all_of_its_instances_is_none(spool: Spool) -> None:
    found = seven()
    with pytest.raises(Changed, match=r"\[D22\]"), spool.seal() as sink:
        pack(found.study, whole(found.study), found.files[:-1], sink)


@pytest.mark.parametrize("change", ["shorter", "other bytes"])
def test_a_large_file_that_changes_between_two_looks_is_noticed(spool: Spool, tmp_path: Path, change: str) -> None:
    path = tmp_path / "large"
    data = bytearray((BUNDLED / "CT_small.dcm").read_bytes() + bytes(4 * CHUNK))
    path.write_bytes(data)
    found = one_file(path)

    class Meanwhile:
        """A sink to which the second look's first bytes come."""

        def write(self, chunk: bytes | memoryview) -> None:
            if len(chunk) == CHUNK:
                path.write_bytes(data[:-CHUNK] if change == "shorter" else data[:-1] + b"x")

    with pytest.raises(Changed, match=r"\[D20\]"):
        pack(found.study, whole(found.study), found.files, Meanwhile())  # type: ignore[arg-type]


def test_a_full_spool_stops_the_packing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", quota=10_000)
    with pytest.raises(SpoolFull):
        packed(one_file(BUNDLED / "CT_small.dcm"), spool)
    assert list(spool.path(".").iterdir()) == []


def test_memory_stays_flat_whatever_the_size(tmp_path: Path) -> None:
    """A gigabyte in one instance, in a process of its own whose peak is measured."""
    with (tmp_path / "large").open("wb") as file:
        file.write((BUNDLED / "CT_small.dcm").read_bytes())
        file.truncate(1 << 30)
    script = f"""
        import resource
        from pathlib import Path
        from delivery.spool import Spool
        from tests.delivery.material import BUNDLED, one_file, packed
        spool = Spool(Path({str(tmp_path / "spool")!r}), 1 << 31)
        packed(one_file(BUNDLED / "CT_small.dcm"), spool)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = packed(one_file(Path({str(tmp_path / "large")!r})), spool).size
        print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    size, grown = map(int, done.stdout.split())
    assert size > 1 << 30
    assert grown < 8 * 1024
