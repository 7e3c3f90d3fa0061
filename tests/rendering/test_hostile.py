"""Files that once held a worker up to its deadline end at once, in one sentence. Found by `bench/fuzz.py`."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING

import jpeg_ls
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLSLossless

from rendering.errors import CannotShow
from rendering.preview import PreviewPlan, Tile, render
from tests.rendering.conftest import make_image

if TYPE_CHECKING:
    from pathlib import Path

NOISE = np.random.default_rng(5).integers(0, 4096, (64, 64), dtype=np.uint16)


def refusal(path: Path, *, page: bool = False) -> str:
    with pytest.raises(CannotShow) as caught:
        render(PreviewPlan("view/1", (Tile(path, page=page),)))
    return caught.value.code


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9])
def test_a_jpeg_ls_stream_that_was_cut_off_ends_at_once(tmp_path: Path, share: float) -> None:
    stream = bytes(jpeg_ls.encode(NOISE))
    image = make_image(NOISE, BitsStored=12)
    image.file_meta.TransferSyntaxUID = JPEGLSLossless
    image.PixelData = encapsulate([stream[: int(len(stream) * share) // 2 * 2]])
    image.save_as(tmp_path / "cut.dcm", enforce_file_format=True)
    started = time.monotonic()
    assert refusal(tmp_path / "cut.dcm") in {"P10", "P17"}
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("page", [False, True])
def test_a_header_of_a_million_elements_is_not_read_to_its_end(tmp_path: Path, *, page: bool) -> None:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    zeros = engine.compress(bytes(10_000_000)) + engine.flush()
    uid = DeflatedExplicitVRLittleEndian.encode() + b"\0" * (len(DeflatedExplicitVRLittleEndian) % 2)
    meta = b"\x02\x00\x10\x00UI" + len(uid).to_bytes(2, "little") + uid
    head = b"\x02\x00\x00\x00UL\x04\x00" + len(meta).to_bytes(4, "little") + meta
    (tmp_path / "endless.dcm").write_bytes(bytes(128) + b"DICM" + head + zeros)
    assert refusal(tmp_path / "endless.dcm", page=page) == "P22"
