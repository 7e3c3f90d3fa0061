from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from config.errors import TryLater
from delivery.errors import Damaged, SpoolAway, SpoolFull
from delivery.spool import CHUNK, Spool, open_sealed

if TYPE_CHECKING:
    from pathlib import Path

    from delivery.sealed import SealedFile


def plaintext(spool: Spool, sealed: SealedFile) -> bytes:
    return b"".join(spool.open_sealed(sealed))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
def test_what_was_sealed_comes_out_again(spool: Spool, size: int) -> None:
    data = os.urandom(size)
    sealed = spool.seal_bytes(data)
    assert sealed.size == size == spool.path(sealed.name).stat().st_size
    assert plaintext(spool, sealed) == data


def test_pieces_of_any_length_make_the_same_file(spool: Spool) -> None:
    data = os.urandom(2 * CHUNK + 77)
    with spool.seal() as sink:
        at = 0
        for length in (0, 1, 29, CHUNK, 5, CHUNK, 10**9):
            sink.write(data[at : at + length])
            at += length
        sealed = sink.close()
    assert plaintext(spool, sealed) == data


def test_openssl_opens_what_we_sealed(spool: Spool) -> None:
    data = os.urandom(100_003)
    sealed = spool.seal_bytes(data)
    command = ["openssl", "enc", "-d", "-aes-256-ctr", "-K", sealed.key.hex(), "-iv", sealed.iv.hex()]
    done = subprocess.run([*command, "-in", spool.path(sealed.name)], capture_output=True, check=True)
    assert done.stdout == data


def test_sha256sum_agrees_about_the_ciphertext(spool: Spool) -> None:
    sealed = spool.seal_bytes(os.urandom(3_000_000))
    done = subprocess.run(["sha256sum", spool.path(sealed.name)], capture_output=True, check=True, text=True)
    assert done.stdout.split()[0] == sealed.sha256.hex()


def test_every_file_has_its_own_key_and_its_counter_starts_at_zero(spool: Spool) -> None:
    files = [spool.seal_bytes(b"same") for _ in range(20)]
    assert len({one.key for one in files}) == len({one.iv for one in files}) == 20
    assert all(len(one.key) == 32 and len(one.iv) == 16 and one.iv[8:] == bytes(8) for one in files)


def test_a_sealed_file_shows_no_key_in_logs(spool: Spool) -> None:
    sealed = spool.seal_bytes(b"picture")
    assert str(sealed.key) not in repr(sealed)
    assert "key" not in repr(sealed)


def test_nobody_else_can_read_the_spool(spool: Spool) -> None:
    sealed = spool.seal_bytes(b"picture")
    assert spool.path(sealed.name).stat().st_mode & 0o777 == 0o600
    assert spool.path(".").stat().st_mode & 0o777 == 0o700


def test_no_plaintext_reaches_the_disk(spool: Spool, tmp_path: Path) -> None:
    planted = b"ZZPLANTED^PATIENT"
    sealed = spool.seal_bytes(planted * 100_000)
    with spool.seal() as sink:
        sink.write(planted * 100_000)
        on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert len(on_disk) > sealed.size
        assert planted not in on_disk


def test_a_sink_left_by_an_error_takes_its_file_along(spool: Spool) -> None:
    room = spool.room
    with pytest.raises(KeyError), spool.seal() as sink:
        sink.write(bytes(5 * CHUNK))
        raise KeyError
    assert list(spool.path(".").iterdir()) == []
    assert spool.room <= room + 10 * CHUNK


def test_a_sink_that_was_not_closed_leaves_nothing(spool: Spool) -> None:
    with spool.seal() as sink:
        sink.write(bytes(CHUNK))
    assert list(spool.path(".").iterdir()) == []


def test_a_closed_sink_takes_no_more(spool: Spool) -> None:
    with spool.seal() as sink:
        sink.write(b"one")
        sink.close()
        with pytest.raises(ValueError, match="closed"):
            sink.write(bytes(CHUNK))


def test_the_quota_refuses_with_a_sentence_and_leaves_no_partial_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", quota=3 * CHUNK)
    kept = spool.seal_bytes(bytes(CHUNK))
    with pytest.raises(SpoolFull) as refused:
        spool.seal_bytes(bytes(3 * CHUNK))
    assert isinstance(refused.value, TryLater)
    assert str(refused.value).endswith("[D01]")
    assert [path.name for path in spool.path(".").iterdir()] == [kept.name]


def test_discarded_files_and_failed_ones_give_their_room_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", quota=3 * CHUNK)
    for _ in range(5):
        with pytest.raises(SpoolFull):
            spool.seal_bytes(bytes(4 * CHUNK))
        sealed = spool.seal_bytes(bytes(3 * CHUNK))
        assert spool.room == 0
        spool.discard(sealed.name)
        spool.discard(sealed.name)
        assert spool.room == 3 * CHUNK


def test_what_an_earlier_run_left_counts_against_the_quota(tmp_path: Path) -> None:
    Spool(tmp_path / "spool", quota=2 * CHUNK).seal_bytes(bytes(CHUNK))
    with pytest.raises(SpoolFull):
        Spool(tmp_path / "spool", quota=2 * CHUNK).seal_bytes(bytes(2 * CHUNK))


def test_threads_together_stay_within_the_quota(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", quota=5 * CHUNK)
    outcomes: list[bool] = []

    def seal() -> None:
        try:
            spool.seal_bytes(bytes(CHUNK))
        except SpoolFull:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=seal) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True] * 5
    assert sum(path.stat().st_size for path in spool.path(".").iterdir()) == 5 * CHUNK


def test_a_full_disk_refuses_with_a_sentence_and_leaves_no_partial_file(tmp_path: Path) -> None:
    """A real limit of the kernel (RLIMIT_FSIZE), in a process of its own, stands for the disk that is full."""
    script = f"""
        import os, resource, pathlib
        from delivery.spool import Spool, SpoolFull
        spool = Spool(pathlib.Path({str(tmp_path / "spool")!r}), 1 << 30)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
        before = spool.room
        try:
            spool.seal_bytes(bytes(10_000_000))
        except SpoolFull as full:
            print(full.code, os.listdir(spool.path(".")))
        print(len(spool.seal_bytes(bytes(1000)).key))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["D02 []", "32"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tiny file system needs root")
def test_no_space_left_on_a_real_small_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    try:
        spool = Spool(disk / "spool", quota=1 << 30)
        with pytest.raises(SpoolFull) as full:
            spool.seal_bytes(bytes(5_000_000))
        assert full.value.code == "D02"
        assert list(spool.path(".").iterdir()) == []
        assert spool.seal_bytes(bytes(1_000_000)).size == 1_000_000
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_spool_that_went_away_says_so_without_its_path(spool: Spool) -> None:
    spool.path(".").rmdir()
    with pytest.raises(SpoolAway) as away, spool.seal():
        pass
    assert str(spool.path(".")) not in str(away.value)
    assert away.value.code == "D03"


def test_orphans_of_a_crash_are_swept_and_what_is_known_stays(spool: Spool, tmp_path: Path) -> None:
    known = spool.seal_bytes(b"known")
    script = f"""
        import os, signal, pathlib
        from delivery.spool import Spool
        with Spool(pathlib.Path({str(tmp_path / "spool")!r}), 1 << 30).seal() as sink:
            sink.write(bytes(3_000_000))
            os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    after = Spool(tmp_path / "spool", 1 << 30)
    assert len(after.sweep({known.name})) == 1
    assert [path.name for path in after.path(".").iterdir()] == [known.name]
    assert plaintext(after, known) == b"known"


@pytest.mark.parametrize("damage", ["flipped", "shorter", "longer", "gone"])
def test_a_damaged_file_is_noticed_before_the_first_byte_is_given(spool: Spool, damage: str) -> None:
    sealed = spool.seal_bytes(os.urandom(2 * CHUNK))
    path = spool.path(sealed.name)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    changed = {"flipped": bytes(data), "shorter": bytes(data[:-1]), "longer": path.read_bytes() + b"x"}
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(changed[damage])
    assert not spool.intact(sealed)
    with pytest.raises((Damaged, SpoolAway)):
        next(spool.open_sealed(sealed))


def test_an_undamaged_file_is_intact(spool: Spool) -> None:
    assert spool.intact(spool.seal_bytes(os.urandom(CHUNK + 1)))


def test_another_file_does_not_pass_for_this_one(spool: Spool) -> None:
    one, other = spool.seal_bytes(b"one"), spool.seal_bytes(b"two")
    with pytest.raises(Damaged):
        next(open_sealed(spool.path(other.name), replace(one, name=other.name)))


def test_sealing_holds_no_more_than_its_buffers(spool: Spool) -> None:
    piece = bytes(CHUNK)
    with spool.seal() as sink:
        sink.write(piece)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(100):
            sink.write(piece)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096
