"""`carrierbag demo` as a stranger runs it, on the files that pydicom ships: every transfer syntax, broken ones too."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
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
    sources = [one for path in FILES.rglob("*") if (one := _image(path))]
    missing = [one.SOPInstanceUID for one in sources if not any(_same_pixels(one, other) for other in delivered)]
    assert not missing
    named = "\n".join(result["words"])
    assert "1.2.276.0.7230010.3.1.4.1787205428.166.1117461927.10" not in named  # a structured report has a page
    assert "1.2.826.0.1.3680043.8.498.2010020400001" in named  # a structure set


def _delivered(parcel: Path) -> list[pydicom.Dataset]:
    with zipfile.ZipFile(parcel) as archive:
        files = [archive.read(name) for name in archive.namelist() if name.startswith("DICOM/")]
    return [pydicom.dcmread(io.BytesIO(one), force=True) for one in files]


def _image(path: Path) -> pydicom.Dataset | None:
    """None for what is no image, or cannot be read whole."""
    with contextlib.suppress(Exception):  # whatever ails it
        dataset = pydicom.dcmread(path)
        if dataset.SOPInstanceUID and dataset.PixelData:
            return dataset
    return None


def _same_pixels(one: pydicom.Dataset, other: pydicom.Dataset) -> bool:
    """As they are stored, or decoded where they were compressed for the journey."""
    if one.SOPInstanceUID != other.get("SOPInstanceUID"):
        return False
    if one.file_meta.TransferSyntaxUID == other.file_meta.TransferSyntaxUID:
        return bool(one.PixelData == other.get("PixelData"))
    try:
        return bool(np.array_equal(one.pixel_array, other.pixel_array))
    except (RuntimeError, ValueError):  # JPEG lossless, broken headers: tests/delivery/test_transcode.py judges those
        return bool((one.Rows, one.Columns) == (other.Rows, other.Columns))
