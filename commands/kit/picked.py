"""A study that somebody picked to be shared, and how; it may stand on a list until its number is typed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from commands.kit import lists
from config.errors import Mistake
from delivery.errors import NothingLeft
from delivery.narrow import narrowed
from delivery.options import WHOLE, Options
from rendering.guides import is_guide
from studies.sources.everywhere import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from commands.kit.context import Context
    from commands.kit.options import Asked
    from studies.model import Study


@dataclass(frozen=True, slots=True)
class Picked:
    """One study, whole, and what of it shall be sent in which form."""

    found: Found
    options: Options = WHOLE
    note: str = ""
    #: Bytes that were said to this person, who then typed the number: 0 if none were.
    agreed: int = 0

    @property
    def study(self) -> Study:
        """What would be sent; of key images, all from which they are. Raises `NothingLeft`."""
        study = narrowed(self.found.study, self.options)
        if self.options.key and not any(map(is_guide, self.found.study.instances)):
            raise NothingLeft("Nobody has marked key images in this study. Choose series, like: series 3", "D32")
        return study

    @property
    def to_agree(self) -> int:
        """Bytes about which nothing was said yet. Key images are few, and counted when they are known."""
        size = 0 if self.options.key else self.study.size
        return size if size > self.agreed else 0

    def item(self) -> dict[str, Any]:
        """For a list that says how much it is: whoever types its number agrees to that."""
        how: dict[str, Any] = {"options": asdict(self.options), "note": self.note, "agreed": self.study.size}
        return lists.item(self.found, **how)


async def looked_up(context: Context, item: Mapping[str, Any]) -> Found:
    """The study of an item, as its source has it now. Raises the errors of `studies.errors`."""
    return Found(await context.sources.named(item["source"]).study(item["uid"]), item["source"])


async def picked(context: Context, item: Mapping[str, Any], said: Asked) -> Picked:
    """What the number of an item stands for. Options typed with the number count instead of those of the list."""
    found = await looked_up(context, item)
    options, note = Options.kept(item.get("options", {})), said.note or item.get("note", "")
    if said.options != WHOLE:
        return Picked(found, said.options, note)
    return Picked(found, options, note, item.get("agreed", 0))


def together(several: Iterable[Picked]) -> list[Picked]:
    """Each study once: series that were picked one by one go in one share. Raises `Mistake` where that cannot be."""
    by_study: dict[tuple[str, str], Picked] = {}
    for one in several:
        key = (one.found.source, one.found.study.study_instance_uid)
        by_study[key] = _both(by_study[key], one) if key in by_study else one
    return list(by_study.values())


def _both(one: Picked, other: Picked) -> Picked:
    if one == other:
        return one
    series = (*one.options.series, *(number for number in other.options.series if number not in one.options.series))
    merged = replace(one.options, series=series)
    if merged != replace(other.options, series=series) or not (one.options.series and other.options.series):
        raise Mistake(
            "These are several ways to send one study. Type the number of one of them, or several series.", "T36"
        )
    return replace(one, options=merged, agreed=one.agreed + other.agreed)
