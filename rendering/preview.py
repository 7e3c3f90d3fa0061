"""From one planned picture to a JPEG that a phone shows: the entry point of this floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rendering.errors import CannotShow
from rendering.safely import guarded

if TYPE_CHECKING:
    from pathlib import Path

    from rendering.frame import Frame
    from rendering.montage import Picture

#: Long edge of a preview in pixels.
LONG_EDGE = 1600
#: A preview's JPEG is never larger than this many bytes.
MAXIMUM_BYTES = 500_000
#: The same of its thumbnail.
THUMBNAIL_EDGE = 400
THUMBNAIL_BYTES = 40_000


@dataclass(frozen=True, slots=True)
class Tile:
    """One instance's frame in a picture."""

    path: Path
    #: Index of the frame, from 0.
    frame: int = 0
    #: Burnt under or over the tile, e.g. the slice number. Never about the patient.
    label: str = ""
    #: A presentation state that the picture is shown through.
    state: Path | None = None
    #: Whether `frame` is a page of a document without pixels.
    page: bool = False


@dataclass(frozen=True, slots=True)
class PreviewPlan:
    """What one picture shall show. Picklable: it travels to a worker."""

    #: Stable within a share, e.g. "view/1.2.3" or "sheet/1.2.4"; names the step of the corridor.
    key: str
    tiles: tuple[Tile, ...]
    #: Burnt in, e.g. "Ankle AP, R". Never about the patient.
    caption: str = ""
    #: For screen readers, e.g. "Radiograph of right ankle, AP view". Never about the patient.
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture ready to be sent. `data` and `thumbnail` are JPEG."""

    key: str
    data: bytes
    width: int
    height: int
    thumbnail: bytes
    thumbnail_width: int
    thumbnail_height: int
    blurhash: str
    alt_text: str
    caption: str
    #: Tiles that show a notice instead of the picture, by their index in the plan, each with the reason.
    problems: tuple[tuple[int, str], ...] = ()


def render(plan: PreviewPlan) -> Preview:
    """The picture that `plan` asks for. Raises `CannotShow`, and nothing else whatever the files hold.

    A sheet with some tiles that cannot be shown is a picture with `problems`; one without any other is not.
    """
    with guarded():
        return _render(plan)


def _render(plan: PreviewPlan) -> Preview:
    from rendering.annotate import bar, captioned  # noqa: PLC0415 Pillow is not loaded where nothing is rendered
    from rendering.encode import blurhash, smaller, within  # noqa: PLC0415
    from rendering.notes import lossy_note, notes  # noqa: PLC0415

    picture, problems = _picture(plan)
    caption = " · ".join(filter(None, (plan.caption, lossy_note(picture.origins))))
    image = captioned(picture.image, caption, bar(picture.spacing, picture.image.width))
    data, width, height = within(smaller(image, LONG_EDGE) if max(image.size) > LONG_EDGE else image, MAXIMUM_BYTES)
    thumbnail, thumbnail_width, thumbnail_height = within(smaller(image, THUMBNAIL_EDGE), THUMBNAIL_BYTES)
    return Preview(
        key=plan.key,
        data=data,
        width=width,
        height=height,
        thumbnail=thumbnail,
        thumbnail_width=thumbnail_width,
        thumbnail_height=thumbnail_height,
        blurhash=blurhash(image),
        alt_text=" ".join((plan.alt_text, *notes(picture.origins))),
        caption=caption,
        problems=problems,
    )


def _picture(plan: PreviewPlan) -> tuple[Picture, tuple[tuple[int, str], ...]]:
    from rendering import montage  # noqa: PLC0415
    from rendering.annotate import STRIP  # noqa: PLC0415

    if plan.tiles and plan.tiles[0].page:
        return _page(plan.tiles[0]), ()
    room = (LONG_EDGE, LONG_EDGE - STRIP)
    count = len(plan.tiles)
    frames, problems = _frames(plan, max(room) if count == 1 else montage.tile_edge(count, *room))
    if len(frames) == 1 and frames[0] is not None:
        return montage.single(frames[0], *room), problems
    return montage.sheet(frames, [tile.label for tile in plan.tiles], *room), problems


def _page(tile: Tile) -> Picture:
    from rendering.documents import page  # noqa: PLC0415
    from rendering.montage import Picture  # noqa: PLC0415

    return Picture(page(tile.path, tile.frame), None)


def _frames(plan: PreviewPlan, edge: int) -> tuple[list[Frame | None], tuple[tuple[int, str], ...]]:
    """Each tile's frame or None, and what was wrong. Raises `CannotShow` when there is not one."""
    from rendering.frame import read_frame  # noqa: PLC0415
    from rendering.header import whole  # noqa: PLC0415

    frames: list[Frame | None] = []
    errors: dict[int, CannotShow] = {}
    for place, tile in enumerate(plan.tiles):
        try:
            with guarded():
                state = whole(tile.state) if tile.state else None
                frames.append(read_frame(tile.path, tile.frame, edge=edge, state=state))
        except CannotShow as error:
            frames.append(None)
            errors[place] = error
    if len(errors) == len(frames):
        raise next(iter(errors.values()), CannotShow("there is nothing in it to show"))
    return frames, tuple((place, error.reason) for place, error in errors.items())
