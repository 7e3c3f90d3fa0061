"""A spool, and studies made of files that other people's scanners wrote."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from delivery.spool import Spool
from tests.delivery.material import found_studies, opened, packed

if TYPE_CHECKING:
    from pathlib import Path

    from delivery.parcel import Parcel
    from tests.delivery.material import Found


@dataclass(frozen=True)
class Received:
    """A study as sent, and as a colleague has it: the ZIP, and the folder that it was unpacked to."""

    found: Found
    parcel: Parcel
    zip: Path
    folder: Path


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", quota=1 << 30)


@pytest.fixture(scope="session")
def received(tmp_path_factory: pytest.TempPathFactory) -> list[Received]:
    """Every study among the files at hand, packed, sealed, opened, unpacked."""
    root = tmp_path_factory.mktemp("received")
    spool = Spool(root / "spool", quota=1 << 30)
    return [_received(found, spool, root / str(number)) for number, found in enumerate(found_studies())]


def _received(found: Found, spool: Spool, folder: Path) -> Received:
    folder.mkdir()
    parcel = packed(found, spool)
    path = opened(parcel, spool, folder / "DICOM.ZIP")
    spool.discard(parcel.sealed.name)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "unpacked")
    return Received(found, parcel, path, folder / "unpacked")
