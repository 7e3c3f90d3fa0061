"""Commands are typed functions: their annotations are the parser, their docstrings and parameters are the help.

A command is an async function `(context, parameter, ...) -> Outcome` under `@command`. Each parameter after the context
is annotated with a type of `CONVERTERS`, optionally as `Annotated[type, "what it is"]`; one with a default may be left
out. A parameter of type `Words` takes all that remains of the line, one of type `Lines` that and further lines.
"""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NewType, get_args, get_origin, get_type_hints

from config.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from access.policy import Action
    from commands.kit.context import Context, Outcome

#: All that remains of the line.
Words = NewType("Words", str)
NO_WORDS = Words("")
#: The same with its line ends.
Lines = NewType("Lines", str)


class TypingMistake(Mistake):
    """The line does not fit the command's parameters."""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:  # noqa: PLR2004 - no share has ten digits
        raise TypingMistake(f'"{text[:20]}" should be a number.', "T02")
    return int(text)


def _words(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


CONVERTERS: dict[Any, Callable[[str], Any]] = {int: _number, str: str, Words: _words, Lines: str}
_REMAINDERS = (Words, Lines)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that a person types after the command's name."""

    name: str
    kind: Any
    explanation: str
    required: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One command as a value: what it is called, what it does, what it takes, and the function that does it."""

    name: str
    #: A fixed word that may follow the name, like "study" in "!share study".
    noun: str
    summary: str
    action: Action
    parameters: tuple[Parameter, ...]
    run: Callable[..., Awaitable[Outcome]]
    examples: tuple[str, ...]

    @property
    def usage(self) -> str:
        """How it is typed: `!share study [what]`."""
        words = [f"!{self.name}", *([self.noun] if self.noun else [])]
        words += [f"<{one.name}>" if one.required else f"[{one.name}]" for one in self.parameters]
        return " ".join(words)

    def bind(self, rest: str) -> dict[str, Any]:
        """The line's remainder as typed arguments. Raises `TypingMistake` with the usage."""
        remaining = self._without_noun(rest)
        bound: dict[str, Any] = {}
        for one in self.parameters:
            text, remaining = (remaining, "") if one.kind in _REMAINDERS else _first_word(remaining)
            if text:
                bound[one.name] = CONVERTERS[one.kind](text)
            elif one.required:
                raise TypingMistake(f"Tell me {one.explanation}. Type: {self.usage}", "T01")
        if remaining:
            raise TypingMistake(f"That is more than I understand. Type: {self.usage}", "T03")
        return bound

    async def __call__(self, context: Context, rest: str) -> Outcome:
        """Bind and run."""
        return await self.run(context, **self.bind(rest))

    def _without_noun(self, rest: str) -> str:
        first, remaining = _first_word(rest)
        return remaining if self.noun and first.lower() == self.noun else rest


def command(
    name: str, *, action: Action, noun: str = "", examples: tuple[str, ...] = ()
) -> Callable[[Callable[..., Awaitable[Outcome]]], Command]:
    """Make a command of a typed function. Its docstring's first line is the summary that `!help` shows."""

    def make(function: Callable[..., Awaitable[Outcome]]) -> Command:
        summary = (inspect.getdoc(function) or "").partition("\n")[0]
        return Command(name, noun, summary, action, _parameters(function), function, examples)

    return make


class Registry:
    """All commands by name."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self.commands = {one.name: one for one in commands}

    def find(self, name: str) -> Command:
        """The command of that name. Raises `TypingMistake` that names the nearest one."""
        if name in self.commands:
            return self.commands[name]
        near = difflib.get_close_matches(name, self.commands, n=1)
        hint = f"Did you mean !{near[0]}? " if near else ""
        raise TypingMistake(f"I do not know that command. {hint}Type !help for what I can do.", "T04")


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    hints = get_type_hints(function, include_extras=True, localns=_forward_names())
    signature = list(inspect.signature(function).parameters.values())[1:]
    return tuple(_parameter(one, hints[one.name]) for one in signature)


def _forward_names() -> dict[str, Any]:
    """Names that commands import for the type checker only."""
    return {"Context": Any, "Outcome": Any}


def _parameter(one: inspect.Parameter, hint: Any) -> Parameter:
    kind, explanation = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, one.name)
    if kind not in CONVERTERS:
        raise TypeError(f"parameter {one.name} has no converter for {kind}")
    return Parameter(one.name, kind, explanation, one.default is inspect.Parameter.empty)


def _first_word(text: str) -> tuple[str, str]:
    first, *remaining = text.split(maxsplit=1) or [""]
    return first, "".join(remaining).strip()
