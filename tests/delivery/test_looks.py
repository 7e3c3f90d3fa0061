"""What the viewer shows, made in workers while the parcel is packed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from delivery.looks import looks
from delivery.viewer.site import Site
from rendering.errors import CannotShow
from rendering.quicklook import QuickLook, QuickPlan, quick_look
from tests.delivery.material import one_file, whole
from tests.fakes import dicom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.delivery.material import Found


def film(folder: Path) -> Found:
    frames = (np.arange(45 * 48 * 40, dtype="<u2") % 4096).tobytes()
    return one_file(dicom.save(dicom.image(NumberOfFrames=45, PixelData=frames), folder / "film"))


async def made(found: Found, make: Callable[[QuickPlan], Awaitable[QuickLook]]) -> list[object]:
    site = Site(found.study, whole(found.study), budget=1_000_000)
    coming = looks(site, found.files, make)
    return await asyncio.to_thread(lambda: list(coming))


async def test_a_film_is_made_portion_by_portion(tmp_path: Path) -> None:
    asked = []

    async def here(plan: QuickPlan) -> QuickLook:
        asked.append((plan.first, plan.count))
        return quick_look(plan)

    [look] = await made(film(tmp_path), here)
    assert asked == [(0, 20), (20, 20), (40, 5)]
    assert isinstance(look, QuickLook)
    assert len(look.frames) == 45


@pytest.mark.parametrize(("fails_at", "frames"), [(0, None), (20, 20)])
async def test_what_was_made_before_something_fails_is_kept(tmp_path: Path, fails_at: int, frames: int | None) -> None:
    async def here(plan: QuickPlan) -> QuickLook:
        if plan.first == fails_at:
            raise CannotShow("decoding it takes too long")
        return quick_look(plan)

    found = film(tmp_path)
    [look] = await made(found, here)
    if frames is None:
        assert look == "No quick look: decoding it takes too long."
    else:
        assert isinstance(look, QuickLook)
        assert len(look.frames) == frames
