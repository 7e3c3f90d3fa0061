"""Pictures out of the workers, so that one file which breaks a decoder costs itself and never the rest of its sheet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.workers import CRASHED, HUNG
from rendering.errors import CannotShow
from rendering.guides import read_guide
from rendering.preview import render
from rendering.quicklook import quick_look
from rendering.recode import recode
from rendering.told import told
from rendering.view import view

if TYPE_CHECKING:
    from pathlib import Path

    from bot.workers import Workers
    from rendering.guides import Guide
    from rendering.preview import Preview, PreviewPlan, Tile
    from rendering.quicklook import QuickLook, QuickPlan
    from rendering.recode import Recoded, RecodePlan
    from rendering.told import Told
    from rendering.view import ViewPlan


class Pictures:
    """The jobs of a share. `uploaded`: its files came from a room, not out of our own PACS, and every job is sealed."""

    def __init__(self, workers: Workers, *, uploaded: bool = False) -> None:
        self._workers = workers
        self._uploaded = uploaded

    async def guide(self, path: Path) -> Guide | None:
        """What a small file says about the pictures of its study. Raises `CannotShow`."""
        return await self._workers.submit(read_guide, path, sealed=self._uploaded)

    async def tell(self, path: Path) -> Told:
        """What a report or a PDF says, as text. Raises `CannotShow`."""
        return await self._workers.submit(told, path, sealed=True)

    async def view(self, wanted: ViewPlan) -> Preview:
        """The picture or clip that somebody asked to see. Raises `CannotShow`."""
        return await self._workers.submit(view, wanted, sealed=self._sealed(wanted.plan))

    async def look(self, plan: QuickPlan) -> QuickLook:
        """Frames or pages of one file for the viewer in the parcel. Raises `CannotShow`."""
        return await self._workers.submit(quick_look, plan, sealed=self._uploaded or plan.pages)

    async def recode(self, plan: RecodePlan) -> Recoded:
        """Some of a file in another transfer syntax. Raises `CannotShow`."""
        return await self._workers.submit(recode, plan, sealed=self._uploaded)

    async def preview(self, plan: PreviewPlan) -> Preview:
        """The picture that `plan` asks for. Raises `CannotShow`."""
        try:
            return await self._workers.submit(render, plan, sealed=self._sealed(plan))
        except CannotShow as error:
            if error.code not in {HUNG, CRASHED} or len(plan.tiles) == 1:
                raise
        # Nobody can say which tile it was but the tiles themselves, each in a process of its own.
        tiles = await asyncio.gather(*(self._tried(plan, tile) for tile in plan.tiles))
        return await self._workers.submit(render, replace(plan, tiles=tuple(tiles)), sealed=self._sealed(plan))

    def _sealed(self, plan: PreviewPlan) -> bool:
        """The header guard can look at pixels, and not at a page."""
        return self._uploaded or any(tile.page for tile in plan.tiles)

    async def _tried(self, plan: PreviewPlan, tile: Tile) -> Tile:
        try:
            await self._workers.submit(render, replace(plan, tiles=(tile,)), sealed=True)
        except CannotShow as error:
            return replace(tile, refused=error.reason)
        return tile
