"""An electrocardiogram as on paper, but dark: 25 mm/s, 10 mm/mV, the twelve leads in four columns and a rhythm strip.

PS3.3 A.34.3 to A.34.5, C.10.9. One picture: the first ten seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from rendering.elements import first, number, numbers
from rendering.errors import CannotShow
from rendering.letters import font

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

#: mm of paper for a second and for a millivolt, and pixels of the picture for a mm.
SPEED, GAIN = 25.0, 10.0
PIXELS = 6
#: Of paper, in mm.
ROW, MARGIN, PULSE = 30, 4, 8
LEFT = MARGIN + PULSE
SECONDS = 10.0
#: Letters' size and the foot's height in mm, a trace's width in fine pixels.
_LETTERS, _FOOT, _PEN = 8, 12, 3
#: Beyond the rows of the standard leads: of other recordings so many channels are drawn.
MOST_ROWS = 12
MOST_CHANNELS = 64

_GROUND, _FINE, _COARSE = (8, 6, 8), (38, 24, 28), (78, 44, 50)
_TRACE, _WORDS = (235, 240, 235), (190, 195, 190)
#: Drawn larger and then reduced: smooth lines.
_FINER = 2
#: Samples by WaveformSampleInterpretation (C.10.9.1.5).
_SAMPLES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2"}
#: Millivolts in a unit (UCUM).
_MILLIVOLTS = {"mV": 1.0, "uV": 0.001, "V": 1000.0, "nV": 1e-6}
#: How the twelve leads stand on paper.
GRID = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
RHYTHM = "II"
_RATES = (1.0, 100_000.0)
#: Our own names for the sources of channels: whatever else stands there is typed by somebody.
_LEAD = re.compile(r"(?<![A-Za-z0-9])(III|II|I|aV[RLF]|V[1-9]R?)(?![A-Za-z0-9])", re.IGNORECASE)
_LEADS = {name.upper(): name for row in GRID for name in row}


@dataclass(frozen=True, slots=True)
class Lead:
    """One channel: its name, and millivolts (not a number where nothing was recorded) at `rate` samples a second."""

    name: str
    millivolts: NDArray[np.float64]
    rate: float


def ecg(document: Dataset) -> Image.Image:
    """The picture, RGB, 1,596 pixels wide. Raises `CannotShow` for what is no recording of voltages."""
    channels = leads(document)
    named = {lead.name: lead for lead in channels}
    rows = [[lead] for lead in channels[:MOST_ROWS]]
    if all(name in named for row in GRID for name in row):
        rows = [*([named[name] for name in row] for row in GRID), [named[RHYTHM]]]
    paper = _Paper(len(rows))
    for place, row in enumerate(rows):
        paper.row(row, MARGIN + (place + 0.5) * ROW)
    longer = any(len(lead.millivolts) > SECONDS * lead.rate for lead in channels)
    return paper.done("25 mm/s   10 mm/mV" + (f"   the first {SECONDS:g} s" if longer else ""))


def leads(document: Dataset) -> list[Lead]:
    """The channels of the first group that holds voltages; others may be pressures or sounds. Raises `CannotShow`."""
    for group in document.get("WaveformSequence") or ():
        if channels := list(_channels(group)):
            return channels
    raise CannotShow("it holds no recording that we can draw", "P35")


def _channels(group: Dataset) -> Iterator[Lead]:
    samples, rate = _samples(group), first(numbers(group, "SamplingFrequency") or (0.0,))
    if not _RATES[0] <= rate <= _RATES[1]:
        return
    padding = group.get("WaveformPaddingValue")
    for place, definition in enumerate((group.get("ChannelDefinitionSequence") or ())[: samples.shape[1]]):
        unit = _MILLIVOLTS.get(_code(definition, "ChannelSensitivityUnitsSequence", "CodeValue"), 0.0)
        sensitivity = _one(definition, "ChannelSensitivity", 0.0) * _one(
            definition, "ChannelSensitivityCorrectionFactor", 1.0
        )
        if unit and sensitivity and len(samples):
            values = (samples[:, place] * sensitivity + _one(definition, "ChannelBaseline", 0.0)) * unit
            if isinstance(padding, bytes) and len(padding) >= samples.dtype.itemsize:
                values[samples[:, place] == np.frombuffer(padding, samples.dtype, 1)[0]] = np.nan
            yield Lead(_name(definition, place), values, rate)


def _samples(group: Dataset) -> NDArray[Any]:
    """Samples x channels as stored, of as many whole samples as there are bytes for, and no channel if unreadable."""
    kind = _SAMPLES.get(str(group.get("WaveformSampleInterpretation") or "").strip())
    count, data = number(group, "NumberOfWaveformChannels"), group.get("WaveformData")
    if kind is None or not 0 < count <= MOST_CHANNELS or not isinstance(data, bytes):
        return np.zeros((0, 0))
    cells = np.dtype("<" + kind)
    whole = len(data) // (count * cells.itemsize) * count
    return np.frombuffer(data, cells, whole).reshape(-1, count)


def _name(definition: Dataset, place: int) -> str:
    found = _LEAD.search(_code(definition, "ChannelSourceSequence", "CodeMeaning"))
    return _LEADS.get(found[1].upper(), found[1].upper()) if found else f"channel {place + 1}"


def _code(item: Dataset, sequence: str, keyword: str) -> str:
    found = item.get(sequence)
    return str(found[0].get(keyword) or "") if found else ""


def _one(item: Dataset, keyword: str, default: float) -> float:
    values = numbers(item, keyword)
    return values[0] if values and np.isfinite(values[0]) else default


class _Paper:
    """Coordinates are mm of paper, from the upper left corner."""

    def __init__(self, rows: int) -> None:
        self._unit = PIXELS * _FINER
        self._wide, self._tall = 2 * MARGIN + PULSE + SECONDS * SPEED, 2 * MARGIN + rows * ROW + _FOOT
        self._image = Image.new("RGB", (round(self._wide * self._unit), round(self._tall * self._unit)), _GROUND)
        self._draw = ImageDraw.Draw(self._image)
        for step, colour, width in ((1, _FINE, 1), (5, _COARSE, 2)):
            self._grid(step, colour, width)

    def row(self, shown: Sequence[Lead], middle: float) -> None:
        """The leads of a row, each for its part of the ten seconds, which all began together."""
        self._pulse(middle)
        part = SECONDS / len(shown)
        for place, lead in enumerate(shown):
            left = LEFT + place * part * SPEED
            self._words(lead.name, left + 1, middle - ROW / 2 + 1)
            self._trace(lead, place * part, (place + 1) * part, middle)
            if place:
                self._line([(left, middle - 4), (left, middle - 2)])

    def done(self, foot: str) -> Image.Image:
        self._words(foot, MARGIN, self._tall - MARGIN - _FOOT + 1)
        return self._image.reduce(_FINER)

    def _grid(self, step: int, colour: tuple[int, int, int], width: int) -> None:
        right, bottom = self._image.size
        for at in range(0, right, step * self._unit):
            self._draw.line((at, 0, at, bottom), colour, width)
        for at in range(0, bottom, step * self._unit):
            self._draw.line((0, at, right, at), colour, width)

    def _pulse(self, middle: float) -> None:
        """1 mV for 0.2 s."""
        top, left = middle - GAIN, MARGIN + 1
        corners = [
            (left - 1, middle),
            (left, middle),
            (left, top),
            (left + 5, top),
            (left + 5, middle),
            (left + 6, middle),
        ]
        self._line(corners)

    def _trace(self, lead: Lead, begin: float, end: float, middle: float) -> None:
        start, stop = round(begin * lead.rate), round(end * lead.rate)
        values = lead.millivolts[start:stop]
        across = LEFT + (start + np.arange(len(values))) / lead.rate * SPEED
        # Beyond its row a trace would cross the words and leads of others: it is cut off there, as on paper.
        down = middle - np.clip(values * GAIN, -ROW / 2, ROW / 2)
        known = np.flatnonzero(np.isfinite(down))
        for piece in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
            self._line(list(zip(across[piece].tolist(), down[piece].tolist(), strict=True)))

    def _line(self, points: Sequence[tuple[float, float]]) -> None:
        self._draw.line([(x * self._unit, y * self._unit) for x, y in points], _TRACE, _PEN, joint="curve")

    def _words(self, text: str, x: float, y: float) -> None:
        self._draw.text((x * self._unit, y * self._unit), text, _WORDS, font(_LETTERS * self._unit))
