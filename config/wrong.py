"""A wrong configuration in sentences: which setting, and what it should be. No value is quoted: one may be a secret."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel

from config.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Location = tuple[int | str, ...]


class ConfigurationWrong(Mistake):
    """The file cannot be used. `faults` holds one sentence for each thing to put right."""

    def __init__(self, file_name: str, faults: Sequence[str]) -> None:
        super().__init__("\n".join([f"{file_name} cannot be used:", *(f"- {fault}" for fault in faults)]), "C01")
        self.faults = tuple(faults)


def faults(model: type[BaseModel], error: ValidationError) -> list[str]:
    """One sentence for each fault that pydantic found."""
    found = error.errors(include_input=False, include_url=False, include_context=True)
    return list(dict.fromkeys(_sentence(model, one) for one in found if not _follows(one, found)))


def _follows(fault: ErrorDetails, others: Sequence[ErrorDetails]) -> bool:
    """A list counts as too short when its items are wrong: only the items are worth telling."""
    size = len(fault["loc"])
    return fault["type"] == "too_short" and any(
        len(other["loc"]) > size and other["loc"][:size] == fault["loc"] for other in others
    )


def _sentence(model: type[BaseModel], fault: ErrorDetails) -> str:
    location = _of_the_list(model, fault["loc"])
    if fault["type"] == "extra_forbidden":
        return _unknown(model, location)
    if fault["type"] == "value_error" and _model_at(model, location):  # a rule between settings names them itself
        return fault["msg"].removeprefix("Value error, ") + "."
    should_be = _description(model, location) or "a table"
    missing = "; it is missing" if fault["type"] == "missing" else ""
    return f"{_name(location)} should be {should_be}{missing}."


def _of_the_list(model: type[BaseModel], location: Location) -> Location:
    """A wrong value in a list of plain values is a fault of the list, whose description says what may stand in it."""
    while location and isinstance(location[-1], int) and _model_at(model, location) is None:
        location = location[:-1]
    return location


def _unknown(model: type[BaseModel], location: Location) -> str:
    parent = _model_at(model, location[:-1])
    known = [field.alias or name for name, field in parent.model_fields.items()] if parent else []
    near = difflib.get_close_matches(str(location[-1]), known, 1)
    hint = f" Did you mean {_name((*location[:-1], near[0]))}?" if near else f" Known here: {', '.join(known)}."
    return f"{_name(location)} is not a setting.{hint}"


def _name(location: Location) -> str:
    """As the operator finds it: "matrix.user_id", "sources[2].path" (the second table)."""
    name = ""
    for part in location:
        name += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def _description(model: type[BaseModel], location: Location) -> str | None:
    parent = _model_at(model, location[:-1])
    fields = parent.model_fields.items() if parent else ()
    return next((field.description for name, field in fields if location[-1] in {name, field.alias}), None)


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The section that a location leads to."""
    here: object = model
    for part in location:
        if isinstance(part, str) and isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(part)
            here = field.annotation if field else None
        elif isinstance(part, int):
            here = next(iter(get_args(here)), None)
        else:
            return None
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None
