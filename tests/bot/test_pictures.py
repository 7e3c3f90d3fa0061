"""One file that breaks a decoder costs its own picture. A pipe that nobody writes to stands in for one that hangs."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pydicom
import pytest

from bot.pictures import Pictures
from bot.workers import Workers
from rendering.errors import CannotShow
from rendering.preview import PreviewPlan, Tile
from studies.synthetic import write_document, write_report, write_selection
from tests.fakes import dicom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="module")
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(2, deadline=2.0)
    await pool.warm_up()
    yield pool
    pool.close()


def hanging(folder: Path) -> Path:
    os.mkfifo(folder / "hanging")
    return folder / "hanging"


@pytest.mark.parametrize("uploaded", [False, True])
async def test_a_tile_that_hangs_is_named_and_the_rest_of_its_sheet_is_drawn(
    workers: Workers, tmp_path: Path, *, uploaded: bool
) -> None:
    good = [Tile(dicom.save(dicom.image(), tmp_path / f"{number}"), label=f"{number}") for number in range(3)]
    plan = PreviewPlan("sheet/1", (good[0], Tile(hanging(tmp_path)), *good[1:]))
    preview = await Pictures(workers, uploaded=uploaded).preview(plan)
    assert preview.problems == ((1, "decoding it takes too long"),)


async def test_a_picture_that_hangs_is_one_sentence_within_its_deadline(workers: Workers, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(CannotShow) as caught:
        await Pictures(workers).preview(PreviewPlan("view/1", (Tile(hanging(tmp_path)),)))
    assert str(caught.value) == "Cannot be shown: decoding it takes too long. [P20]"
    assert time.monotonic() - started < 10


async def test_a_sheet_of_nothing_else_is_one_sentence(workers: Workers, tmp_path: Path) -> None:
    pipe = hanging(tmp_path)
    with pytest.raises(CannotShow, match="takes too long"):
        await Pictures(workers).preview(PreviewPlan("sheet/1", (Tile(pipe), Tile(pipe))))


async def test_a_page_behind_a_link_is_drawn_in_its_sealed_process(workers: Workers, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(write_document(tmp_path))
    assert (await Pictures(workers).preview(PreviewPlan("page/1", (Tile(tmp_path / "link", page=True),)))).data


async def test_a_sealed_page_has_letters_of_every_script_though_it_opens_no_font(
    workers: Workers, tmp_path: Path
) -> None:
    (tmp_path / "latin").mkdir()
    said = pydicom.dcmread(write_report(tmp_path / "latin"))
    said.SpecificCharacterSet = "ISO_IR 192"
    pages = set()
    for text in ("右腓骨の骨折", "كسر في الشظية", "\ufffe" * 6):
        said.ContentSequence[-1].ContentSequence[0].TextValue = text
        said.save_as(tmp_path / "report")
        plan = PreviewPlan("page/1", (Tile(tmp_path / "report", page=True),))
        pages.add((await Pictures(workers, uploaded=True).preview(plan)).data)
    assert len(pages) == 3


@pytest.mark.parametrize("uploaded", [False, True])
async def test_guides_are_read_in_a_worker(workers: Workers, tmp_path: Path, *, uploaded: bool) -> None:
    guide = await Pictures(workers, uploaded=uploaded).guide(write_selection(tmp_path))
    assert guide is not None
    assert not guide.is_state
