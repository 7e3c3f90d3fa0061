"""What must be said about a picture beside what it shows: that pixels were lost, that colours are not exact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydicom import uid

from rendering.elements import given, numbers, word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset

#: They lose pixels whatever the header says; the near-lossless and JPEG 2000 ones may be lossless.
_ALWAYS_LOSSY = frozenset({uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit})
#: Ratios that somebody can have meant.
_RATIOS = (1.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Origin:
    """What happened to a frame's pixels before they came to us."""

    #: Compressed with loss at some time (LossyImageCompression 01, PS3.3 C.7.6.1.1.5), whatever it is stored as now.
    lossy: bool = False
    #: The largest of its compression ratios, if known.
    ratio: float | None = None
    #: Colours are meant to be seen through an ICC profile (C.11.15), which previews do without.
    profiled: bool = False

    def without_colour(self) -> Origin:
        """Of a grey picture, which no profile is about."""
        return replace(self, profiled=False) if self.profiled else self


def origin(data_set: Dataset, transfer_syntax_uid: str) -> Origin:
    """Of a frame in colour, from its header."""
    lossy = word(data_set, "LossyImageCompression") == "01" or transfer_syntax_uid in _ALWAYS_LOSSY
    ratios = [one for one in numbers(data_set, "LossyImageCompressionRatio") if _RATIOS[0] < one <= _RATIOS[1]]
    profiled = bool(given(data_set, "ICCProfile")) and word(data_set, "ColorSpace") != "SRGB"
    return Origin(lossy, max(ratios) if lossy and ratios else None, profiled)


def lossy_note(origins: Iterable[Origin]) -> str:
    """E.g. "lossy 12:1", "lossy up to 14:1" for several of different ratios, or ""."""
    lost = [one for one in origins if one.lossy]
    ratios = {f"{one.ratio:.0f}" for one in lost if one.ratio}
    if not lost:
        return ""
    if not ratios:
        return "lossy"
    return f"lossy {'up to ' if len(ratios) > 1 else ''}{max(ratios, key=int)}:1"


def notes(origins: Iterable[Origin]) -> tuple[str, ...]:
    """All that is to be said, in sentences for a screen reader."""
    several = tuple(origins)
    said = []
    if any(one.lossy for one in several):
        said.append(f"Compressed with loss ({lossy_note(several)}).")
    if any(one.profiled for one in several):
        said.append("Colours are approximate: its colour profile is not applied.")
    return tuple(said)
