"""The gallery that lies in the repository is the one that the program would make, in its structure."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from tools.gallery.__main__ import HEAD, HOME, WIDTH, main, pictures
from tools.gallery.kinds import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from tools.gallery.kinds import Kind

#: What the page and its pictures may weigh in the repository.
MOST_BYTES = 4_000_000
#: Kinds that are made quickly enough to make them anew: more pages and sheets than pixels.
QUICK = [one for one in KINDS if one.name in {"words", "ecg", "brain", "damaged", "chest", "bone-scan"}]
PICTURE = re.compile(r'<img src="gallery/([^"]+)" width="(\d+)" alt="([^"]+)">')


@pytest.fixture(scope="module")
def page() -> str:
    return (HOME / "gallery.md").read_text("utf-8")


def section(page: str, heading: str) -> str:
    return page.split(f"## {heading}\n", 1)[1].partition("\n## ")[0]


def test_every_kind_has_its_section_in_order(page: str) -> None:
    assert page.startswith(HEAD)
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == [kind.heading for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_section_has_its_line_its_pictures_and_what_was_asked(page: str, kind: Kind) -> None:
    here = section(page, kind.heading)
    assert kind.line in here
    names = [name for name, _, _ in PICTURE.findall(here)]
    assert names
    assert all(name.startswith(f"{kind.name}-") for name in names)
    assert re.findall(r"`!view 12 (.+)`", here) == list(kind.views)


def test_every_picture_is_there_once_with_words_for_a_screen_reader_and_no_more(page: str) -> None:
    told = PICTURE.findall(page)
    assert len(told) == page.count("<img")
    assert sorted(name for name, _, _ in told) == sorted(path.name for path in (HOME / "gallery").iterdir())
    assert {int(width) for _, width, _ in told} == {WIDTH}
    assert all("not for primary interpretation" in alt for _, _, alt in told)


def test_the_gallery_is_small() -> None:
    assert sum(path.stat().st_size for path in [HOME / "gallery.md", *(HOME / "gallery").iterdir()]) < MOST_BYTES


def test_quick_kinds_made_anew_are_what_lies_there(page: str, tmp_path: Path) -> None:
    main(tmp_path, QUICK)
    again = (tmp_path / "gallery.md").read_text("utf-8")
    assert [section(again, kind.heading).strip() for kind in QUICK] == [
        section(page, kind.heading).strip() for kind in QUICK
    ]


def test_the_gallery_is_what_the_bot_posts(tmp_path: Path) -> None:
    (damaged,) = [kind for kind in KINDS if kind.name == "damaged"]
    shown = asyncio.run(pictures(damaged, tmp_path))
    assert [type(one.item).__name__ for one in shown] == ["Preview", "Preview", "str"]
