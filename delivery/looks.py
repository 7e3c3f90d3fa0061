"""What the viewer shows of a part's files, made in workers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from delivery.ahead import Ahead
from rendering.errors import CannotShow
from rendering.quicklook import QuickLook, QuickPlan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from delivery.parcel import Look
    from delivery.viewer.site import Site
    from studies.model import Instance

Make: TypeAlias = Callable[[QuickPlan], Awaitable[QuickLook]]


def looks(site: Site, files: Sequence[tuple[Instance, Path]], make: Make) -> Ahead[tuple[Instance, Path], Look]:
    """One for each of `files`, in their order."""

    async def made(file: tuple[Instance, Path]) -> Look:
        plan = site.plan(*file)
        if plan is None:
            return None
        look: Look = None
        for portion in plan.portions():
            try:
                more = await make(portion)
            except CannotShow as error:
                return look or f"No quick look: {error.reason}."
            look = look.followed_by(more) if isinstance(look, QuickLook) else more
        return look

    return Ahead(files, made)
