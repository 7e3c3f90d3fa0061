"""How every benchmark shows what it measured: a table for people, or JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: `value` in `unit`, compared with `against`, whose ratio to ours is `ratio`."""

    name: str
    value: float
    unit: str
    #: What it is compared with, in words with its own figure; "" if with nothing.
    against: str = ""
    #: How often better than `against`, larger is better; None if compared with nothing.
    ratio: float | None = None
    #: In words, e.g. "at least 10 x".
    goal: str = ""
    met: bool | None = None


def show(rows: list[Row], as_json: bool) -> None:  # noqa: FBT001 - the value of --json
    """Print the rows to standard output."""
    if as_json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
        return
    table = Table(*(field.name for field in dataclasses.fields(Row)))
    for row in rows:
        table.add_row(*(_cell(value) for value in dataclasses.astuple(row)))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
