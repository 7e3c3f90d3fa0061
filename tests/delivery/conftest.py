"""A spool, and studies made of files that other people's scanners wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from delivery.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", quota=1 << 30)
