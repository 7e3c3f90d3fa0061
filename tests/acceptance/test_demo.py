"""`carrierbag demo` as a stranger runs it, on the files that pydicom ships: every transfer syntax, broken ones too."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file

FILES = Path(str(get_testdata_file("CT_small.dcm"))).parent


@pytest.mark.timeout(400)
async def test_every_file_is_shown_or_named_and_delivered_all_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot.cli", "demo", "--once", "--json", "--study", str(FILES)]
    run = await asyncio.to_thread(
        subprocess.run, [*command, "--out", str(tmp_path)], capture_output=True, text=True, check=True, timeout=390
    )
    result = json.loads(run.stdout)
    assert result == json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert {(one["encrypted"], one["readable"], one["shield"]) for one in result["events"]} == {(True, True, "none")}
    assert all(one["verified"] for one in result["parcels"])
    for preview in result["previews"]:
        assert max(preview["width"], preview["height"]) <= 1600
        assert preview["bytes"] <= 500_000
    delivered = [one for parcel in result["parcels"] for one in _delivered(tmp_path / parcel["file"])]
    assert len(delivered) > 150
    sources = [one for path in FILES.rglob("*") if (one := _pixels(path))]
    missing = [uid for uid, pixels in sources if (uid, pixels) not in delivered]
    assert not missing
    named = "\n".join(result["words"])
    assert "1.2.276.0.7230010.3.1.4.1787205428.166.1117461927.10" not in named  # a structured report has a page
    assert "1.2.826.0.1.3680043.8.498.2010020400001" in named  # a structure set


def _delivered(parcel: Path) -> list[tuple[str, Any]]:
    with zipfile.ZipFile(parcel) as archive:
        files = [archive.read(name) for name in archive.namelist() if name.startswith("DICOM/")]
    read = [pydicom.dcmread(io.BytesIO(one), force=True) for one in files]
    return [(str(one.get("SOPInstanceUID")), one.get("PixelData")) for one in read]


def _pixels(path: Path) -> tuple[str, Any] | None:
    """SOP Instance UID and pixel data of an image; None for what is none, or cannot be read whole."""
    try:
        dataset = pydicom.dcmread(path)
        return str(dataset.SOPInstanceUID), dataset.PixelData
    except Exception:  # noqa: BLE001 - whatever ails it
        return None
