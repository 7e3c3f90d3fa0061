"""Presentation states (PS3.3 A.33.1, A.33.2): how somebody at a workstation left an image to be seen by others.

A state is complete: what it says replaces the image's own window, shutter and overlays, and what it leaves out is left
out (PS3.4 N.2). On a phone every displayed area is scaled to fit; TRUE SIZE and MAGNIFY are sizes of a display.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset

from rendering.elements import number, numbers
from rendering.lookups import greyscale, lookup_table
from rendering.marks import Place, marks
from rendering.overlay import graphics
from rendering.shutter import only_groups, shutter
from rendering.spacing import Spacing, aspect, spacing
from rendering.window import Rescale, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rendering.frame import Frame
    from rendering.marks import Mark, Point
    from rendering.module import PixelModule
    from rendering.shutter import Shutter
    from rendering.window import Greyscale

_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_ACTIVATION, _OVERLAY_DATA = 0x1001, 0x3000
_MODALITY = ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence")
_VOI = ("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence")
_PADDING = ("PixelPaddingValue", "PixelPaddingRangeLimit")


@dataclass(frozen=True, slots=True)
class Area:
    """The part of an image that is shown: columns and rows from 0, the ends excluded. May reach beyond the image."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def edge(self) -> int:
        """The long one."""
        return max(self.right - self.left, self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class Softcopy:
    """What one presentation state says about one frame."""

    rows: int
    columns: int
    area: Area
    #: Quarter turns clockwise, 0 to 3, and then whether left and right are exchanged (C.10.6).
    turns: int
    flipped: bool
    grey: Greyscale | None
    shutter: Shutter | None
    #: Where overlays draw, rows x columns.
    overlays: NDArray[np.bool_] | None
    #: Height of a pixel divided by its width, if the state says.
    aspect: float | None
    #: In fractions of the displayed area.
    marks: tuple[Mark, ...]

    def edge(self, edge: int) -> int:
        """The long edge that the whole frame needs, so that the displayed area has `edge`."""
        return edge * max(self.rows, self.columns) // max(1, min(self.area.edge, max(self.rows, self.columns)))

    def arranged(self, frame: Frame) -> Frame:
        """The frame (whole, perhaps reduced) cut to the displayed area, turned and flipped, with its annotations."""
        ratio = self.aspect or frame.aspect
        box = self._box(*frame.pixels.shape[:2])
        outside = _outside(box, *frame.pixels.shape[:2])
        covered = None if frame.shutter is None else self._moved(frame.shutter.covered, box)
        blank = self._moved(frame.blank, box, outside=True) if frame.blank is not None else None
        if blank is None and outside is not None:
            blank = self._turned(outside)
        return replace(
            frame,
            pixels=self._moved(frame.pixels, box),
            blank=blank,
            graphics=None if frame.graphics is None else self._moved(frame.graphics, box),
            shutter=None if frame.shutter is None or covered is None else replace(frame.shutter, covered=covered),
            aspect=1 / ratio if self.turns % 2 else ratio,
            spacing=_turned_spacing(frame.spacing, self.turns),
            orientation=frame.orientation and frame.orientation.turned(self.turns, flipped=self.flipped),
            marks=self.marks,
        )

    def _box(self, rows: int, columns: int) -> tuple[int, int, int, int]:
        """Top, bottom, left, right within a frame of rows x columns."""
        down, across = rows / self.rows, columns / self.columns
        top, left = round(self.area.top * down), round(self.area.left * across)
        return (
            top,
            max(top + 1, round(self.area.bottom * down)),
            left,
            max(left + 1, round(self.area.right * across)),
        )

    def _moved(self, cells: NDArray[Any], box: tuple[int, int, int, int], *, outside: bool = False) -> NDArray[Any]:
        return self._turned(_cut(cells, box, outside=outside))

    def _turned(self, cells: NDArray[Any]) -> NDArray[Any]:
        turned = np.rot90(cells, -self.turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.flipped else turned)


def softcopy(state: Dataset, image: Dataset, frame: int, module: PixelModule) -> Softcopy:
    """What `state` says about frame `frame`, from 0, of the image with that header and pixel module."""
    uid = str(image.get("SOPInstanceUID") or "")
    selection = next(_about(state, "DisplayedAreaSelectionSequence", uid, frame), Dataset())
    turns, flipped = number(state, "ImageRotation") // 90 % 4, str(state.get("ImageHorizontalFlip") or "") == "Y"
    area = _area(selection, module)
    stated = _aspect(selection)
    ratio = stated or aspect(image, spacing(image, frame))
    place = _place(area, turns, flipped=flipped, ratio=ratio)
    return Softcopy(
        module.rows,
        module.columns,
        area,
        turns,
        flipped,
        _greyscale(state, image, uid, frame, module) if module.photometric.startswith("MONOCHROME") else None,
        shutter(state, 0, module.rows, module.columns),
        _overlays(state, image, frame, module),
        stated,
        marks(_in_order(state, uid, frame), place),
    )


def refers(item: Dataset, uid: str, frame: int) -> bool:
    """Whether an item of a state applies: to the images and frames it names, or to all (PS3.3 C.10.5, C.11.8)."""
    images = item.get("ReferencedImageSequence") or ()
    return not images or any(
        str(one.get("ReferencedSOPInstanceUID") or "") == uid
        and (not one.get("ReferencedFrameNumber") or frame + 1 in numbers(one, "ReferencedFrameNumber"))
        for one in images
    )


def _about(state: Dataset, sequence: str, uid: str, frame: int) -> Iterator[Dataset]:
    return (item for item in state.get(sequence) or () if refers(item, uid, frame))


def _greyscale(state: Dataset, image: Dataset, uid: str, frame: int, module: PixelModule) -> Greyscale:
    """Modality, window and Presentation LUT of the state; the image's own padding stays padding."""
    said = Dataset()
    for source, keywords in (
        (state, _MODALITY),
        (next(_about(state, "SoftcopyVOILUTSequence", uid, frame), Dataset()), _VOI),
        (image, _PADDING),
    ):
        for keyword in keywords:
            if keyword in source:
                said[keyword] = source[keyword]
    # A state's output is P-values: the image's photometric interpretation has no say any more (C.11.6).
    said.PresentationLUTShape = str(state.get("PresentationLUTShape") or "IDENTITY")
    grey = greyscale(said, frame, module)
    tables = state.get("PresentationLUTSequence")
    table = lookup_table(tables[0], signed=False) if tables else None
    return replace(grey, presentation=table, voi=grey.voi or _everything(grey, module))


def _everything(grey: Greyscale, module: PixelModule) -> Window:
    """Without a window, all that the modality step can give is shown (PS3.4 N.2.1.2)."""
    if not isinstance(grey.modality, Rescale):
        top = (1 << grey.modality.bits) - 1
        return Window(top / 2, top, "LINEAR_EXACT")
    ends = [grey.modality.slope * one + grey.modality.intercept for one in module.span]
    return Window(sum(ends) / 2, abs(ends[1] - ends[0]), "LINEAR_EXACT")


def _overlays(state: Dataset, image: Dataset, frame: int, module: PixelModule) -> NDArray[np.bool_] | None:
    """The planes that the state puts on a layer (C.11.7): its own, else the image's of the same group."""
    active = {group for group in _OVERLAY_GROUPS if _value(state, group, _ACTIVATION)}
    active.discard(number(state, "ShutterOverlayGroup"))
    own = {group for group in active if _value(state, group, _OVERLAY_DATA)}
    drawn = [
        graphics(only_groups(source, groups), index, module.rows, module.columns)
        for source, groups, index in ((state, own, 0), (image, active - own, frame))
    ]
    seen = [plane for plane in drawn if plane is not None]
    return np.logical_or.reduce(seen) if seen else None


def _value(data_set: Dataset, group: int, element: int) -> Any:
    found = data_set.get((group, element))
    return None if found is None else found.value


def _in_order(state: Dataset, uid: str, frame: int) -> list[Dataset]:
    """The annotations, the lowest layer first (C.10.7)."""
    layers = state.get("GraphicLayerSequence") or ()
    order = {str(one.get("GraphicLayer")): number(one, "GraphicLayerOrder") for one in layers}
    items = _about(state, "GraphicAnnotationSequence", uid, frame)
    return sorted(items, key=lambda item: order.get(str(item.get("GraphicLayer")), 0))


def _area(selection: Dataset, module: PixelModule) -> Area:
    """C.10.4: two corners as column and row from 1; after turning, they may be any two opposite ones of the image."""
    first, second = (numbers(selection, f"DisplayedArea{corner}HandCorner") for corner in ("TopLeft", "BottomRight"))
    all_of_it = Area(0, 0, module.columns, module.rows)
    if len(first) != 2 or len(second) != 2:  # noqa: PLR2004 column and row
        return all_of_it
    (left, right), (top, bottom) = (sorted((int(a), int(b))) for a, b in zip(first, second, strict=True))
    # However far beyond the image it reaches: more ground than picture on each side shows nothing.
    area = Area(
        max(left - 1, -module.columns),
        max(top - 1, -module.rows),
        min(right, 2 * module.columns),
        min(bottom, 2 * module.rows),
    )
    seen = area.left < module.columns and area.top < module.rows and area.right > 0 and area.bottom > 0
    return area if seen else all_of_it


def _aspect(selection: Dataset) -> float | None:
    for keyword in ("PresentationPixelSpacing", "PresentationPixelAspectRatio"):
        pair = numbers(selection, keyword)
        if len(pair) == 2 and min(pair) > 0 and 1 / 20 <= pair[0] / pair[1] <= 20:  # noqa: PLR2004 as rendering.spacing
            return pair[0] / pair[1]
    return None


def _place(area: Area, turns: int, *, flipped: bool, ratio: float) -> Place:
    width, height = area.right - area.left, area.bottom - area.top

    def pixel(point: Point) -> Point:
        x, y = (point[0] - area.left) / width, (point[1] - area.top) / height
        x, y = ((x, y), (1 - y, x), (1 - x, 1 - y), (y, 1 - x))[turns]
        return (1 - x, y) if flipped else (x, y)

    tall = ratio * height / width
    return Place(pixel, ratio, 1 / tall if turns % 2 else tall)


def _cut(cells: NDArray[Any], box: tuple[int, int, int, int], *, outside: bool = False) -> NDArray[Any]:
    """The part within the box; where it reaches beyond the cells it is 0, or True for `outside`."""
    top, bottom, left, right = box
    rows, columns = cells.shape[:2]
    part = cells[max(0, top) : max(0, min(rows, bottom)), max(0, left) : max(0, min(columns, right))]
    edges = [(max(0, -top), max(0, bottom - rows)), (max(0, -left), max(0, right - columns))]
    if not any(map(any, edges)):
        return part
    return np.pad(part, edges + [(0, 0)] * (cells.ndim - 2), constant_values=outside)


def _outside(box: tuple[int, int, int, int], rows: int, columns: int) -> NDArray[np.bool_] | None:
    outside = _cut(np.zeros((rows, columns), np.bool_), box, outside=True)
    return outside if outside.any() else None


def _turned_spacing(known: Spacing | None, turns: int) -> Spacing | None:
    return replace(known, row=known.column, column=known.row) if known and turns % 2 else known
