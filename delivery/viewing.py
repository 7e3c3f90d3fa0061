"""One picture of a study as somebody asked to see it: which one, with which window, how large. No Matrix I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from config.errors import Mistake
from rendering.look import Look
from rendering.pick import Wanted, pick
from rendering.presets import UNITS, preset
from rendering.view import ViewPlan
from rendering.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from delivery.handover import Handover
    from rendering.presets import Part
    from rendering.preview import Preview
    from studies.model import Series

View = Callable[[ViewPlan], Awaitable["Preview"]]


class NoSuchWindow(Mistake):
    """The window's name means nothing for this kind of picture."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed. Nothing given is what is read first, as it is."""

    #: SeriesNumber and InstanceNumber.
    series: int | None = None
    image: int | None = None
    #: One of `rendering.presets.NAMES`, or "".
    window: str = ""
    #: Width and centre, in modality values.
    levels: tuple[float, float] | None = None
    inverted: bool = False
    zoom: float = 1.0
    #: Fractions of the picture's width and height, from the left and from the top.
    at: tuple[float, float] = (0.5, 0.5)
    full: bool = False
    cine: bool = False
    #: Asked for by somebody who may not share: only while the study is what was shared.
    only_shared: bool = False

    @classmethod
    def kept(cls, told: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` made, by way of JSON."""
        pairs = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
        return cls(**{**told, **pairs})

    @property
    def words(self) -> tuple[str, ...]:
        """What differs from the usual, to be said under the picture."""
        said = [f"{self.window} window"] if self.window else []
        said += ["inverted"] if self.inverted else []
        said += [f"{self.zoom:g} times larger"] if self.zoom > 1 else []
        return (*said, *(["every pixel"] if self.full else []))


async def viewed(handover: Handover, wish: Wish, view: View) -> Preview:
    """The picture. Raises `CannotShow`, `NotThere`, `NoSuchWindow`, and the errors of `studies.errors`."""
    guides = await handover.guides()
    picked = pick(handover.study, guides, _wanted(wish))
    look = Look(_window(wish, picked.series), wish.inverted, wish.zoom, wish.at, wish.full)
    choice = picked.choice
    for words in wish.words:
        choice = choice.said(words)
    return await view(ViewPlan(choice.plan(await handover.paths(choice)), look, wish.cine))


def _wanted(wish: Wish) -> Wanted:
    alone = wish.full or wish.zoom > 1
    return Wanted(wish.series, wish.image, alone, wish.cine, UNITS if wish.window else frozenset())


def _window(wish: Wish, series: Series) -> Window | Part | None:
    if wish.levels is not None:
        return Window(wish.levels[1], wish.levels[0])
    if not wish.window:
        return None
    named = preset(wish.window, series.modality, series.body_part_examined)
    if named is None:
        raise NoSuchWindow(
            f"A {wish.window} window means nothing for this kind of picture. Give width and centre, like: 400/40", "N06"
        )
    return named
