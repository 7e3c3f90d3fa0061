"""What `!view` asks for: one picture with another look, every pixel of it without loss, or a clip."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rendering.errors import CannotShow
from rendering.look import Look, window_words
from rendering.preview import JPEG, LONG_EDGE, MAXIMUM_BYTES, PreviewPlan, composed, packed, render, tile_frame
from rendering.safely import guarded

if TYPE_CHECKING:
    from PIL import Image

    from rendering.frame import Frame
    from rendering.montage import Picture
    from rendering.preview import Preview
    from rendering.window import Lut, Window

PNG = "image/png"
#: The long edge of a part that is shown with its native pixels, and what its JPEG may have.
ZOOMED_EDGE = 2560
ZOOMED_BYTES = 2_000_000
#: A PNG beyond this is not for a chat.
FULL_BYTES = 30_000_000
_FULL_EDGE = 1 << 15


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """Picklable: it travels to a worker. `plan.tiles` are the frames of a clip, else of the picture."""

    plan: PreviewPlan
    look: Look = field(default_factory=Look)
    clip: bool = False


def view(wanted: ViewPlan) -> Preview:
    """The picture or clip. Raises `CannotShow`, and nothing else whatever the files hold."""
    plan = replace(wanted.plan, look=wanted.look)
    with guarded():
        if wanted.clip:
            return _clip(plan, wanted.look)
        if len(plan.tiles) != 1 or plan.tiles[0].page:
            return render(plan)
        return _still(plan, wanted.look)


def _still(plan: PreviewPlan, look: Look) -> Preview:
    from rendering.annotate import room  # noqa: PLC0415 Pillow is not loaded where nothing is rendered
    from rendering.montage import LEAST_EDGE, single  # noqa: PLC0415

    edge = _FULL_EDGE if look.full else ZOOMED_EDGE if look.zoom > 1 else LONG_EDGE
    frame = _windowed(tile_frame(plan.tiles[0], edge, look))
    left = (edge, edge) if look.full else room(edge, oriented=frame.orientation is not None)
    picture = single(frame, *left, 1 if look.full else LEAST_EDGE)
    plan = replace(plan, caption=_joined(plan.caption, _window_of(frame)))
    image, caption = composed(plan, picture)
    encoded, mimetype = _encoded(image, look)
    return packed(plan, picture, image, caption, encoded, mimetype=mimetype)


def _encoded(image: Image.Image, look: Look) -> tuple[tuple[bytes, int, int], str]:
    from rendering.encode import png, smaller, within  # noqa: PLC0415

    if not look.full and look.zoom > 1:
        return within(image, ZOOMED_BYTES), JPEG
    if not look.full:
        return within(smaller(image, LONG_EDGE), MAXIMUM_BYTES), JPEG
    data = png(image)
    if len(data) > FULL_BYTES:
        raise CannotShow("with every pixel it is too large for a message; the DICOM files have them all", "P41")
    return (data, *image.size), PNG


def _clip(plan: PreviewPlan, look: Look) -> Preview:
    from rendering import cine  # noqa: PLC0415

    shots = _shots(plan, look)
    images = cine.alike([image for _, image in shots])
    pause = cine.pause(plan.tiles[0].path, max(tile.frame for tile in plan.tiles) + 1, len(images))
    picture, image = shots[len(shots) // 2]
    return packed(plan, picture, image, plan.caption, cine.animated(images, pause), mimetype=cine.GIF)


def _shots(plan: PreviewPlan, look: Look) -> list[tuple[Picture, Image.Image]]:
    """Each frame as it is seen; one that cannot be shown is left out. Raises `CannotShow` when none can be."""
    from rendering.annotate import labelled, text_size  # noqa: PLC0415
    from rendering.cine import EDGE  # noqa: PLC0415
    from rendering.montage import single  # noqa: PLC0415

    made: list[tuple[Picture, Image.Image]] = []
    voi: Window | Lut | None = None
    error = CannotShow("there is nothing in it to show")
    for tile in plan.tiles:
        try:
            with guarded():
                frame = _windowed(tile_frame(tile, EDGE, look), voi)
                picture = single(frame, EDGE, EDGE)
                labelled(picture.image, tile.label, text_size(*picture.image.size))
                made.append((picture, composed(plan, picture)[0]))
                voi = frame.grey.voi if frame.grey is not None else None
        except CannotShow as wrong:
            error = wrong
    if not made:
        raise error
    return made


def _windowed(frame: Frame, default: Window | Lut | None = None) -> Frame:
    """With a window: its own, else that of the clip's frame before, so that nothing flickers, else one that fits it."""
    from rendering.autowindow import windowed  # noqa: PLC0415

    if frame.grey is None:
        return frame
    grey = frame.grey if default is None or frame.grey.voi is not None else frame.grey.with_voi(default)
    return replace(frame, grey=windowed(frame.pixels, grey))


def _window_of(frame: Frame) -> str:
    return window_words(frame.grey) if frame.grey is not None else ""


def _joined(*parts: str) -> str:
    return " · ".join(filter(None, parts))
