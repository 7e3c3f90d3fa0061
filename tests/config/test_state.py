from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from config.errors import Bug, NotAllowed
from config.state import FieldCipher, StateDirectory, write_private

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path / "state")
    directory.prepare()
    return directory


def elsewhere(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path / "state", tmp_path / "usb.key")
    directory.prepare()
    return directory


def test_a_field_opens_only_where_it_was_sealed() -> None:
    cipher = FieldCipher(bytes(32))
    sealed = cipher.seal(b"Wensleydale", "shares/1/note")
    assert cipher.open(sealed, "shares/1/note") == b"Wensleydale"
    with pytest.raises(Bug, match="shares"):
        cipher.open(sealed, "shares/2/note")
    with pytest.raises(Bug):
        FieldCipher(bytes([1]) * 32).open(sealed, "shares/1/note")


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(28), bytes(500)])
def test_bytes_that_were_never_sealed_are_a_bug_and_nothing_else(sealed: bytes) -> None:
    with pytest.raises(Bug):
        FieldCipher(bytes(32)).open(sealed, "shares/1/note")


def test_a_blind_index_depends_on_value_place_and_key() -> None:
    cipher = FieldCipher(bytes(32))
    digests = {
        cipher.blind("a", "p"),
        cipher.blind("b", "p"),
        cipher.blind("a", "q"),
        FieldCipher(b"x" * 32).blind("a", "p"),
    }
    assert len(digests) == 4
    assert cipher.blind("a", "p") in digests


def test_everything_is_the_bots_own(state: StateDirectory) -> None:
    os.umask(0o022)
    state.key("fields")
    assert state.root.stat().st_mode & 0o777 == 0o700
    assert (state.root / "keys").stat().st_mode & 0o777 == 0o700
    assert (state.root / "keys" / "fields").stat().st_mode & 0o777 == 0o600
    assert state.file("x").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_others_can_read_is_refused(state: StateDirectory) -> None:
    state.root.chmod(0o750)
    with pytest.raises(NotAllowed, match="chmod 700"):
        state.prepare()


def test_a_key_is_random_made_once_and_never_changed(state: StateDirectory) -> None:
    assert state.key("a") == state.key("a") != state.key("b")
    assert len(state.key("a")) == 32


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_refused(state: StateDirectory, damage: bytes) -> None:
    state.key("a")
    (state.root / "keys" / "a").write_bytes(damage)
    with pytest.raises(NotAllowed, match="damaged"):
        state.key("a")


def test_a_key_that_others_can_read_is_refused(state: StateDirectory) -> None:
    state.key("a")
    (state.root / "keys" / "a").chmod(0o644)
    with pytest.raises(NotAllowed, match="chmod 600"):
        state.key("a")


def test_with_a_key_file_no_key_lies_in_the_state_directory(tmp_path: Path) -> None:
    """Threat: the state directory is stolen, the key file is not."""
    state = elsewhere(tmp_path)
    keys = [state.key("a"), state.key("b"), (tmp_path / "usb.key").read_bytes()]
    assert len(set(keys)) == 3
    assert elsewhere(tmp_path).key("a") == keys[0]
    everything = b"".join(file.read_bytes() for file in state.root.rglob("*") if file.is_file())
    assert not any(key in everything for key in keys)
    assert (tmp_path / "usb.key").stat().st_mode & 0o777 == 0o600


def test_a_missing_key_file_is_not_made_anew_once_it_was_used(tmp_path: Path) -> None:
    elsewhere(tmp_path).key("a")
    (tmp_path / "usb.key").unlink()
    with pytest.raises(NotAllowed, match="missing"):
        elsewhere(tmp_path).key("a")
    assert not (tmp_path / "usb.key").exists()


def test_another_bots_key_file_is_refused(tmp_path: Path) -> None:
    elsewhere(tmp_path).key("a")
    write_private(tmp_path / "usb.key", b"z" * 32)
    with pytest.raises(NotAllowed, match="is not the one"):
        elsewhere(tmp_path).key("a")


def test_one_process_per_directory(state: StateDirectory) -> None:
    with state.locked(), pytest.raises(NotAllowed, match="Another carrierbag"), StateDirectory(state.root).locked():
        pass
    with StateDirectory(state.root).locked():
        pass


def test_the_lock_goes_with_its_process(state: StateDirectory) -> None:
    child = os.fork()
    if child == 0:
        with state.locked():
            os._exit(0)
    os.waitpid(child, 0)
    with state.locked():
        pass


def test_a_private_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "seed"
    write_private(path, b"old")
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["seed"]
