"""Parts that `carrierbag open` joined, on the page that it opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from delivery.joined import joined
from delivery.parcel import Packing
from delivery.parts import plan_parts
from delivery.received import grouped, received
from delivery.spool import Spool
from delivery.viewer.site import Site
from studies.synthetic import write_ct
from tests.browser.browser import PHONE
from tests.delivery.material import opened
from tests.delivery.viewer.conftest import NOTE, Screen, looked, study_of

if TYPE_CHECKING:
    from pathlib import Path

    from delivery.joined import Joined
    from tests.browser.browser import Browser

SLICES = 24


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("parts")
    found = study_of(write_ct(folder / "source", slices=SLICES, rows=256))
    spool, files = Spool(folder / "spool", 1 << 30), dict(found.files)
    return [
        opened(_packed(found.study, part, files, spool), spool, folder / part.file_name)
        for part in plan_parts(found.study, 1_500_000)
    ]


def _packed(study, part, files, spool):  # noqa: ANN001, ANN202
    site = Site(study, part, (NOTE,), budget=300_000)
    with spool.seal() as sink:
        packing = Packing(study, part, sink, site=site)
        for instance in part.instances:
            packing.add(instance, files[instance], looked(site.plan(instance, files[instance])))
        return packing.finish()


def put_together(paths: list[Path], folder: Path) -> Joined:
    [group] = grouped(map(received, paths))
    return joined(group, folder)


def test_all_slices_of_all_parts_scroll_in_one_stack(browser: Browser, parts: list[Path], tmp_path: Path) -> None:
    assert len(parts) > 1
    made = put_together(parts, tmp_path / "joined")
    assert made.page is not None
    screen = Screen(browser, made.page)
    assert browser.ask("viewer.study.series.map((one) => one.frames.length)") == [SLICES]
    numbers = browser.ask("viewer.study.series[0].frames.map((one) => one.instance.number)")
    assert numbers == list(range(1, SLICES + 1))
    for key in ("Home", "End"):
        screen.press(key)
        assert screen.lacking == ""
        assert screen.pixels().max() > 0
    screen.press("n")
    assert screen.text("aside").count(NOTE.author) == 1
    assert "part" not in screen.text("header")


def test_what_is_not_here_is_said_on_the_page(browser: Browser, parts: list[Path], tmp_path: Path) -> None:
    made = put_together(parts[1:], tmp_path / "joined")
    assert made.page is not None
    screen = Screen(browser, made.page, PHONE)
    screen.press("n")
    assert f"Part 1 of {len(parts)} is not in this folder." in screen.text("aside")
    assert "Not all is here" in screen.text("header")
