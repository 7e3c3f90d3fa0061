"""What every benchmark prints: one row per number, as a table for people or as JSON for machines."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One measured number, what it stands against, and what was promised."""

    name: str
    value: float
    unit: str
    #: What it is compared with, in words and its own number ("curl: 1.02 s"); empty when with nothing.
    against: str = ""
    #: How many times: the row's name or goal says of what to what.
    ratio: float | None = None
    #: The promise in words ("at most 2 x"); empty when there is none.
    goal: str = ""
    #: None when there is no promise.
    met: bool | None = None


def show(rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the rows: a JSON list of objects with Row's names, or a table."""
    if as_json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    else:
        Console().print(_table(rows))


def _table(rows: Sequence[Row]) -> Table:
    table = Table("", "measured", "against", "ratio", "goal", "met")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        met = {True: "[green]yes", False: "[red]no", None: ""}[row.met]
        table.add_row(row.name, f"{row.value:,.2f} {row.unit}", row.against, ratio, row.goal, met)
    return table
