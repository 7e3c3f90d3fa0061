"""How a share is to be made: which part of the study, and in which form its files travel. Kept with the share."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Options:
    """What stands behind the study in a `!share`; nothing given means all of it, in the form that pays."""

    #: Numbers of the series (SeriesNumber) that go; () for all of them.
    series: tuple[int, ...] = ()
    #: Only stacks of thin slices, or only what is none.
    thin: bool = False
    thick: bool = False
    #: Only the images that somebody marked (key object selections, presentation states).
    key: bool = False
    #: The files' own transfer syntaxes, whatever would be smaller.
    as_stored: bool = False
    #: Uncompressed, as IHE PDI and STD-GEN-CD ask.
    pdi: bool = False

    @classmethod
    def kept(cls, told: Mapping[str, Any]) -> Options:
        """Back from the ledger, where `asdict` put it. Words that are not known any more are passed over."""
        known = {one.name: told[one.name] for one in fields(cls) if one.name in told}
        return cls(**{**known, "series": tuple(known.get("series", ()))})

    @property
    def narrows(self) -> bool:
        """Whether less than the whole study goes."""
        return replace(self, as_stored=False, pdi=False) != WHOLE

    @property
    def words(self) -> str:
        """What goes, for people: `series 3 and 5, thin slices`; "" for the whole study."""
        return ", ".join(self._said())

    def _said(self) -> Iterator[str]:
        if self.series:
            yield f"series {' and '.join(map(str, self.series))}"
        if self.thin:
            yield "thin slices"
        if self.thick:
            yield "without the thin slices"
        if self.key:
            yield "key images"


WHOLE = Options()
