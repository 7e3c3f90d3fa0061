"""From a file and the index of a frame to its pixels: grey as stored values with their pipeline, colour as RGB.

Reads the header and the one frame, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydicom.encaps import get_frame

from rendering.codecs import COMPRESSED, NATIVE, Decoded, decode
from rendering.colour import rgb
from rendering.elements import given
from rendering.errors import CannotShow
from rendering.header import UNDEFINED_LENGTH, Header, opened
from rendering.native import native_frame, native_mean
from rendering.notes import Origin
from rendering.overlay import Spare, graphics
from rendering.palette import palette, tinted
from rendering.reduce import any_of, box_mean, factor, resampled, sampled
from rendering.said import Said, said
from rendering.softcopy import softcopy
from rendering.values import filled, padding, stored_values

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from rendering.marks import Mark
    from rendering.module import PixelModule
    from rendering.orientation import Orientation
    from rendering.shutter import Shutter
    from rendering.softcopy import Softcopy
    from rendering.spacing import Spacing
    from rendering.window import Greyscale

#: Far above every preview: `read_frame` leaves the frame as large as it is.
FULL = 1 << 16


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, ready for the greyscale pipeline, perhaps made smaller by a whole factor."""

    #: rows x columns of stored values, or rows x columns x 3 of uint8 RGB.
    pixels: NDArray[Any]
    #: None for colour.
    grey: Greyscale | None
    #: Height of a pixel divided by its width.
    aspect: float
    #: mm between the centres of `pixels`, not of the file's pixels.
    spacing: Spacing | None
    #: Where the padding was in `pixels`, if the frame was made smaller and has padding.
    blank: NDArray[np.bool_] | None = None
    #: Where overlays draw on `pixels`: white.
    graphics: NDArray[np.bool_] | None = None
    #: What a display shutter covers of `pixels`.
    shutter: Shutter | None = None
    #: Annotations of a presentation state, drawn when the picture has its final size.
    marks: tuple[Mark, ...] = ()
    #: What must be said about it.
    origin: Origin = field(default_factory=Origin)
    #: Which way round the patient lies in it.
    orientation: Orientation | None = None


def read_frame(path: Path, index: int = 0, *, edge: int = FULL, state: Dataset | None = None) -> Frame:
    """Frame `index` of the file at `path`, from 0, as the presentation state `state` shows it if one is given.

    `edge` is the long edge in pixels that is needed: a larger frame may come smaller, never below it. Raises
    `CannotShow`, and whatever a decoder raises on a damaged stream (see `rendering.preview.guarded`).
    """
    with opened(path) as header:
        known = said(header, index)
        module = known.module
        presented = softcopy(state, header.data_set, index, module) if state is not None else None
        if presented is not None:
            edge = presented.edge(edge)
        shrink = factor(module.rows, module.columns, edge)
        decoded = _decoded(header, known, index, shrink, whole=presented is not None)
        return _frame(header, known, index, decoded, edge, presented=presented)


def _decoded(header: Header, known: Said, index: int, shrink: int, *, whole: bool) -> Decoded:
    """The frame, or a smaller one where that is less work and `whole` is not asked for."""
    syntax, module = header.transfer_syntax_uid, known.module
    if syntax in NATIVE and header.length != UNDEFINED_LENGTH:
        if known.plain and not whole and 1 < shrink <= min(module.rows, module.columns):
            return Decoded(native_mean(header, module, index, shrink))
        return Decoded(native_frame(header, module, index))
    if syntax not in COMPRESSED or header.length != UNDEFINED_LENGTH:
        raise CannotShow("its compression is not one that we can decode", "P14")
    # A palette's indexes have no mean.
    return decode(codestream(header, module, index), syntax, module, 1 if "PALETTE" in module.photometric else shrink)


def codestream(header: Header, module: PixelModule, index: int) -> bytes:
    """The compressed frame, found by the offset tables where there are any (PS3.5 section A.4)."""
    tables = [given(header.data_set, name) for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
    extended = (tables[0], tables[1]) if all(tables) else None
    return get_frame(header.stream, index, extended_offsets=extended, number_of_frames=module.frames)


def _frame(
    header: Header, known: Said, index: int, decoded: Decoded, edge: int, *, presented: Softcopy | None
) -> Frame:
    module = known.module
    pixels, grey = _pixels(header.data_set, known, decoded, presented.grey if presented else None)
    colour, blank = grey is None, None
    k = factor(pixels.shape[0], pixels.shape[1], edge)
    if grey is not None:
        mask = padding(pixels, grey)
        grey = grey if mask is not None else grey.without_padding()
        if mask is not None and k > 1:
            pixels, blank = filled(pixels, grey, mask), sampled(mask, k)
    # One more than there are: a lossy codec overshoots.
    pixels = box_mean(pixels, k, 64 if colour else max(module.bits_stored, decoded.precision) + 1)
    drawn = presented.overlays if presented else _overlays(header.data_set, known, index, decoded)
    closed = presented.shutter if presented else known.shutter
    frame = Frame(
        pixels,
        grey,
        known.aspect,
        _scaled(known.spacing, module, pixels),
        blank,
        None if drawn is None else any_of(drawn, pixels.shape[0], pixels.shape[1]),
        None if closed is None else replace(closed, covered=resampled(closed.covered, *pixels.shape[:2])),
        origin=known.origin if colour else known.origin.without_colour(),
        orientation=known.orientation,
    )
    return presented.arranged(frame) if presented else frame


def _overlays(data_set: Dataset, known: Said, index: int, decoded: Decoded) -> NDArray[np.bool_] | None:
    if not known.overlaid:
        return None
    module = known.module
    size = (module.rows, module.columns)
    spare = Spare(decoded.samples, module.unused_bits) if decoded.samples.shape == size else None
    return graphics(data_set, index, *size, spare)


def _pixels(
    data_set: Dataset, known: Said, decoded: Decoded, presented: Greyscale | None
) -> tuple[NDArray[Any], Greyscale | None]:
    """Stored values with their pipeline, or RGB with None."""
    module = known.module
    precision = decoded.precision or module.bits_allocated
    values = stored_values(decoded.samples, module, precision, signed=module.signed and module.samples == 1)
    if values.ndim == 3:  # noqa: PLR2004 colour
        bits = min(module.bits_stored, precision)
        return rgb(values, "RGB" if decoded.rgb else module.photometric, bits), None
    grey = presented or known.grey
    if grey is None:
        return palette(values, data_set, module), None
    first = known.supplemental
    return (values, grey) if first is None else (tinted(values, grey, data_set, module, first), None)


def _scaled(known: Spacing | None, module: PixelModule, pixels: NDArray[Any]) -> Spacing | None:
    if known is None:
        return None
    down, across = module.rows / pixels.shape[0], module.columns / pixels.shape[1]
    return replace(known, row=known.row * down, column=known.column * across)
