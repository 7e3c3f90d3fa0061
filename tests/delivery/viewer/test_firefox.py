"""The same page in Firefox, whose rules for pages from folders are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLSLossless

from rendering.frame import read_frame
from rendering.window import Window
from tests.browser.browser import Browser
from tests.delivery.material import BUNDLED, one_file
from tests.delivery.viewer.conftest import NOTE, Screen, bagged
from tests.delivery.viewer.test_page import drag, place
from tests.delivery.viewer.test_pixels import difference, expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.delivery.viewer.conftest import Bag


@pytest.fixture(scope="module")
def firefox() -> Iterator[Browser]:
    started = Browser("firefox")
    yield started
    started.close()


def test_a_radiograph_opens_with_its_levels_and_its_note(firefox: Browser, ankle: Bag) -> None:
    screen = Screen(firefox, ankle.page)
    frame = read_frame(ankle.found.files[0][1])
    assert difference(screen, expected(frame)) <= 1
    screen.run("viewer.pane.setWindow(1500, 300)")
    assert difference(screen, expected(frame, Window(1500, 300))) <= 1
    screen.press("n")
    firefox.wait("document.querySelector('.panel article')")
    assert NOTE.text in screen.text(".panel")
    assert firefox.requests == firefox.complaints == []


def test_a_stack_is_scrolled_and_measured(firefox: Browser, ct: Bag) -> None:
    screen = Screen(firefox, ct.page)
    screen.press("PageDown", "ArrowDown")
    assert screen.index == 11
    screen.press("l")
    drag(screen, place(screen, 60, 60), place(screen, 160, 60))
    [told] = screen.marks
    assert abs(float(told.removesuffix(" mm")) - 100 * 400 / 256) <= 0.8


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (JPEGLSLossless, lambda pixels: imagecodecs.jpegls_encode(pixels.view(np.uint16))),
        (JPEG2000Lossless, lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True)),
        (HTJ2KLossless, lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True)),
    ],
    ids=["JPEG-LS", "JPEG 2000", "HTJ2K"],
)
def test_dropped_files_are_decoded_by_webassembly(
    firefox: Browser, tmp_path: Path, syntax: str, encode: Callable[[np.ndarray], bytes]
) -> None:
    dataset = pydicom.dcmread(BUNDLED / "MR_small.dcm")
    dataset.PixelData = encapsulate([encode(dataset.pixel_array)])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / "one.dcm")
    bag = bagged(one_file(tmp_path / "one.dcm"), tmp_path / "bag")
    screen = Screen(firefox, bag.page)
    firefox.ask("viewer.picker.removeAttribute('webkitdirectory')")
    firefox.call("choose", "input[type=file]", str(bag.folder / "DICOM/S00001/I00001"))
    firefox.wait("viewer.value.textContent.includes('every pixel')")
    screen.settled()
    assert screen.lacking == ""
    assert difference(screen, expected(read_frame(tmp_path / "one.dcm"))) <= 1
    assert firefox.complaints == []
