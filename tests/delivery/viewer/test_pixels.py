"""What the page shows is what the greyscale pipeline says: hazard "the picture looks different over there"."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2KLossless

from rendering.autowindow import windowed
from rendering.frame import read_frame
from rendering.window import Window, levels
from studies.model import Study
from tests.delivery.material import BUNDLED, REAL, Found, gathered
from tests.delivery.viewer.conftest import Screen, bagged

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from rendering.frame import Frame
    from studies.model import Instance, Series
    from tests.browser.browser import Browser
    from tests.delivery.viewer.conftest import Bag


LARGE = 3_000_000
#: What the page leaves to the DICOM viewer: 12-bit lossy JPEG, single bits, rare ways of colour. It says so.
QUICK_ONLY = {
    "JPEG-lossy.dcm",
    "JPGExtended.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "liver.dcm",
    "liver_1frame.dcm",
    "liver_expb.dcm",
    "liver_expb_1frame.dcm",
    "eCT_Supplemental.dcm",
    "gdcm-US-ALOKA-16.dcm",
    "gdcm-US-ALOKA-16_big.dcm",
}


def expected(frame: Frame, window: Window | None = None) -> NDArray[np.uint8]:
    assert frame.grey is not None
    grey = windowed(frame.pixels, frame.grey)
    seen = levels(frame.pixels, replace(grey, voi=window) if window else grey)
    if frame.shutter is not None:
        seen[frame.shutter.covered] = frame.shutter.level
    if frame.graphics is not None:
        seen[frame.graphics] = 255
    return seen


def difference(screen: Screen, right: NDArray[np.uint8]) -> int:
    shown = screen.pixels()
    assert shown.shape[:2] == right.shape[:2]
    colours = right if right.ndim == 3 else right[..., None]
    return int(np.abs(shown.astype(int) - colours).max())


WINDOWS = (None, Window(1500, 300), Window(900, 4000), Window(2000, 1), Window(1000.5, 33.3))


def test_a_radiograph_has_all_its_pixels_and_levels_at_every_window(browser: Browser, ankle: Bag) -> None:
    screen = Screen(browser, ankle.page)
    frame = read_frame(ankle.found.files[0][1])
    for window in WINDOWS:
        if window:
            screen.run(f"viewer.pane.setWindow({window.centre}, {window.width})")
        assert difference(screen, expected(frame, window)) <= 1


def _recompressed(folder: Path) -> list[Path]:
    """A CT, signed, and an MR in High-Throughput JPEG 2000, of which there are none at hand."""
    folder.mkdir()
    paths = []
    for name in ("CT_small.dcm", "MR_small.dcm"):
        dataset = pydicom.dcmread(BUNDLED / name)
        stream = imagecodecs.htj2k_encode(dataset.pixel_array, reversible=True)
        dataset.PixelData = encapsulate([stream])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = HTJ2KLossless
        dataset.save_as(folder / f"HTJ2K_{name}")
        paths.append(folder / f"HTJ2K_{name}")
    return paths


def everything(more: list[Path]) -> Found:
    """A picture of each kind at hand, as if all were one study of many series."""
    paths = [
        path for root in (BUNDLED, REAL) for path in sorted(root.rglob("*.dcm")) if path.stat().st_size < 3_000_000
    ]
    kinds = set()
    series: list[Series] = []
    files: list[tuple[Instance, Path]] = []
    for found in gathered([*more, *paths]):
        of = {instance: one for one in found.study.series for instance in one.instances}
        for instance, path in found.files:
            kind = (instance.transfer_syntax_uid, instance.photometric_interpretation, instance.rows, instance.columns)
            if instance.has_pixels and instance.number_of_frames < 10 and kind not in kinds:
                kinds.add(kind)
                only = replace(instance, copy=len(files))
                series.append(replace(of[instance], instances=(only,)))
                files.append((only, path))
    return Found(Study("1.2.3", series=tuple(series)), tuple(files))


def wrong(screen: Screen, path: Path, *, whole: bool) -> str:
    """How the picture on the screen differs from what the pipeline says, "" if it does not."""
    try:
        frame = read_frame(path)
    except Exception as error:  # noqa: BLE001 these files are broken in every way there is
        return "" if screen.text(".message") else f"shown, but {error!r}"
    if message := screen.text(".message"):
        return f"not shown: {message}"
    lacking = screen.lacking
    if whole and lacking:
        return "" if path.name in QUICK_ONLY else f"quick look only: {lacking}"
    right = frame.pixels if frame.grey is None else expected(frame)
    apart = difference(screen, right)
    # Quick looks of colour are JPEGs, and browsers have their own way with the chrominance of a JPEG.
    allowed = 1 if frame.grey is not None else 16 if whole else 256
    return f"{apart} levels apart" if apart > allowed else ""


def test_every_picture_at_hand_looks_as_the_pipeline_says(browser: Browser, tmp_path: Path) -> None:
    bag = bagged(everything(_recompressed(tmp_path / "recompressed")), tmp_path)
    screen = Screen(browser, bag.page)
    found = {}
    for place, (_, path) in enumerate(bag.found.files):
        screen.run(f"viewer.open(viewer.study.series[{place}])")
        found[path.name] = wrong(screen, path, whole=False)
    assert {name: words for name, words in found.items() if words} == {}
    browser.call("choose", "input[type=file]", str(bag.folder))
    browser.wait("viewer.value.textContent.includes('every pixel')")
    for place, (_, path) in enumerate(bag.found.files):
        screen.run(f"viewer.open(viewer.study.series[{place}])")
        found[path.name] = wrong(screen, path, whole=True)
    assert {name: words for name, words in found.items() if words} == {}
    assert len(found) > 60
    assert browser.requests == browser.complaints == []
