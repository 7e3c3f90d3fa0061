from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.state import FieldCipher
from studies.sources.folder import FolderSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CIPHER = FieldCipher(b"k" * 32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that a source looks at."""
    path = tmp_path / "studies"
    path.mkdir()
    return path


@pytest.fixture
async def source(root: Path, tmp_path: Path) -> AsyncIterator[FolderSource]:
    """A source over `root`, looked at again by each search."""
    one = FolderSource("Disc", root, tmp_path / "index.db", CIPHER)
    await one.open()
    yield one
    await one.close()


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is what a test cannot wait for: every search scans."""
    monkeypatch.setattr("studies.sources.folder.FRESH", -1.0)
