"""What a header says about one frame, apart from its pixels; worked out once for slices that say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rendering.errors import CannotShow
from rendering.lookups import greyscale
from rendering.module import pixel_module
from rendering.notes import Origin, origin
from rendering.orientation import Orientation, orientation
from rendering.overlay import has_graphics
from rendering.palette import supplemental
from rendering.scan import Elements
from rendering.shutter import shutter
from rendering.spacing import Spacing, aspect, spacing

if TYPE_CHECKING:
    from rendering.header import Header
    from rendering.module import PixelModule
    from rendering.scan import Raw
    from rendering.shutter import Shutter
    from rendering.window import Greyscale


@dataclass(frozen=True, slots=True)
class Said:
    """Of one frame. Without a picture's own pixels it is complete but for overlays, which may lie in them."""

    module: PixelModule
    #: None for colour.
    grey: Greyscale | None
    #: The first value that a Supplemental Palette colours.
    supplemental: int | None
    spacing: Spacing | None
    #: Height of a pixel divided by its width.
    aspect: float
    orientation: Orientation | None
    overlaid: bool
    #: Of the whole frame.
    shutter: Shutter | None
    #: As if it were in colour.
    origin: Origin

    @property
    def plain(self) -> bool:
        """Grey and nothing else: each cell is a stored value of whole bytes, without padding, overlays and colours."""
        module = self.module
        alone = module.high_bit == module.bits_stored - 1 and module.bits_allocated > 1
        extras = self.supplemental is not None or self.overlaid
        return self.grey is not None and self.grey.padding is None and alone and not extras


def said(header: Header, index: int) -> Said:
    """Of frame `index`, from 0. Raises `CannotShow` for what no picture can be, and beyond the last.

    The slices of a stack differ in their number and place and in nothing that matters here. So what was read of the
    last header is compared with this one, byte by byte, and where all of it is equal its answer holds.
    """
    global _last  # noqa: PLW0603 one for each worker
    elements = header.content
    if not isinstance(elements, Elements):
        return _said(header, index)
    key = (header.transfer_syntax_uid, header.tag, index)
    if _last is None or not _last.holds(key, elements):
        answer = _said(header, index)
        _last = _Memory(key, {tag: elements.raw(tag) for tag in elements.asked}, answer)
    return _last.answer


@dataclass(frozen=True, slots=True)
class _Memory:
    """An answer, and what it was made of: transfer syntax, tag of the pixels, index; elements that were asked for."""

    key: tuple[str, int, int]
    asked: dict[int, Raw]
    answer: Said

    def holds(self, key: tuple[str, int, int], elements: Elements) -> bool:
        """Whether they are the same."""
        return key == self.key and elements.agree(self.asked)


_last: _Memory | None = None


def _said(header: Header, index: int) -> Said:
    data_set = header.data_set
    module = pixel_module(data_set, header.tag)
    if not 0 <= index < module.frames:
        raise CannotShow("it has fewer frames than expected", "P13")
    known = spacing(data_set, index)
    grey = module.samples == 1 and module.photometric != "PALETTE COLOR"
    return Said(
        module,
        greyscale(data_set, index, module) if grey else None,
        supplemental(data_set, index) if grey else None,
        known,
        aspect(data_set, known),
        orientation(data_set, index),
        has_graphics(data_set),
        shutter(data_set, index, module.rows, module.columns),
        origin(data_set, header.transfer_syntax_uid),
    )
