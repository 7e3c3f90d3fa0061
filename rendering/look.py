"""How somebody wants to see a frame, in place of how its header says: window, polarity, and a part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rendering.autowindow import windowed
from rendering.errors import CannotShow
from rendering.frame import FULL
from rendering.presets import Part
from rendering.window import Lut, Window

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from rendering.frame import Frame
    from rendering.window import Greyscale

#: The closest that anybody gets: beyond it there are only squares.
CLOSEST = 16.0
_MIDDLE = (0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Look:
    """What differs from the header. Nothing given is the picture as it is."""

    #: In modality values (Hounsfield units for CT), or a part of the picture's own window.
    window: Window | Part | None = None
    #: Black and white exchanged.
    inverted: bool = False
    #: From 1.0 (all of it) to `CLOSEST`: a part of one `zoom`th of width and height.
    zoom: float = 1.0
    #: Which point is in the middle of that part: fractions of width and height, from the left and from the top.
    centre: tuple[float, float] = _MIDDLE
    #: With every pixel that there is.
    full: bool = False

    def edge(self, edge: int) -> int:
        """The long edge for which a whole frame must be read: a part is shown with its native pixels."""
        return FULL if self.full or self.zoom > 1 else edge

    def applied(self, frame: Frame) -> Frame:
        """The frame as it is wanted. Raises `CannotShow` for a window where there is none: colour."""
        if frame.grey is None and (self.window or self.inverted):
            raise CannotShow("it is in colour: there is no window, and nothing to invert", "P40")
        seen = frame if frame.grey is None else replace(frame, grey=self._grey(frame, frame.grey))
        return self._cut(seen) if self.zoom > 1 else seen

    def _grey(self, frame: Frame, grey: Greyscale) -> Greyscale:
        if self.window is not None:
            own = windowed(frame.pixels, grey)
            window = self.window.of(own) if isinstance(self.window, Part) else self.window
            grey = grey.with_voi(window)
        return replace(grey, inverted=grey.inverted != self.inverted)

    def _cut(self, frame: Frame) -> Frame:
        """The part, with what lies over it; a state's annotations are placed for the whole, and left out."""
        # A window of its own must come from all of the frame: it shall not change as one moves about.
        grey = None if frame.grey is None else windowed(frame.pixels, frame.grey)
        rows, columns = (
            _span(size, self.zoom, at)
            for size, at in zip(frame.pixels.shape[:2], (self.centre[1], self.centre[0]), strict=True)
        )

        def cut(cells: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if cells is None else cells[rows, columns]

        shutter = frame.shutter and replace(frame.shutter, covered=frame.shutter.covered[rows, columns])
        return replace(
            frame,
            pixels=frame.pixels[rows, columns],
            grey=grey,
            blank=cut(frame.blank),
            graphics=cut(frame.graphics),
            shutter=shutter,
            marks=(),
        )


def _span(size: int, zoom: float, at: float) -> slice:
    """One `zoom`th of `size`, around the fraction `at` of it, never beyond its ends."""
    length = max(1, round(size / zoom))
    start = min(max(0, round(at * size - length / 2)), size - length)
    return slice(start, start + length)


def window_words(grey: Greyscale) -> str:
    """How a frame is windowed: "W 1800 C 400", "" for a curve."""
    voi = grey.voi
    return "" if voi is None or isinstance(voi, Lut) else f"W {voi.width:.4g} C {voi.centre:.4g}"
