"""The whole corridor on real parts: Synapse, a strict matrix-js-sdk client, DICOM files in, DICOM files out."""

from __future__ import annotations

import io
import subprocess
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from PIL import Image

from studies.synthetic import write_ankle

from .conftest import copy_cervical_spine

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Ward


def by_uid(files: list[Path]) -> dict[str, pydicom.Dataset]:
    return {str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, files)}


async def test_a_share_reaches_the_strict_client_whole_and_without_any_shield(ward: Ward) -> None:
    sources = by_uid(write_ankle(ward.studies))
    async with ward.running():
        await ward.gather()
        receipt = await ward.share()
    assert {(one["encrypted"], one["readable"], one["shield"]) for one in receipt.events} == {(True, True, "none")}
    unpacked = ward.directory / "unpacked"
    with zipfile.ZipFile(receipt.out / receipt.parcels[0]["file"]) as archive:
        archive.extractall(unpacked)
    received = by_uid(sorted((unpacked / "DICOM").rglob("I*")))
    assert received.keys() == sources.keys()
    for uid, one in received.items():
        assert np.array_equal(one.pixel_array, sources[uid].pixel_array)
    for file in (unpacked / "DICOM").rglob("I*"):
        subprocess.run(["/usr/bin/dcmdump", "-q", str(file)], check=True, stdout=subprocess.DEVNULL)  # noqa: ASYNC221


async def test_previews_are_true_to_their_word(ward: Ward) -> None:
    write_ankle(ward.studies)
    async with ward.running():
        await ward.gather()
        receipt = await ward.share()
        images = [event for event in ward.registrar.events if event.msgtype == "m.image"]
        for event, preview in zip(images, receipt.previews, strict=True):
            info = event.content["info"]
            thumbnail = ward.directory / "thumbnail.jpg"
            await ward.registrar.download(event, thumbnail, thumbnail=True)
            picture = Image.open(io.BytesIO((receipt.out / preview["file"]).read_bytes()))
            assert picture.format == "JPEG"
            assert picture.size == (info["w"], info["h"])
            assert max(picture.size) <= 1600
            assert preview["bytes"] == info["size"] <= 500_000
            small = Image.open(thumbnail)
            assert small.size == (info["thumbnail_info"]["w"], info["thumbnail_info"]["h"])
            assert info["xyz.amorgan.blurhash"]
            assert "NHS 999 000 0018" in event.body
    spoken = [event.body.partition("\n")[0] for event in images]
    assert ["AP" in spoken[0], "mortise" in spoken[1].lower() or "oblique" in spoken[1].lower()] == [True, True]
    assert "lateral" in spoken[2].lower()


async def test_the_server_learns_no_file_name_and_nothing_of_the_patient(ward: Ward, homeserver: object) -> None:
    copy_cervical_spine(ward.studies)
    for path in [one for one in ward.studies.rglob("*") if one.is_file()]:
        data_set = pydicom.dcmread(path)
        # Of nobody else: other tests use the same server.
        data_set.PatientName, data_set.PatientID = "Munthorpe^Quill", "KY40417"
        data_set.StudyDescription = "Wensleyspine"
        data_set.save_as(path)
    async with ward.running():
        await ward.gather()
        receipt = await ward.share()
    assert "KY40417" in "\n".join(receipt.words)
    planted = (b"Munthorpe", b"MUNTHORPE", b"KY40417", b"Wensleyspine")
    kept = [path for path in homeserver.directory.rglob("*") if path.is_file()]  # type: ignore[attr-defined]
    kept += [path for path in (ward.config.parent / "state").rglob("*") if path.is_file()]
    for path in kept:
        content = path.read_bytes()
        assert not [one for one in planted if one in content], path.name


async def test_a_number_from_the_list_shares_that_study(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    write_ankle(ward.studies)
    async with ward.running():
        await ward.gather()
        question = await ward.ask("!share study")
        assert "I will not guess" in question.body
        assert "DOE" not in question.body
        line = next(one for one in question.body.splitlines() if "Spine" in one)
        receipt = await ward.share(line.partition(".")[0])
    assert [one["instances"] for one in receipt.parcels] == [3]
    assert "DOE, Archibald" in "\n".join(receipt.words)
