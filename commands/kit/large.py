"""The question before much is sent: how large it is, how long it takes, and what would be less."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from commands.kit import describe, lists
from commands.kit.context import Outcome
from commands.kit.reply import Reply
from delivery.narrow import is_document, is_thin
from delivery.options import WHOLE, Options
from delivery.parts import plan_parts
from rendering.guides import is_guide
from studies.identity import without_controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from commands.kit.context import Context, Sending
    from commands.kit.picked import Picked
    from studies.model import Series, Study

#: Bytes up to which a share is not asked about.
UNASKED = 100_000_000
#: Series offered one by one.
_MOST = 8
#: Mbit/s for which a time is said while nothing was sent yet.
_LINKS = (10, 100)


def must_be_asked(chosen: Sequence[Picked]) -> bool:
    """Whether more would go than goes without a word."""
    return sum(one.to_agree for one in chosen) > UNASKED


async def question(context: Context, chosen: Sequence[Picked]) -> Outcome:
    """Ways to send it, each with its size and time; the number of one is the agreement to it."""
    sending = await context.sending()
    ways = [*chosen, *(_less(chosen[0]) if len(chosen) == 1 else ())]
    lines = [f"{number}. {_way(one, sending, alone=len(chosen) == 1)}" for number, one in enumerate(ways, 1)]
    about = [describe.masked(chosen[0].found)] if len(chosen) == 1 else []
    text = "\n".join([*about, "That is large. Nothing is sent until you type a number:", *lines])
    return Outcome((Reply("large", text),), (lists.asked(context, [one.item() for one in ways]),))


def _less(one: Picked) -> Iterator[Picked]:
    """Narrower ways, where nothing was narrowed yet."""
    if one.options.narrows:
        return
    study = one.found.study
    if any(map(is_guide, study.instances)):
        yield _but(one, Options(key=True))
    pictures = [series for series in study.series if not all(map(is_document, series.instances))]
    thin = list(map(is_thin, pictures))
    if any(thin) and not all(thin):
        yield from (_but(one, Options(thick=True)), _but(one, Options(thin=True)))
    numbers = list(dict.fromkeys(series.series_number for series in pictures if series.series_number is not None))
    yield from (_but(one, Options(series=(number,))) for number in numbers[:_MOST] if len(numbers) > 1)


def _but(one: Picked, narrower: Options) -> Picked:
    form = one.options
    return replace(one, options=replace(narrower, as_stored=form.as_stored, pdi=form.pdi))


def _way(one: Picked, sending: Sending, *, alone: bool) -> str:
    which = _named(one.found.study, one.options) if alone else describe.masked(one.found)
    if one.options.key:
        return which
    study = one.study
    zips = describe.count(len(plan_parts(study, sending.part_bytes)), "ZIP file")
    return f"{which}: {describe.amount(study)}, {zips}, {_time(study.size, sending.speed)}"


def _named(study: Study, options: Options) -> str:
    if len(options.series) == 1 and replace(options, series=()) == replace(
        WHOLE, as_stored=options.as_stored, pdi=options.pdi
    ):
        return ", ".join(filter(None, (options.words, _described(study, options.series[0]))))
    return options.words or "all of it"


def _described(study: Study, number: int) -> str:
    series: Series = next(one for one in study.series if one.series_number == number)
    return without_controls(series.series_description)[:40]


def _time(size: int, speed: float | None) -> str:
    """By the last uploads; before the first, for links that people know."""
    if speed:
        return describe.duration(size / speed)
    return " or ".join(f"{describe.duration(size * 8 / link / 1e6)} at {link} Mbit/s" for link in _LINKS)
