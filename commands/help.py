"""`!help [command]`: generated from the commands themselves, and only what this person may do here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from commands.kit import welcome
from commands.kit.context import Context, Outcome
from commands.kit.registry import Registry, command
from commands.kit.reply import Reply

if TYPE_CHECKING:
    from commands.kit.registry import Command


@command("help", action=Action.HELP, examples=("!help", "!help share"))
async def help_(context: Context, command: Annotated[str, "one of them"] = "") -> Outcome:
    """Say what I can do for you here."""
    text = _one(context, command.lstrip("!").lower()) if command else _all(context)
    return Outcome((Reply("help", text, strict=False),))


def _all(context: Context) -> str:
    return welcome.usable(context.commands, context.may, direct=welcome.is_direct(context.room))


def _one(context: Context, name: str) -> str:
    found = Registry(context.commands).find(name)
    lines = [f"{found.usage}: {found.summary}", *_parameters(found)]
    examples = ["For example:", *found.examples] if found.examples else []
    refused = [] if context.may(found.action) else ["You may not do this in this room."]
    return "\n".join([*lines, *examples, *refused])


def _parameters(found: Command) -> list[str]:
    return [f"{one.name}: {one.explanation}{'' if one.required else ' (may be left out)'}" for one in found.parameters]
