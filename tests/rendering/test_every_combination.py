"""Every layout of cells x modality x window x polarity, pixel by pixel against dcmtk. Guards the wrong polarity."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rendering.frame import read_frame
from rendering.montage import shown
from tests.rendering.judge import difference, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

EDGE = 64
POLARITIES: dict[str, dict[str, str]] = {
    "MONOCHROME2": {},
    "MONOCHROME1": {"PhotometricInterpretation": "MONOCHROME1"},
    "MONOCHROME2 INVERSE": {"PresentationLUTShape": "INVERSE"},
    "MONOCHROME1 INVERSE": {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    "MONOCHROME1 IDENTITY": {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "IDENTITY"},
}
#: Whole ones: dcmtk keeps modality values as whole numbers, which C.11.1 does not; see the last test for others.
SLOPES = {"none": None, "Hounsfield": (1, -1024), "negative": (-2, 0)}
FRACTIONS = {"0.37": (0.37, -12.5), "-1.5": (-1.5, 300), "small": (0.001, 0.25)}
#: Parts of the range of modality values: centre, width.
WINDOWS = {"wide": (0.5, 1.2), "narrow": (0.4, 0.05), "fractions": (0.333333, 0.271828)}
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class Cells:
    """How stored values lie in their cells."""

    allocated: int
    stored: int
    high: int
    signed: bool

    def __str__(self) -> str:
        return f"{self.stored} of {self.allocated} bits, high bit {self.high}{', signed' if self.signed else ''}"

    @property
    def values(self) -> np.ndarray[Any, Any]:
        """Evenly spread over all that can be stored, both ends included."""
        low = -(1 << (self.stored - 1)) if self.signed else 0
        return low + np.linspace(0, (1 << self.stored) - 1, EDGE * EDGE).astype(np.int64).reshape(EDGE, EDGE)

    @property
    def packed(self) -> np.ndarray[Any, Any]:
        """As they stand in the file, with rubbish in the unused bits."""
        stored = (self.values & ((1 << self.stored) - 1)) << (self.high + 1 - self.stored)
        used = ((1 << self.stored) - 1) << (self.high + 1 - self.stored)
        rubbish = np.random.default_rng(5).integers(0, 1 << self.allocated, stored.shape) & ~used
        return (stored | rubbish).astype(f"u{self.allocated // 8}")

    @property
    def attributes(self) -> dict[str, int]:
        return {"BitsStored": self.stored, "HighBit": self.high, "PixelRepresentation": int(self.signed)}


LAYOUTS = [
    *(Cells(8, 8, 7, signed) for signed in (False, True)),
    Cells(8, 6, 5, signed=False),
    *(Cells(16, bits, bits - 1, signed) for bits in (10, 12, 16) for signed in (False, True)),
    *(Cells(16, 12, 15, signed) for signed in (False, True)),
    Cells(16, 10, 12, signed=False),
    *(Cells(32, 32, 31, signed) for signed in (False, True)),
    Cells(32, 20, 19, signed=False),
]


def table(cells: Cells, lut: Callable[..., Dataset]) -> Dataset:
    """A modality LUT that bends the whole range of the cells to 12 bits."""
    first = int(cells.values.min())
    entries = (4095 * np.linspace(0, 1, min(1 << cells.stored, 30_000)) ** 0.5).astype(int).tolist()
    item = lut(first, entries, 12)
    item.ModalityLUTType = "US"
    return item


def curve(low: float, high: float, lut: Callable[..., Dataset]) -> Dataset:
    """A VOI LUT over the middle of the modality values from `low` to `high`."""
    count = int(min(4000, max(2, (high - low) * 0.6)))
    return lut(int(low + (high - low) * 0.2), [int(65535 * (value / (count - 1)) ** 2) for value in range(count)], 16)


def transforms(cells: Cells, lut: Callable[..., Dataset]) -> dict[str, tuple[dict[str, Any], float, float]]:
    """Attributes of each modality transformation, and the lowest and highest value that it gives."""
    found: dict[str, tuple[dict[str, Any], float, float]] = {}
    for name, given in SLOPES.items():
        slope, intercept = given or (1, 0)
        low, high = sorted(slope * end + intercept for end in cells.values.flat[[0, -1]])
        # dcmtk computes in 32 bits and wraps beyond them.
        if given is None or cells.stored < 32:
            attributes = {} if given is None else {"RescaleSlope": slope, "RescaleIntercept": intercept}
            found[name] = (attributes, float(low), float(high))
    if cells.allocated <= 16:
        found["table"] = ({"ModalityLUTSequence": [table(cells, lut)]}, 0.0, 4095.0)
    return found


def windows(low: float, high: float, lut: Callable[..., Dataset]) -> Any:
    """Name, attributes, and what dcmtk must be told."""
    for (name, (centre, width)), function in product(WINDOWS.items(), FUNCTIONS):
        c, w = round(low + centre * (high - low), 2), round(max(2.0, width * (high - low)), 2)
        given = {"WindowCenter": f"{c:.12g}", "WindowWidth": f"{w:.12g}", "VOILUTFunction": function}
        # dcmtk does not know LINEAR_EXACT; this is the same as LINEAR (C.11.2.1.2.1 and C.11.2.1.3.2).
        options = ["+Ww", f"{c + 0.5:.12g}", f"{w + 1:.12g}"] if function == "LINEAR_EXACT" else ["+Wi", "1"]
        yield f"{name} {function}", given, [*options, *(["+Wfs"] if function == "SIGMOID" else [])]
    if -32_768 <= low + (high - low) * 0.2 < 32_768:
        yield "table", {"VOILUTSequence": [curve(low, high, lut)]}, ["+Wl", "1"]


@pytest.mark.parametrize("cells", LAYOUTS, ids=str)
def test_every_combination_is_what_dcmtk_shows(
    cells: Cells, image: Callable[..., Dataset], lut: Callable[..., Dataset], tmp_path: Path
) -> None:
    files = {}
    for modality, (transform, low, high) in transforms(cells, lut).items():
        for (window, given, options), (polarity, shape) in product(windows(low, high, lut), POLARITIES.items()):
            name, path = f"{modality}, {window}, {polarity}", tmp_path / f"{len(files)}.dcm"
            image(cells.packed, **cells.attributes, **transform, **given, **shape).save_as(path)
            files[name] = (path, options)
    theirs = verdicts(files, tmp_path / "judged", dictionary=False)
    assert theirs.keys() == files.keys()
    found = {name: difference(np.asarray(shown(read_frame(path))), theirs[name]) for name, (path, _) in files.items()}
    assert {name: levels for name, levels in found.items() if levels > 1} == {}


def by_the_standard(values: np.ndarray[Any, Any], centre: float, width: float, function: str) -> Any:
    """C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2 from 0 to 255."""
    if function == "SIGMOID":
        return 255 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    exact = function == "LINEAR_EXACT"
    middle, span = (centre, width) if exact else (centre - 0.5, width - 1)
    return (255 * ((values - middle) / span + 0.5)).clip(0, 255)


@pytest.mark.parametrize("cells", LAYOUTS, ids=str)
@pytest.mark.parametrize(("slope", "intercept"), FRACTIONS.values(), ids=FRACTIONS)
def test_slopes_of_fractions_are_the_formula_of_the_standard(
    cells: Cells, slope: float, intercept: float, image: Callable[..., Dataset], tmp_path: Path
) -> None:
    """dcmtk cuts the fractions off: many levels where the window is narrow. By C.11.1 they count."""
    values = cells.values * slope + intercept
    low, high = float(values.min()), float(values.max())
    for (centre, part), function in product(WINDOWS.values(), FUNCTIONS):
        window = low + centre * (high - low), max(1.5, part * (high - low))
        path = tmp_path / "image.dcm"
        given = dict(zip(("WindowCenter", "WindowWidth"), (f"{one:.14g}"[:16] for one in window), strict=True))
        transform = {"RescaleSlope": slope, "RescaleIntercept": intercept, "VOILUTFunction": function}
        image(cells.packed, **cells.attributes, **transform, **given).save_as(path)
        expected = by_the_standard(values, float(given["WindowCenter"]), float(given["WindowWidth"]), function)
        assert np.abs(np.asarray(shown(read_frame(path))) - expected).max() <= 0.501
