"""Windows by name: for CT in Hounsfield units by what is looked at, for X-rays as a part of the picture's own window.

Widths and centres are those in common use in radiology departments. Other modalities have no units of their own, so
that a name would mean nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rendering import words
from rendering.window import Greyscale, Lut, Window

#: What may be asked for.
NAMES = ("bone", "lung", "soft", "brain", "abdomen")
#: Modalities whose values have a unit: where a study has one, it is what a name is about.
UNITS = frozenset({"CT"})

_HEAD = frozenset(
    {"head", "brain", "skull", "face", "sinuses", "orbit", "sella", "mandible", "jaw", "jaw joint", "zygoma",
     "nasal bones", "teeth", "eye"}
)  # fmt: skip
_NECK = frozenset({"neck", "head and neck", "thyroid", "carotid"})
_CHEST = frozenset({"chest", "lung", "heart", "ribs", "sternum", "aorta"})
_SPINE = frozenset(
    {"spine", "cervical spine", "thoracic spine", "lumbar spine", "thoracolumbar spine", "sacral spine", "sacrum",
     "coccyx", "cervicothoracic spine", "lumbosacral spine"}
)  # fmt: skip

#: Looked at for fractures.
_BONY = _SPINE | {
    "ankle", "arm", "clavicle", "elbow", "extremity", "face", "femur", "finger", "foot", "forearm", "hand", "heel",
    "AC joint", "calf", "ear", "ilium", "inner ear", "lower limb", "maxilla", "nose", "sacroiliac joint", "upper limb",
    "hip", "humerus", "jaw", "jaw joint", "knee", "leg", "lower leg", "mandible", "nasal bones", "patella", "scaphoid",
    "scapula", "shoulder", "sinuses", "teeth", "thumb", "tibia", "toe", "wrist", "zygoma",
}  # fmt: skip

_PROJECTIONS = frozenset({"CR", "DX", "DR", "RG", "MG", "XA", "RF", "IO", "PX", "RTIMAGE"})


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the window that a picture has: fractions of its range, from what is shown black to what is white."""

    low: float
    high: float

    def of(self, grey: Greyscale) -> Window:
        """The part of the window of `grey`, which has one."""
        bottom, top = _range(grey)
        low, high = (1 - self.high, 1 - self.low) if grey.inverted else (self.low, self.high)
        start, width = bottom + low * (top - bottom), (high - low) * (top - bottom)
        if isinstance(grey.voi, Window):
            return replace(grey.voi, centre=start + width / 2, width=width)
        return Window(start + width / 2, width, "LINEAR_EXACT")


_OF_PROJECTIONS = {"bone": Part(0.35, 1.0), "soft": Part(0.0, 0.65), "lung": Part(0.0, 0.5)}


def preset(name: str, modality: str, body_part: str) -> Window | Part | None:
    """The window called `name` for a series (Modality, BodyPartExamined as stored); None where it means nothing."""
    if modality in _PROJECTIONS:
        return _OF_PROJECTIONS.get(name)
    if modality not in UNITS:
        return None
    part = words.body_part(body_part)
    width, centre = _hounsfield(name, part)
    return Window(centre, width)


def usual(body_part: str) -> Window:
    """The window that a CT in Hounsfield units is opened with where its header has none."""
    part = words.body_part(body_part)
    name = "bone" if part in _BONY else "brain" if part in _HEAD else "soft"
    width, centre = _hounsfield(name, part)
    return Window(centre, width)


def _hounsfield(name: str, part: str) -> tuple[float, float]:
    if name == "bone":
        return (2800, 600) if part in _HEAD else (1800, 400)
    if name == "soft":
        return _soft(part)
    return {"lung": (1500.0, -600.0), "brain": (80.0, 40.0), "abdomen": (400.0, 50.0)}[name]


def _soft(part: str) -> tuple[float, float]:
    if part in _HEAD | _NECK:
        return (350, 40)
    if part in _SPINE:
        return (250, 50)
    return (350, 50) if part in _CHEST else (400, 50)


def _range(grey: Greyscale) -> tuple[float, float]:
    """Modality values from which to which the picture's own window or curve goes."""
    if isinstance(grey.voi, Lut):
        return grey.voi.first, grey.voi.first + len(grey.voi.entries) - 1
    if grey.voi is None:
        raise ValueError("a part of no window")
    return grey.voi.centre - grey.voi.width / 2, grey.voi.centre + grey.voi.width / 2
