"""From one planned picture to a JPEG that a phone shows: the entry point of this floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rendering.errors import CannotShow
from rendering.safely import guarded

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from rendering.frame import Frame
    from rendering.look import Look
    from rendering.montage import Picture

JPEG = "image/jpeg"
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
    #: Why it is not even tried, e.g. because it broke a decoder before; "" if it is.
    refused: str = ""


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
    #: How somebody wants to see it, if not as its header says.
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture or a clip ready to be sent. `thumbnail` is JPEG, and the poster of a clip."""

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
    #: Of `data`.
    mimetype: str = JPEG


def render(plan: PreviewPlan) -> Preview:
    """The picture that `plan` asks for. Raises `CannotShow`, and nothing else whatever the files hold.

    A sheet with some tiles that cannot be shown is a picture with `problems`; one without any other is not.
    """
    with guarded():
        return _render(plan)


def _render(plan: PreviewPlan) -> Preview:
    from rendering.encode import smaller, within  # noqa: PLC0415 Pillow is not loaded where nothing is rendered

    picture, problems = pictured(plan)
    image, caption = composed(plan, picture)
    encoded = within(smaller(image, LONG_EDGE) if max(image.size) > LONG_EDGE else image, MAXIMUM_BYTES)
    return packed(plan, picture, image, caption, encoded, problems=problems)


def composed(plan: PreviewPlan, picture: Picture) -> tuple[Image.Image, str]:
    """The picture with all that is written beside it, and the words of its caption."""
    from rendering.annotate import bar, captioned  # noqa: PLC0415
    from rendering.notes import lossy_note  # noqa: PLC0415

    caption = " · ".join(filter(None, (plan.caption, lossy_note(picture.origins))))
    scale = bar(picture.spacing, picture.image.width)
    return captioned(picture.image, caption, scale, picture.orientation), caption


def packed(
    plan: PreviewPlan,
    picture: Picture,
    image: Image.Image,
    caption: str,
    encoded: tuple[bytes, int, int],
    *,
    mimetype: str = JPEG,
    problems: tuple[tuple[int, str], ...] = (),
) -> Preview:
    """What is sent: `encoded` is (bytes, width, height) of the whole, `image` what its thumbnail is made of."""
    from rendering.encode import blurhash, smaller, within  # noqa: PLC0415
    from rendering.notes import notes  # noqa: PLC0415

    small = smaller(image, THUMBNAIL_EDGE)
    thumbnail, thumbnail_width, thumbnail_height = within(small, THUMBNAIL_BYTES)
    return Preview(
        key=plan.key,
        data=encoded[0],
        width=encoded[1],
        height=encoded[2],
        thumbnail=thumbnail,
        thumbnail_width=thumbnail_width,
        thumbnail_height=thumbnail_height,
        blurhash=blurhash(small),
        alt_text=" ".join((plan.alt_text, *notes(picture.origins))),
        caption=caption,
        problems=problems,
        mimetype=mimetype,
    )


def pictured(plan: PreviewPlan, edge: int = LONG_EDGE) -> tuple[Picture, tuple[tuple[int, str], ...]]:
    """The plan's frames as one picture that, with its words, has a long edge of at most `edge`; what was wrong."""
    from rendering import montage  # noqa: PLC0415
    from rendering.annotate import room  # noqa: PLC0415

    if plan.tiles and plan.tiles[0].page:
        return _page(plan.tiles[0]), ()
    count = len(plan.tiles)
    frames, problems = _frames(plan, edge if count == 1 else montage.tile_edge(count, *room(edge, oriented=False)))
    left = room(edge, oriented=any(one is not None and one.orientation for one in frames))
    if len(frames) == 1 and frames[0] is not None:
        return montage.single(frames[0], *left), problems
    return montage.sheet(frames, [tile.label for tile in plan.tiles], *left), problems


def _page(tile: Tile) -> Picture:
    from rendering.documents import page  # noqa: PLC0415
    from rendering.montage import Picture  # noqa: PLC0415

    return Picture(page(tile.path, tile.frame), None)


def _frames(plan: PreviewPlan, edge: int) -> tuple[list[Frame | None], tuple[tuple[int, str], ...]]:
    """Each tile's frame or None, and what was wrong. Raises `CannotShow` when there is not one."""
    frames: list[Frame | None] = []
    errors: dict[int, CannotShow] = {}
    for place, tile in enumerate(plan.tiles):
        try:
            with guarded():
                frames.append(tile_frame(tile, edge, plan.look))
        except CannotShow as error:
            frames.append(None)
            errors[place] = error
    if len(errors) == len(frames):
        raise next(iter(errors.values()), CannotShow("there is nothing in it to show"))
    return frames, tuple((place, error.reason) for place, error in errors.items())


def tile_frame(tile: Tile, edge: int, look: Look | None = None) -> Frame:
    """One tile's frame, with a long edge of at least `edge` if it has that many pixels, as `look` wants it seen.

    Raises `CannotShow`; a tile that was refused before is not tried again.
    """
    from rendering.frame import read_frame  # noqa: PLC0415
    from rendering.header import whole  # noqa: PLC0415

    if tile.refused:
        raise CannotShow(tile.refused)
    state = whole(tile.state) if tile.state else None
    frame = read_frame(tile.path, tile.frame, edge=look.edge(edge) if look else edge, state=state)
    return look.applied(frame) if look else frame
