"""A part packed each way: what a colleague has in hand, what is said of it, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from delivery.errors import SpoolFull
from delivery.options import Options
from delivery.packer import Packer, permitted
from delivery.parts import plan_parts
from delivery.received import verify
from delivery.speed import ALWAYS, Speed, Way
from delivery.spool import Spool
from rendering.errors import CannotShow
from rendering.quicklook import quick_look
from rendering.recode import recode
from studies.synthetic import write_ct
from tests.delivery.material import BIN, BUNDLED, complaints, found_studies, gathered, opened, run, whole

if TYPE_CHECKING:
    from pathlib import Path

    from delivery.parcel import Parcel
    from rendering.quicklook import QuickLook, QuickPlan
    from rendering.recode import Recoded, RecodePlan
    from tests.delivery.material import Found

MUCH = 1 << 40


async def recoded(plan: RecodePlan) -> Recoded:
    return await asyncio.to_thread(recode, plan)


async def looked(plan: QuickPlan) -> QuickLook:
    return await asyncio.to_thread(quick_look, plan)


@pytest.fixture
def ct(tmp_path: Path) -> Found:
    write_ct(tmp_path / "ct", slices=6, seed=1)
    [found] = gathered(sorted(path for path in (tmp_path / "ct").rglob("*") if path.is_file()))
    return found


def packer(spool: Spool, way: Way, **more: Any) -> Packer:
    return Packer(spool, **{"look": looked, "recode": recoded, "ways": (way,), **more})


async def packed(packer: Packer, found: Found) -> Parcel:
    return await packer.packed(found.study, whole(found.study), list(found.files), MUCH, lambda _: None)


@pytest.mark.parametrize("way", list(Way))
async def test_every_way_gives_a_parcel_that_verifies_and_has_the_pixels(
    way: Way, ct: Found, spool: Spool, tmp_path: Path
) -> None:
    parcel = await packed(packer(spool, way), ct)
    path = opened(parcel, spool, tmp_path / "DICOM.ZIP")
    report = verify(path)
    assert report.ok, report
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    for (_, source), digest in zip(ct.files, parcel.digests, strict=True):
        delivered = pydicom.dcmread(tmp_path / "unpacked" / digest.file)
        assert (delivered.pixel_array == pydicom.dcmread(source).pixel_array).all()
    assert [one.name for one in spool.path(".").iterdir()] == [parcel.sealed.name]


async def test_a_recompressed_parcel_is_smaller_and_says_so_everywhere(ct: Found, spool: Spool, tmp_path: Path) -> None:
    sizes = {way: (await packed(packer(spool, way, look=None), ct)).size for way in (Way.STORED, Way.DEFLATED)}
    parcel = await packed(packer(spool, Way.JPEG_LS, look=None), ct)
    assert parcel.size < sizes[Way.DEFLATED] < sizes[Way.STORED]
    with zipfile.ZipFile(opened(parcel, spool, tmp_path / "zip")) as archive:
        archive.extractall(tmp_path / "unpacked")
    manifest = json.loads((tmp_path / "unpacked" / "manifest.json").read_bytes())
    assert {(one["transfer_syntax_uid"], one["recoded_from"]) for one in manifest["instances"]} == {
        (JPEGLSLossless, ExplicitVRLittleEndian)
    }
    assert "No claim to profile STD-GEN-CD" in manifest["conformance"]
    assert "compressed without loss" in (tmp_path / "unpacked" / "README.TXT").read_text("ascii")
    directory = pydicom.dcmread(tmp_path / "unpacked" / "DICOMDIR")
    images = [one for one in directory.DirectoryRecordSequence if one.DirectoryRecordType == "IMAGE"]
    assert {one.ReferencedTransferSyntaxUIDInFile for one in images} == {JPEGLSLossless}
    run("/usr/bin/dcmdump", "-q", tmp_path / "unpacked" / "DICOMDIR")


async def test_pdi_makes_a_bag_that_may_claim_the_profile(spool: Spool, tmp_path: Path) -> None:
    """IHE PDI, STD-GEN-CD: whatever it was compressed with, all is in Explicit VR Little Endian."""
    names = ("JPEG2000.dcm", "MR_small_RLE.dcm", "693_J2KI.dcm", "JPEG-lossy.dcm", "US1_J2KR.dcm", "rtplan.dcm")
    for found in found_studies():
        if not any(path.name in names for _, path in found.files):
            continue
        parts = plan_parts(packer(spool, Way.UNCOMPRESSED).expected(found.study), MUCH)
        parcel = await packed(packer(spool, Way.UNCOMPRESSED, look=None), found)
        assert parcel.size < sum(one.size for part in parts for one in part.instances) * 1.1 + 100_000
        path = opened(parcel, spool, tmp_path / "zip")
        kept = {one.transfer_syntax_uid for one in parcel.digests}
        told = json.loads(zipfile.ZipFile(path).read("manifest.json"))["conformance"]
        assert ("as profile STD-GEN-CD" in told) == (kept == {ExplicitVRLittleEndian})
        assert verify(path).ok
        spool.discard(parcel.sealed.name)


async def test_the_iod_judge_has_nothing_new_to_say_about_a_recompressed_slice(
    ct: Found, spool: Spool, tmp_path: Path
) -> None:
    parcel = await packed(packer(spool, Way.JPEG_LS, look=None), ct)
    with zipfile.ZipFile(opened(parcel, spool, tmp_path / "zip")) as archive:
        archive.extract(parcel.digests[0].file, tmp_path)
    judge = tmp_path / parcel.digests[0].file
    assert complaints(BIN / "dciodvfy", judge) == complaints(BIN / "dciodvfy", ct.files[0][1])


async def test_a_file_that_no_worker_can_recode_travels_as_it_is(ct: Found, spool: Spool, tmp_path: Path) -> None:
    async def crash(_: RecodePlan) -> Recoded:
        raise CannotShow("decoding it fails", "P21")

    parcel = await packed(packer(spool, Way.JPEG_LS, recode=crash), ct)
    assert {one.transfer_syntax_uid for one in parcel.digests} == {ExplicitVRLittleEndian}
    assert not any(one.recoded_from for one in parcel.digests)
    assert verify(opened(parcel, spool, tmp_path / "zip")).ok


async def test_called_off_in_the_middle_nothing_is_left(ct: Found, spool: Spool) -> None:
    reached = asyncio.Event()

    async def hangs(plan: RecodePlan) -> Recoded:
        if plan.path == ct.files[3][1]:
            reached.set()
            await asyncio.sleep(60)
        return await recoded(plan)

    task = asyncio.create_task(packed(packer(spool, Way.JPEG_LS, recode=hangs), ct))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(spool.path(".").iterdir()) == []


async def test_a_full_spool_is_told_and_leaves_nothing(ct: Found, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "small", 300_000)
    with pytest.raises(SpoolFull):
        await packed(packer(spool, Way.JPEG_LS), ct)
    assert list(spool.path(".").iterdir()) == []


async def test_what_was_packed_teaches_the_pace(ct: Found, spool: Spool) -> None:
    speed = Speed()
    await packed(packer(spool, Way.JPEG_LS, look=None, speed=speed), ct)
    assert speed.pace(Way.JPEG_LS, "CT").ratio != Speed().pace(Way.JPEG_LS, "CT").ratio


@pytest.mark.parametrize(
    ("options", "ways"),
    [
        (Options(), (*ALWAYS, Way.JPEG_LS)),
        (Options(as_stored=True), ALWAYS),
        (Options(pdi=True), (Way.UNCOMPRESSED,)),
    ],
)
def test_the_share_says_which_ways_are_permitted(options: Options, ways: tuple[Way, ...]) -> None:
    assert permitted(options, (Way.JPEG_LS,)) == ways


def test_compressed_instances_are_planned_with_the_size_that_they_will_have(spool: Spool) -> None:
    [found] = gathered([BUNDLED / "JPEG2000.dcm"])
    [before], [after] = (one.instances for one in (found.study, packer(spool, Way.UNCOMPRESSED).expected(found.study)))
    assert after.size > before.size + before.rows * before.columns
    assert packer(spool, Way.JPEG_LS).expected(found.study) is found.study
