"""Makes the gallery: `python -m tools.gallery [DIRECTORY]` writes gallery.md and its pictures (`make gallery`).

Every picture is what the bot would post: the same choice, the same renderer, made smaller for the page.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageSequence

from commands.kit.wishes import wished
from delivery.handover import Handover
from delivery.spool import Spool
from delivery.viewing import viewed
from rendering.guides import read_guide
from rendering.preview import Preview, render
from rendering.view import ViewPlan, view
from studies.read import read_header
from studies.tree import assemble
from tools.gallery.kinds import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from rendering.guides import Guide
    from rendering.preview import PreviewPlan
    from studies.model import Instance, Study

HOME = Path(__file__).resolve().parents[2] / "docs" / "for-clinicians"
#: Pictures on the page: long edge in pixels, quality of the JPEG, and the width at which a phone shows them.
EDGE, QUALITY, WIDTH = 900, 74, 340
#: Of clips every second frame, so that the repository stays small.
CLIP_EDGE, CLIP_COLOURS = 240, 40
HEAD = """# What each kind of study looks like

Made by `make gallery`; every picture is what the bot posts, as wide as on a phone. All patients are invented: the
studies are drawn by programs, except three test files that come with pydicom and pydicom-data.
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a section, or words."""

    item: Preview | str
    #: What was typed for it behind `!view`, "" if nothing.
    asked: str = ""
    notes: tuple[str, ...] = ()


class Shelf:
    """The files of one study, as far as a handover asks a source for them."""

    def __init__(self, directory: Path) -> None:
        headers = {path: found for path in sorted(directory.iterdir()) if (found := read_header(path))}
        self.study: Study = assemble(list(headers.values()))
        self._paths = {header.instance.key: path for path, header in headers.items()}

    async def fetch(self, instances: Sequence[Instance]) -> AsyncIterator[tuple[Instance, Path]]:
        """Each with its file."""
        for one in instances:
            yield one, self._paths[one.key]


async def pictures(kind: Kind, work: Path) -> list[Shown]:
    """What the bot posts of it, then the answers to what is asked."""
    directory = work / kind.name
    directory.mkdir()
    kind.write(directory)
    shelf = Shelf(directory)
    handover = Handover(shelf.study, shelf, spool=Spool(work / "spool", 1), render=_render, read=_read)  # type: ignore[arg-type]
    shown = [Shown(one.item, notes=one.notes) async for one in handover.previews(()) if not hasattr(one.item, "sealed")]
    answers = [Shown(await viewed(handover, wished(asked)[1], _view), asked) for asked in kind.views]
    return [*shown, *answers]


async def _render(plan: PreviewPlan) -> Preview:
    return render(plan)


async def _read(path: Path) -> Guide | None:
    return read_guide(path)


async def _view(wanted: ViewPlan) -> Preview:
    return view(wanted)


def section(kind: Kind, shown: Sequence[Shown], home: Path) -> str:
    """Its Markdown; the pictures are written beside it."""
    return "\n".join([f"## {kind.heading}\n", f"{kind.line}\n", *_lines(kind, shown, home)])


def _lines(kind: Kind, shown: Sequence[Shown], home: Path) -> Iterator[str]:
    for number, one in enumerate(shown, 1):
        if one.asked:
            yield f"`!view 12 {one.asked}`\n"
        if isinstance(one.item, str):
            yield "".join(f"> {line}  \n" for line in one.item.splitlines())
            continue
        data, suffix = smaller(one.item.data)
        name = f"{kind.name}-{number}.{suffix}"
        (home / "gallery" / name).write_bytes(data)
        yield f'<img src="gallery/{name}" width="{WIDTH}" alt="{escape(one.item.alt_text)}">\n'
        yield from (f"> {note}  \n" for note in one.notes)


def smaller(data: bytes) -> tuple[bytes, str]:
    """(picture for the page, ending of its name)."""
    image, out = Image.open(io.BytesIO(data)), io.BytesIO()
    if getattr(image, "n_frames", 1) > 1:
        every = [_fitted(frame.copy(), CLIP_EDGE).quantize(CLIP_COLOURS) for frame in ImageSequence.Iterator(image)]
        frames, pause = every[::2], 2 * image.info.get("duration", 100)
        frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=pause, loop=0)
        return out.getvalue(), "gif"
    _fitted(image, EDGE).save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue(), "jpg"


def _fitted(image: Image.Image, edge: int) -> Image.Image:
    plain = image if image.mode == "L" else image.convert("RGB")
    plain.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return plain


def main(home: Path = HOME, kinds: Sequence[Kind] = KINDS) -> None:
    """All of it anew."""
    (home / "gallery").mkdir(parents=True, exist_ok=True)
    for old in (home / "gallery").iterdir():
        old.unlink()
    sections = [HEAD]
    for kind in kinds:
        with tempfile.TemporaryDirectory() as work:
            sections.append(section(kind, asyncio.run(pictures(kind, Path(work))), home))
    (home / "gallery.md").write_text("\n".join(sections), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HOME)
