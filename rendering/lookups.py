"""From the header to the values of the greyscale pipeline: which rescale, which window, which way up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from rendering.elements import given, items, number, numbers, octets, stored, word
from rendering.groups import macro
from rendering.presets import usual
from rendering.window import Greyscale, Lut, Rescale, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from rendering.module import PixelModule

_FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})
#: Pictures of up to 8 bits without a window are meant to be seen as they are (PS3.3 C.11.2 leaves it open).
_AS_IT_IS_BITS = _BYTE = 8
#: Hounsfield units.
_AIR = -1000
#: XA, XRF and the retired biplane XA: their modality LUT leads back to X-ray intensity, for subtraction and not for the
#: eye; windows are in stored values (dcmtk, dcm4che and others agree).
_UNTRANSFORMED = frozenset(
    {"1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.12.3"}
)


def greyscale(data_set: Dataset, frame: int, module: PixelModule) -> Greyscale:
    """The pipeline of one frame of a MONOCHROME picture. `voi` is None when the header gives none."""
    rescale = _modality(macro(data_set, frame, "PixelValueTransformationSequence"), data_set, module)
    voi = _voi(macro(data_set, frame, "FrameVOILUTSequence"), signed=_negative(rescale, module))
    if voi is None and module.bits_stored <= _AS_IT_IS_BITS and not module.signed:
        voi = _whole_range(rescale, module)
    usual = _usual(data_set, rescale, module) if voi is None else None
    return Greyscale(rescale, voi, _inverted(data_set, module), _padding(data_set, module), usual=usual)


def _modality(item: Dataset, data_set: Dataset, module: PixelModule) -> Rescale | Lut:
    """C.11.1; a LUT and a slope exclude each other."""
    if word(data_set, "SOPClassUID") in _UNTRANSFORMED:
        return Rescale()
    for table in items(data_set, "ModalityLUTSequence"):
        if (lut := lookup_table(table, signed=module.signed)) is not None:
            return lut
    slope, intercept = numbers(item, "RescaleSlope")[:1], numbers(item, "RescaleIntercept")[:1]
    return Rescale(slope[0] if slope and slope[0] else 1.0, intercept[0] if intercept else 0.0)


def _negative(rescale: Rescale | Lut, module: PixelModule) -> bool:
    """Whether modality values can be negative: then a VOI LUT begins at a signed value (C.11.2.1.1)."""
    if isinstance(rescale, Lut):
        return False
    low, high = module.span
    return min(rescale.slope * low + rescale.intercept, rescale.slope * high + rescale.intercept) < 0


def _voi(item: Dataset, *, signed: bool) -> Window | Lut | None:
    """C.11.2. With both given either may be applied: the LUT is the curve that the vendor tuned for this picture."""
    tables = (lookup_table(table, signed=signed) for table in items(item, "VOILUTSequence"))
    return next(filter(None, tables), None) or _window(item)


def _window(item: Dataset) -> Window | None:
    centres, widths = numbers(item, "WindowCenter"), numbers(item, "WindowWidth")
    if not centres or not widths or not np.isfinite((centres[0], widths[0])).all() or widths[0] <= 0:
        return None
    given = word(item, "VOILUTFunction")
    function = cast("Literal['LINEAR', 'LINEAR_EXACT', 'SIGMOID']", given if given in _FUNCTIONS else "LINEAR")
    # LINEAR is not defined below 1 (C.11.2.1.2); writers that put such widths mean the exact one.
    return Window(centres[0], widths[0], "LINEAR_EXACT" if function == "LINEAR" and widths[0] < 1 else function)


def _usual(data_set: Dataset, rescale: Rescale | Lut, module: PixelModule) -> Window | None:
    """Of a CT in Hounsfield units (C.8.2.1): it reaches down to air, and is no localiser, whose values are others."""
    kinds = str(given(data_set, "ImageType"))
    if word(data_set, "Modality") != "CT" or isinstance(rescale, Lut) or "LOCALIZER" in kinds:
        return None
    low, high = (rescale.intercept + rescale.slope * end for end in module.span)
    return usual(word(data_set, "BodyPartExamined")) if min(low, high) <= _AIR else None


def _whole_range(rescale: Rescale | Lut, module: PixelModule) -> Window | None:
    if isinstance(rescale, Lut):
        return None
    low, high = sorted(rescale.intercept + rescale.slope * end for end in module.span)
    return Window((low + high) / 2, high - low, "LINEAR_EXACT")


def _inverted(data_set: Dataset, module: PixelModule) -> bool:
    """PresentationLUTShape (C.11.6) says it where it is given, else MONOCHROME1 does (C.7.6.3.1.2)."""
    shape = word(data_set, "PresentationLUTShape")
    return shape == "INVERSE" if shape in {"IDENTITY", "INVERSE"} else module.photometric == "MONOCHROME1"


def _padding(data_set: Dataset, module: PixelModule) -> tuple[float, float] | None:
    """C.7.5.1.1.2, and C.7.6.24 for floating point."""
    if module.real:
        value = _real(data_set, "FloatPixelPaddingValue", "DoubleFloatPixelPaddingValue")
        limit = _real(data_set, "FloatPixelPaddingRangeLimit", "DoubleFloatPixelPaddingRangeLimit")
        return None if value is None else _ordered(value, value if limit is None else limit)
    if "PixelPaddingValue" not in data_set:
        return None
    whole = stored(number(data_set, "PixelPaddingValue"), signed=module.signed)
    return _ordered(whole, stored(number(data_set, "PixelPaddingRangeLimit", whole), signed=module.signed))


def _real(data_set: Dataset, *keywords: str) -> float | None:
    return next((value for keyword in keywords for value in numbers(data_set, keyword)), None)


def _ordered(one: float, other: float) -> tuple[float, float]:
    return min(one, other), max(one, other)


def lookup_table(item: Dataset, *, signed: bool) -> Lut | None:
    """One item of a LUT sequence, None where it is broken (C.11.1.1.1).

    LUTDescriptor is entries (0 means 65,536), first input, bits of an entry.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3:  # noqa: PLR2004 three values
        return None
    count, start, bits = (int(value) for value in descriptor)
    entries = _entries(octets(item, "LUTData"), count & 0xFFFF or 65_536, bits)
    if entries.size == 0:
        return None
    # Writers mistake the bits; what the entries need is never less than they hold.
    bits = min(16, max(1, bits, int(entries.max()).bit_length()))
    return Lut(stored(start, signed=signed), entries, bits)


def _entries(data: bytes, count: int, bits: int) -> NDArray[np.uint16]:
    """Two bytes an entry, or one where 8-bit entries are packed (C.11.1.1.1)."""
    packed = bits <= _BYTE and len(data) <= count + 1
    entries = np.frombuffer(data, np.uint8) if packed else np.frombuffer(data[: len(data) // 2 * 2], "<u2")
    return entries[:count].astype(np.uint16)
