"""`!help [command]`: generated from the commands themselves, and only what this person may do here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit.context import Context, Outcome
from commands.kit.registry import Registry, command
from commands.kit.reply import Reply

if TYPE_CHECKING:
    from commands.kit.registry import Command

GREETING = "I share imaging studies in this room. I am a program, not a person. You can type:"
NOTHING = "You may not do anything here yet. Ask your administrator to allow it, or ask in another room."


@command("help", action=Action.HELP, examples=("!help", "!help share"))
async def help_(context: Context, command: Annotated[str, "one of them"] = "") -> Outcome:
    """Say what I can do for you here."""
    text = _one(context, command.lstrip("!").lower()) if command else _all(context)
    return Outcome((Reply("help", text, strict=False),))


def _all(context: Context) -> str:
    usable = [one for one in context.commands if context.may(one.action)]
    lines = [f"{one.usage}: {one.summary}" for one in usable]
    only_help = all(one.action is Action.HELP for one in usable)
    return "\n".join([GREETING, *lines, *([NOTHING] if only_help else [])])


def _one(context: Context, name: str) -> str:
    found = Registry(context.commands).find(name)
    lines = [f"{found.usage}: {found.summary}", *_parameters(found)]
    examples = [f"For example: {'   '.join(found.examples)}"] if found.examples else []
    refused = [] if context.may(found.action) else ["You may not do this in this room."]
    return "\n".join([*lines, *examples, *refused])


def _parameters(found: Command) -> list[str]:
    return [f"{one.name}: {one.explanation}{'' if one.required else ' (may be left out)'}" for one in found.parameters]
