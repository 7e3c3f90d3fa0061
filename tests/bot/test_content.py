from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot import content
from delivery.errors import SpoolFull
from delivery.parcel import Parcel
from delivery.spool import Spool
from rendering.preview import Preview

if TYPE_CHECKING:
    from pathlib import Path

PREVIEW = Preview("view/1", b"J" * 900, 1600, 1300, b"t" * 90, 400, 325, "LKO2", "Right ankle, AP view.", "Ankle · AP")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 1000)


def test_a_picture_has_its_true_size_a_thumbnail_a_blurhash_and_whose_it_is(spool: Spool) -> None:
    made, files = content.picture(PREVIEW, number=2, identity="BROWN, Ann", spool=spool)
    assert made["msgtype"] == "m.image"
    assert made["body"] == "Right ankle, AP view.\nBROWN, Ann"
    info = made["info"]
    assert (info["w"], info["h"], info["size"], info["mimetype"]) == (1600, 1300, 900, "image/jpeg")
    assert info["thumbnail_info"] == {"mimetype": "image/jpeg", "size": 90, "w": 400, "h": 325}
    assert info["xyz.amorgan.blurhash"] == "LKO2"
    assert [one.slot for one in files] == ["file", "info.thumbnail_file"]


def test_a_file_name_says_nothing_of_anybody(spool: Spool) -> None:
    made, _ = content.picture(PREVIEW, number=2, identity="BROWN, Ann", spool=spool)
    assert made["filename"] == "preview-2.jpg"


def test_both_files_are_sealed_under_keys_of_their_own(spool: Spool) -> None:
    _, files = content.picture(PREVIEW, number=1, identity="", spool=spool)
    assert len({one.key for one in files}) == len({one.iv for one in files}) == 2
    assert PREVIEW.data not in spool.path(files[0].spool_name).read_bytes()


def test_a_picture_that_fits_only_without_its_thumbnail_leaves_nothing_in_the_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 950)
    with pytest.raises(SpoolFull):
        content.picture(PREVIEW, number=1, identity="", spool=spool)
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_parcels_body_is_its_file_name(spool: Spool) -> None:
    made, [file] = content.parcel(Parcel("DICOM.ZIP", 5, 1, 1, 1, spool.seal_bytes(b"12345")))
    assert (made["msgtype"], made["body"], made["filename"]) == ("m.file", "DICOM.ZIP", "DICOM.ZIP")
    assert made["info"] == {"mimetype": "application/zip", "size": 5}
    assert (file.slot, file.size, file.mimetype) == ("file", 5, "application/zip")


def test_an_open_place_is_filled_without_touching_the_original() -> None:
    original = {"body": "x", "info": {"w": 1}}
    filled = content.fill(content.fill(original, content.FILE, {"url": "a"}), content.THUMBNAIL, {"url": "b"})
    assert filled == {"body": "x", "file": {"url": "a"}, "info": {"w": 1, "thumbnail_file": {"url": "b"}}}
    assert original == {"body": "x", "info": {"w": 1}}
