from __future__ import annotations

import io
import subprocess
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest

from delivery.archive import END_OVERHEAD, MEMBER_OVERHEAD, Archive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def made(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    archive = Archive(buffer)
    for name, data in members.items():
        archive.add(name, len(data), zlib.crc32(data), [data[:3], data[3:]])
    assert archive.finish() == len(buffer.getvalue())
    return buffer.getvalue()


class Sparse:
    """A file in which long runs of zeros take no room."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb")

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if len(data) > 1 << 20:
            self.file.seek(len(data), io.SEEK_CUR)
        else:
            self.file.write(data)


def test_python_opens_it() -> None:
    members = {"README.TXT": b"hello", "DICOM/S00001/I00001": bytes(1000), "EMPTY": b""}
    with zipfile.ZipFile(io.BytesIO(made(members))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members


def test_unzip_finds_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "made.zip"
    path.write_bytes(made({"A": b"one", "B/C": b"two"}))
    done = subprocess.run(["unzip", "-tq", path], capture_output=True, check=True, text=True)
    assert done.stdout.startswith("No errors detected")


def test_sizes_stand_in_front_of_each_member() -> None:
    """Some unpackers read a ZIP as it comes and refuse stored members whose size follows behind."""
    with zipfile.ZipFile(io.BytesIO(made({"A": b"one"}))) as archive:
        [info] = archive.infolist()
    assert (info.flag_bits, info.compress_type, info.file_size) == (0, zipfile.ZIP_STORED, 3)


def test_the_same_members_make_the_same_bytes() -> None:
    assert made({"A": b"one"}) == made({"A": b"one"})


@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_overheads_are_upper_bounds(count: int) -> None:
    names = [f"DICOM/S00001/I{number:05d}" for number in range(count)]
    length = len(made(dict.fromkeys(names, b"12345")))
    assert length <= sum(5 + 2 * len(name) + MEMBER_OVERHEAD for name in names) + END_OVERHEAD


def test_more_members_than_16_bits_count() -> None:
    count = 70_000
    with zipfile.ZipFile(io.BytesIO(made({str(number): b"" for number in range(count)}))) as archive:
        assert len(archive.namelist()) == count


def test_members_and_offsets_beyond_4_gib(tmp_path: Path) -> None:
    zeros, times = bytes(1 << 30), 5
    crc = 0
    for _ in range(times):
        crc = zlib.crc32(zeros, crc)
    sparse = Sparse(tmp_path / "large.zip")
    archive = Archive(sparse)
    archive.add("LARGE", times << 30, crc, [zeros] * times)
    archive.add("BEHIND", 5, zlib.crc32(b"small"), [b"small"])
    archive.finish()
    sparse.file.close()
    with zipfile.ZipFile(tmp_path / "large.zip") as opened:
        assert opened.read("BEHIND") == b"small"
        assert opened.getinfo("LARGE").file_size == times << 30
        with opened.open("LARGE") as large:
            assert large.read(1 << 20) == bytes(1 << 20)
