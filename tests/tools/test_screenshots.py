"""The photographs of a chat client that lie in the repository are whole, and the program that takes them is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tools.gallery.kinds import KINDS
from tools.screenshots.__main__ import HEAD, HERE, HOME, STUDIES, page
from tools.screenshots.scenes import Scene

if TYPE_CHECKING:
    from pathlib import Path

PAGE = HOME / "on-a-phone.md"
PICTURES = sorted((HOME / "phone").iterdir())
MOST_BYTES = 2_000_000


def test_the_page_shows_every_picture_once() -> None:
    text = PAGE.read_text("utf-8")
    assert text.startswith(HEAD)
    assert sorted(re.findall(r'<img src="phone/([^"]+)"', text)) == [one.name for one in PICTURES]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_pictures_have_the_size_of_a_phone_at_two_pixels_to_the_point(picture: Path) -> None:
    with Image.open(picture) as image:
        assert image.size == (2 * 390, 2 * 844)


def test_the_pictures_weigh_little() -> None:
    assert sum(one.stat().st_size for one in PICTURES) < MOST_BYTES


def test_the_studies_are_in_the_gallery() -> None:
    assert set(STUDIES) <= {kind.name for kind in KINDS}


def test_a_heading_says_nothing_in_html_that_it_does_not_say_in_words() -> None:
    assert 'alt="5 &lt; 6 &quot;so&quot; on a phone"' in page([Scene('5 < 6 "so"', "line", ("one.jpg",))])


def test_what_the_build_needs_is_there() -> None:
    needed = {"build.mjs", "client.mjs", "index.html", "node.mjs", "nothing.cjs", "package-lock.json", "phone.css"}
    assert needed | {"shell.mjs", ".npmrc"} <= {one.name for one in HERE.iterdir()}
