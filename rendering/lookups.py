"""From the header to the values of the greyscale pipeline: which rescale, which window, which way up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from rendering.groups import macro
from rendering.module import first, number, numbers
from rendering.window import Greyscale, Lut, Rescale, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from rendering.module import PixelModule

_FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})
#: Pictures of up to 8 bits without a window are meant to be seen as they are (PS3.3 C.11.2 leaves it open).
_AS_IT_IS_BITS = 8


def greyscale(data_set: Dataset, frame: int, module: PixelModule) -> Greyscale:
    """The pipeline of one frame of a MONOCHROME picture. `voi` is None when the header gives none."""
    rescale = _modality(macro(data_set, frame, "PixelValueTransformationSequence"), data_set, module)
    voi = _voi(macro(data_set, frame, "FrameVOILUTSequence"), data_set, module)
    if voi is None and module.bits_stored <= _AS_IT_IS_BITS and not module.signed:
        voi = _whole_range(rescale, module)
    return Greyscale(rescale, voi, _inverted(data_set, module), _padding(data_set, module))


def _modality(item: Dataset, data_set: Dataset, module: PixelModule) -> Rescale | Lut:
    """C.11.1; a LUT and a slope exclude each other."""
    sequence = data_set.get("ModalityLUTSequence")
    if sequence:
        lut = lookup_table(sequence[0], signed=module.signed)
        if lut is not None:
            return lut
    slope, intercept = numbers(item, "RescaleSlope")[:1], numbers(item, "RescaleIntercept")[:1]
    return Rescale(slope[0] if slope and slope[0] else 1.0, intercept[0] if intercept else 0.0)


def _voi(item: Dataset, data_set: Dataset, module: PixelModule) -> Window | Lut | None:
    """C.11.2. With both given either may be applied: the LUT is the curve that the vendor tuned for this picture."""
    sequence = data_set.get("VOILUTSequence")
    lut = lookup_table(sequence[0], signed=module.signed) if sequence else None
    return lut or _window(item)


def _window(item: Dataset) -> Window | None:
    centres, widths = numbers(item, "WindowCenter"), numbers(item, "WindowWidth")
    if not centres or not widths or not np.isfinite((centres[0], widths[0])).all() or widths[0] <= 0:
        return None
    given = str(first(item.get("VOILUTFunction")) or "LINEAR").strip().upper()
    function = cast("Literal['LINEAR', 'LINEAR_EXACT', 'SIGMOID']", given if given in _FUNCTIONS else "LINEAR")
    # LINEAR is not defined below 1 (C.11.2.1.2); writers that put such widths mean the exact one.
    return Window(centres[0], widths[0], "LINEAR_EXACT" if function == "LINEAR" and widths[0] < 1 else function)


def _whole_range(rescale: Rescale | Lut, module: PixelModule) -> Window | None:
    if isinstance(rescale, Lut):
        return None
    ends = sorted((rescale.intercept, rescale.intercept + rescale.slope * ((1 << module.bits_stored) - 1)))
    return Window(sum(ends) / 2, ends[1] - ends[0], "LINEAR_EXACT")


def _inverted(data_set: Dataset, module: PixelModule) -> bool:
    """PresentationLUTShape (C.11.6) says it where it is given, else MONOCHROME1 does (C.7.6.3.1.2)."""
    shape = str(data_set.get("PresentationLUTShape") or "").strip().upper()
    return shape == "INVERSE" if shape in {"IDENTITY", "INVERSE"} else module.photometric == "MONOCHROME1"


def _padding(data_set: Dataset, module: PixelModule) -> tuple[int, int] | None:
    if "PixelPaddingValue" not in data_set:
        return None
    value = _stored(number(data_set, "PixelPaddingValue"), signed=module.signed)
    limit = _stored(number(data_set, "PixelPaddingRangeLimit", value), signed=module.signed)
    return (min(value, limit), max(value, limit))


def lookup_table(item: Dataset, *, signed: bool) -> Lut | None:
    """One item of a LUT sequence, None where it is broken (C.11.1.1.1).

    LUTDescriptor is entries (0 means 65,536), first input, bits of an entry.
    """
    descriptor, data = numbers(item, "LUTDescriptor"), item.get("LUTData")
    if len(descriptor) != 3 or data is None:  # noqa: PLR2004 three values
        return None
    count, start, bits = (int(value) for value in descriptor)
    entries = _entries(data, count or 65_536)
    if entries.size == 0:
        return None
    # Writers mistake the bits; what the entries need is never less than they hold.
    bits = min(16, max(1, bits, int(entries.max()).bit_length()))
    return Lut(_stored(start, signed=signed), entries, bits)


def _entries(data: Any, count: int) -> NDArray[np.uint16]:
    if isinstance(data, bytes):
        packed = np.frombuffer(data, np.uint8) if len(data) < 2 * count else np.frombuffer(data[: 2 * count], "<u2")
        return packed[:count].astype(np.uint16)
    several = [data] if isinstance(data, int) else data
    return (np.asarray(several, dtype=np.int64) & 0xFFFF).astype(np.uint16)[:count]


def _stored(value: int, *, signed: bool) -> int:
    """A US or SS value, whichever the reader took it for, as the pixels' own sign says."""
    low = value & 0xFFFF
    return low - 0x10000 if signed and low & 0x8000 else low
