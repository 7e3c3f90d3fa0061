"""What a preview must say of itself: that pixels were lost before it came to us, that its colours are not exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rendering.notes import Origin, lossy_note, notes
from rendering.preview import PreviewPlan, Tile, render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

GREY = np.arange(4096, dtype=np.uint16).reshape(64, 64)
COLOUR = np.zeros((64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({}, ""),
        ({"LossyImageCompression": "00", "LossyImageCompressionRatio": 12}, ""),
        ({"LossyImageCompression": "01"}, "lossy"),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": 12.4}, "lossy 12:1"),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": [3, 12.4]}, "lossy 12:1"),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": [0, 1e9]}, "lossy"),
    ],
)
def test_loss_is_burnt_in_and_read_out_even_if_the_file_is_no_longer_compressed(
    attributes: dict[str, Any], said: str, image: Callable[..., Dataset], written: Callable[[Dataset], Path]
) -> None:
    preview = render(PreviewPlan("view/1", (Tile(written(image(GREY, **attributes))),), "Ankle", "An ankle."))
    assert preview.caption == (f"Ankle · {said}" if said else "Ankle")
    assert preview.alt_text == (f"An ankle. Compressed with loss ({said})." if said else "An ankle.")


@pytest.mark.parametrize(
    ("pixels", "attributes", "said"),
    [
        (COLOUR, {"ICCProfile": b"\0" * 4}, True),
        (COLOUR, {"ICCProfile": b"\0" * 4, "ColorSpace": "SRGB"}, False),
        (COLOUR, {}, False),
        (GREY, {"ICCProfile": b"\0" * 4}, False),
    ],
)
def test_a_colour_profile_that_is_not_applied_is_said(
    *, pixels: Any, attributes: dict[str, Any], said: bool, image: Callable[..., Dataset], written: Any
) -> None:
    preview = render(PreviewPlan("view/1", (Tile(written(image(pixels, **attributes))),)))
    assert ("colour profile is not applied" in preview.alt_text) == said


def test_a_sheet_says_the_worst_of_its_tiles() -> None:
    assert lossy_note([Origin(), Origin(lossy=True, ratio=8.2), Origin(lossy=True, ratio=14)]) == "lossy up to 14:1"
    assert lossy_note([Origin(lossy=True, ratio=8.2), Origin(lossy=True, ratio=7.9)]) == "lossy 8:1"
    assert notes([Origin(), Origin()]) == ()
