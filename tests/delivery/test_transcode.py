"""Round trip: what goes into a parcel in another coding comes out with the same pixels and the same values.

Every DICOM file at hand, and what our own synthetic scanners make; judged by pydicom and its decoders, and by dcmtk's.
"""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
)

from delivery.aside import Aside
from delivery.transcode import Rewritten, rewritten
from rendering import lossless
from rendering import recode as job
from rendering.errors import CannotShow
from rendering.recode import Recoded, RecodePlan, recode
from studies.synthetic import write_ankle, write_ct
from tests.delivery.material import BUNDLED, REAL, found_studies, gathered, one_file, run

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from delivery.spool import Spool
    from studies.model import Instance

JPEG_LS = (str(JPEGLSLossless),)
HTJ2K = (str(HTJ2KLossless), *JPEG_LS)
PLAIN = (str(ExplicitVRLittleEndian),)
#: Changed when colour is uncompressed: what the decoder gives.
PHOTOMETRIC, PLANAR = 0x00280004, 0x00280006
#: pydicom leaves the bytes of these as they are in big endian; they are words, and are turned round here.
WORDS = {"OW"}


async def here(plan: RecodePlan) -> Recoded:
    return recode(plan)


async def made(instance: Instance, path: Path, wanted: tuple[str, ...], spool: Spool) -> bytes | None:
    found = await rewritten(instance, path, wanted, here, spool)
    if found is None:
        return None
    data = b"".join(found.pieces())
    found.discard()
    return data


def compared(source: Path, data: bytes, path: Path, *, pixels: bool = True) -> None:
    """Raises AssertionError unless `data` says what `source` says."""
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, after = pydicom.dcmread(source, force=True), pydicom.dcmread(path)
        assert differing(before, after) <= {PHOTOMETRIC, PLANAR}
        if pixels and "PixelData" in before:
            assert np.array_equal(shown(before), shown(after)), source.name


def differing(before: Dataset, after: Dataset) -> set[int]:
    little = before.original_encoding[1]
    values = [
        {int(one.tag): str(one.value) for one in each if one.tag.element and one.tag.group != 0x7FE0}
        for each in (before, after)
    ]
    both = values[0].keys() | values[1].keys()
    found = {tag for tag in both if values[0].get(tag) != values[1].get(tag)}
    return {tag for tag in found if little or before[tag].VR not in WORDS}


def shown(data_set: Dataset) -> Any:
    try:
        return data_set.pixel_array
    except Exception:  # noqa: BLE001 what pydicom cannot decode at the source either
        return None


@pytest.mark.parametrize("wanted", [JPEG_LS, HTJ2K, PLAIN], ids=["jpeg-ls", "htj2k", "uncompressed"])
async def test_every_file_at_hand_comes_out_with_its_pixels_and_values(
    wanted: tuple[str, ...], spool: Spool, tmp_path: Path
) -> None:
    done = 0
    for found in found_studies():
        for instance, path in found.files:
            data = await made(instance, path, wanted, spool)
            if data is not None:
                decodable = shown(pydicom.dcmread(path, force=True)) is not None
                compared(path, data, tmp_path / "made", pixels=decodable)
                done += 1
    assert done >= 60
    assert list(spool.path(".").iterdir()) == []


@pytest.mark.parametrize("wanted", [JPEG_LS, HTJ2K])
async def test_synthetic_studies_shrink_and_stay_the_same(
    wanted: tuple[str, ...], spool: Spool, tmp_path: Path
) -> None:
    write_ct(tmp_path / "ct", slices=3, seed=1)
    write_ankle(tmp_path)
    for found in gathered(sorted(path for path in tmp_path.rglob("*") if path.is_file())):
        for instance, path in found.files:
            data = await made(instance, path, wanted, spool)
            assert data is not None
            assert len(data) < path.stat().st_size / 2
            compared(path, data, tmp_path / "made")


async def test_dcmtk_decodes_our_jpeg_ls_to_the_same_pixels(spool: Spool, tmp_path: Path) -> None:
    for name in ("693_UNCI.dcm", "MR2_UNCR.dcm", "RG1_UNCR.dcm"):
        [(instance, path)] = one_file(next(REAL.rglob(name))).files
        data = await made(instance, path, JPEG_LS, spool)
        (tmp_path / "made").write_bytes(data or b"")
        run("/usr/bin/dcmdjpls", tmp_path / "made", tmp_path / "plain")
        assert np.array_equal(pydicom.dcmread(path).pixel_array, pydicom.dcmread(tmp_path / "plain").pixel_array)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "examples_palette.dcm"])
async def test_the_new_file_satisfies_dcmdump_and_keeps_its_uid(name: str, spool: Spool, tmp_path: Path) -> None:
    [(instance, path)] = one_file(BUNDLED / name).files
    (tmp_path / "made").write_bytes(await made(instance, path, JPEG_LS, spool) or b"")
    run("/usr/bin/dcmdump", "-q", tmp_path / "made")
    meta = pydicom.dcmread(tmp_path / "made").file_meta
    assert meta.TransferSyntaxUID == JPEGLSLossless
    assert meta.MediaStorageSOPInstanceUID == instance.sop_instance_uid


@pytest.mark.parametrize(
    "name",
    ["color-px.dcm", "MR_small_RLE.dcm", "rtdose.dcm", "liver.dcm", "rtplan.dcm", "MR_truncated.dcm"],
    ids=["colour", "compressed already", "32 bits", "one bit", "no picture", "cut short"],
)
async def test_what_does_not_suit_stays_as_it_is_stored(name: str, spool: Spool) -> None:
    [(instance, path)] = one_file(BUNDLED / name).files if (BUNDLED / name).exists() else one_file(_real(name)).files
    assert await made(instance, path, JPEG_LS, spool) is None
    assert list(spool.path(".").iterdir()) == []


def _real(name: str) -> Path:
    return next(REAL.rglob(name))


def changed(path: Path, to: Path, **values: Any) -> tuple[Instance, Path]:
    data_set = pydicom.dcmread(path)
    for name, value in values.items():
        setattr(data_set, name, value)
    data_set.save_as(to)
    return one_file(to).files[0]


async def test_bits_beside_the_stored_ones_are_never_lost(spool: Spool, tmp_path: Path) -> None:
    """Hazard: an overlay hidden in the unused bits of the cells vanishes on the way."""
    cells = pydicom.dcmread(BUNDLED / "MR_small.dcm").pixel_array.astype("<u2")
    cells &= 0x0FFF
    cells[5, 5] |= 0x8000
    hidden = changed(
        BUNDLED / "MR_small.dcm", tmp_path / "hidden", PixelData=cells.tobytes(), BitsStored=12, HighBit=11,
        PixelRepresentation=0,
    )  # fmt: skip
    assert await made(*hidden, JPEG_LS, spool) is None


async def test_noise_that_does_not_shrink_stays(spool: Spool, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 1 << 16, (64, 64), np.uint16)
    values = {"PixelRepresentation": 0, "BitsStored": 16, "HighBit": 15}
    file = changed(BUNDLED / "MR_small.dcm", tmp_path / "noise", PixelData=noise.tobytes(), **values)
    assert await made(*file, JPEG_LS, spool) is None


async def test_an_encoder_that_errs_is_caught(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hazard: a bug in an encoder changes pixels that somebody then treats by."""
    right = lossless._ENCODERS[JPEGLSLossless]

    def wrong(values: Any, module: Any) -> bytes:
        other = values.copy()
        other[3, 3] ^= 1
        return right(other, module)

    monkeypatch.setitem(lossless._ENCODERS, JPEGLSLossless, wrong)
    [(instance, path)] = one_file(BUNDLED / "CT_small.dcm").files
    assert await made(instance, path, JPEG_LS, spool) is None


async def test_a_signed_data_set_stays_as_it_was_signed(spool: Spool, tmp_path: Path) -> None:
    data = (BUNDLED / "CT_small.dcm").read_bytes() + b"\xfa\xff\xfa\xffSQ\0\0\0\0\0\0"
    (tmp_path / "signed").write_bytes(data)
    [(instance, path)] = one_file(tmp_path / "signed").files
    assert await made(instance, path, JPEG_LS, spool) is None


def many_frames(path: Path, count: int) -> tuple[Instance, Path]:
    """Odd numbers of pixels, so that frames are padded."""
    frames = np.random.default_rng(2).integers(0, 900, (count, 65, 63), np.uint16)
    values = {"Rows": 65, "Columns": 63, "NumberOfFrames": count, "BitsStored": 10, "HighBit": 9}
    return changed(BUNDLED / "MR_small.dcm", path, PixelData=frames.tobytes(), PixelRepresentation=0, **values)


@pytest.mark.parametrize("wanted", [JPEG_LS, HTJ2K])
async def test_frames_are_found_by_the_offset_table_and_pieces_add_up(
    wanted: tuple[str, ...], spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "AT_ONCE", 3 * 65 * 63 * 2)
    monkeypatch.setattr("delivery.aside._IN_MEMORY", 20_000)
    instance, path = many_frames(tmp_path / "many", 20)
    asked = []

    async def counted(plan: RecodePlan) -> Recoded:
        asked.append(plan.first)
        return recode(plan)

    found = await rewritten(instance, path, wanted, counted, spool)
    assert found is not None
    assert asked == [0, 3, 6, 9, 12, 15, 18]
    assert len(list(spool.path(".").iterdir())) == 1  # what does not fit into memory waits encrypted
    compared(path, b"".join(found.pieces()), tmp_path / "made")
    found.discard()
    assert list(spool.path(".").iterdir()) == []


async def test_uncompressed_again_is_the_original(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "AT_ONCE", 3 * 65 * 63 * 2)
    instance, path = many_frames(tmp_path / "many", 20)
    (tmp_path / "made").write_bytes(await made(instance, path, JPEG_LS, spool) or b"")
    [(_, small)] = one_file(tmp_path / "made").files
    again = await made(replace(instance, transfer_syntax_uid=JPEG_LS[0]), small, PLAIN, spool)
    assert again is not None
    (tmp_path / "again").write_bytes(again)
    assert pydicom.dcmread(tmp_path / "again").PixelData == pydicom.dcmread(path).PixelData


async def test_a_document_in_implicit_vr_becomes_explicit(spool: Spool, tmp_path: Path) -> None:
    [(instance, path)] = one_file(BUNDLED / "rtplan.dcm").files
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    data = await made(instance, path, PLAIN, spool)
    assert data is not None
    compared(path, data, tmp_path / "made")


async def test_a_file_that_is_explicit_already_is_not_touched(spool: Spool) -> None:
    [(instance, path)] = one_file(BUNDLED / "CT_small.dcm").files
    assert await made(instance, path, PLAIN, spool) is None


async def test_what_was_begun_leaves_nothing_when_it_fails_or_is_called_off(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "AT_ONCE", 3 * 65 * 63 * 2)
    monkeypatch.setattr("delivery.aside._IN_MEMORY", 1)
    instance, path = many_frames(tmp_path / "many", 20)
    for error in (CannotShow("it hangs", "P20"), asyncio.CancelledError()):

        async def fails(plan: RecodePlan, error: BaseException = error) -> Recoded:
            if plan.first > 8:
                raise error
            return recode(plan)

        if isinstance(error, CannotShow):
            assert await rewritten(instance, path, JPEG_LS, fails, spool) is None
        else:
            with pytest.raises(asyncio.CancelledError):
                await rewritten(instance, path, JPEG_LS, fails, spool)
        assert list(spool.path(".").iterdir()) == []
    assert spool.room == min(spool.room, 1 << 30)


def test_what_waits_is_the_same_each_time_and_encrypted(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.aside._IN_MEMORY", 10)
    aside = Aside(spool)
    for piece in (b"first one ", b"second", b"third"):
        aside.append(piece)
    aside.close()
    assert b"".join(aside) == b"".join(aside) == b"first one secondthird"
    [file] = spool.path(".").iterdir()
    assert b"second" not in file.read_bytes()
    made = Rewritten(JPEG_LS[0], b"<", aside, b">")
    assert b"".join(made.pieces()) == b"<first one secondthird>"
    made.discard()
    made.discard()
    assert not file.exists()
