from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from delivery.elements import element
from delivery.part10 import IMPLEMENTATION_CLASS_UID, Part10, describe, file_meta
from studies.model import Instance
from tests.delivery.material import BUNDLED, CT_IMAGE, EXPLICIT, REAL, run

if TYPE_CHECKING:
    from pathlib import Path

BIG_ENDIAN, IMPLICIT, JPEG = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.70"
DATA_SET = element(0x00080016, b"UI", CT_IMAGE.encode()) + element(0x00080018, b"UI", b"1.2.3.4")
META = file_meta(CT_IMAGE, "1.2.3.4", EXPLICIT)


def instance(syntax: str = "") -> Instance:
    return Instance("1.2.3.4", CT_IMAGE, syntax)


def delivered(path: Path, one: Instance | None = None) -> tuple[Part10, bytes]:
    with path.open("rb") as source:
        described = describe(source, one or instance())
    file = described.head + path.read_bytes()[described.start :]
    assert len(file) == described.size
    return described, file


def made(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "source"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("start", [b"MZ\x90\0", b"\x7fELF", b"%PDF", b"#!/bin/sh\n", bytes(4)])
def test_a_program_in_the_preamble_is_not_delivered(tmp_path: Path, start: bytes) -> None:
    path = made(tmp_path, start.ljust(128, b"\xcc") + b"DICM" + META + DATA_SET)
    _, file = delivered(path)
    assert file == bytes(128) + path.read_bytes()[128:]


def test_a_whole_file_is_delivered_byte_for_byte_behind_its_preamble() -> None:
    path = BUNDLED / "CT_small.dcm"
    assert path.read_bytes()[:4] == b"II*\0"  # the preamble of a TIFF
    described, file = delivered(path)
    assert file == bytes(128) + path.read_bytes()[128:]
    assert described.transfer_syntax_uid == EXPLICIT


@pytest.mark.parametrize(
    "before",
    [b"", b"DICM", bytes(128) + b"DICM", bytes(128), b"MZ".ljust(128, b"\xcc")],
    ids=["nothing", "magic only", "no fault", "no magic", "program without magic"],
)
def test_meta_information_is_found_wherever_it_begins(tmp_path: Path, before: bytes) -> None:
    _, file = delivered(made(tmp_path, before + META + DATA_SET))
    assert file == bytes(128) + b"DICM" + META + DATA_SET


@pytest.mark.parametrize("before", [b"", b"DICM", bytes(128) + b"DICM", bytes(128)])
def test_a_bare_data_set_gets_meta_information_in_front(tmp_path: Path, before: bytes) -> None:
    described, file = delivered(made(tmp_path, before + DATA_SET))
    assert file.endswith(DATA_SET)
    opened = pydicom.dcmread(io.BytesIO(file))
    assert opened.file_meta.TransferSyntaxUID == EXPLICIT == described.transfer_syntax_uid
    assert opened.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"
    assert opened.file_meta.MediaStorageSOPClassUID == CT_IMAGE
    assert opened.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID


@pytest.mark.parametrize(
    ("path", "known", "expected"),
    [
        (BUNDLED / "ExplVR_BigEndNoMeta.dcm", "", BIG_ENDIAN),
        (BUNDLED / "ExplVR_LitEndNoMeta.dcm", "", EXPLICIT),
        (BUNDLED / "ExplVR_LitEndNoMeta.dcm", IMPLICIT, EXPLICIT),
        (BUNDLED / "rtstruct.dcm", "", IMPLICIT),
        (BUNDLED / "rtstruct.dcm", EXPLICIT, IMPLICIT),
        (BUNDLED / "meta_missing_tsyntax.dcm", "", IMPLICIT),
        (REAL / "OT-PAL-8-face.dcm", "", IMPLICIT),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else value[-5:] or "unknown",
)
def test_files_without_meta_information_get_the_syntax_their_bytes_show(
    path: Path, known: str, expected: str, tmp_path: Path
) -> None:
    described, file = delivered(path, instance(known))
    assert described.transfer_syntax_uid == expected
    assert file.endswith(path.read_bytes()[described.data_set :])
    source, opened = pydicom.dcmread(path, force=True), pydicom.dcmread(io.BytesIO(file))
    assert opened.to_json_dict() == source.to_json_dict()
    run("/usr/bin/dcmdump", "-q", made(tmp_path, file))


def test_a_compressed_syntax_that_the_source_knows_is_believed(tmp_path: Path) -> None:
    described, _ = delivered(made(tmp_path, DATA_SET), instance(JPEG))
    assert described.transfer_syntax_uid == JPEG


@pytest.mark.parametrize("name", ["no_meta_group_length.dcm", "empty_charset_LEI.dcm", "nested_priv_SQ.dcm"])
def test_missing_meta_elements_are_put_in_and_the_others_stay(name: str) -> None:
    path = BUNDLED / name
    _, file = delivered(path)
    source, opened = pydicom.dcmread(path), pydicom.dcmread(io.BytesIO(file))
    assert opened.file_meta.FileMetaInformationGroupLength
    assert opened.file_meta.MediaStorageSOPInstanceUID
    for kept in source.file_meta:
        assert not kept.value or kept.tag == 0x00020000 or opened.file_meta[kept.tag].value == kept.value
    assert opened.to_json_dict() == source.to_json_dict()


def test_private_meta_information_survives_completion(tmp_path: Path) -> None:
    private = element(0x00020100, b"UI", b"1.2.3") + element(0x00020102, b"OB", b"kept")
    syntax = element(0x00020010, b"UI", EXPLICIT.encode())
    _, file = delivered(made(tmp_path, bytes(128) + b"DICM" + syntax + private + DATA_SET))
    assert pydicom.dcmread(io.BytesIO(file)).file_meta.PrivateInformation == b"kept"


def test_meta_information_in_implicit_vr_is_rewritten_as_the_standard_wants(tmp_path: Path) -> None:
    syntax = EXPLICIT.encode() + b"\0"
    meta = struct.pack("<HHI", 2, 0x10, len(syntax)) + syntax
    described, file = delivered(made(tmp_path, bytes(128) + b"DICM" + meta + DATA_SET))
    assert described.transfer_syntax_uid == EXPLICIT
    assert pydicom.dcmread(io.BytesIO(file)).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


@pytest.mark.parametrize("cut", [0, 1, 50, 131, 132, 140, 150, 200, 260, 400])
def test_a_file_that_ends_early_is_delivered_as_far_as_it_goes(tmp_path: Path, cut: int) -> None:
    whole = bytes(128) + b"DICM" + META + DATA_SET
    path = made(tmp_path, whole[:cut])
    described, file = delivered(path)
    assert file.endswith(path.read_bytes()[described.start :])


def test_a_length_that_lies_is_not_read(tmp_path: Path) -> None:
    lie = struct.pack("<HH2sHI", 2, 1, b"OB", 0, 0xFFFFFFF0)
    described, _ = delivered(made(tmp_path, bytes(128) + b"DICM" + lie + DATA_SET))
    assert described.size < 1000
