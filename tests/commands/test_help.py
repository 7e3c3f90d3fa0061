from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from access.policy import Action, Policy
from commands.every import REGISTRY
from tests.fakes.house import House
from tests.fakes.session import ANNA, BEN, SERVER

if TYPE_CHECKING:
    from pathlib import Path

    from bot.workers import Workers


async def told(house: House, body: str, sender: str = ANNA) -> str:
    async with house.running():
        [said] = await house.ask(body, sender=sender)
    return said


async def test_help_is_generated_from_all_commands(house: House) -> None:
    lines = (await told(house, "!help")).splitlines()
    assert "I am a program" in lines[0]
    everybodys = [one for one in REGISTRY.commands.values() if one.action is not Action.ADMIN]
    assert lines[1:] == [f"{one.usage}: {one.summary}" for one in everybodys]


@pytest.mark.parametrize("name", REGISTRY.commands)
async def test_help_of_one_command_shows_usage_parameters_and_examples(house: House, name: str) -> None:
    one = REGISTRY.find(name)
    said = await told(house, f"!help {name}")
    assert said.startswith(f"{one.usage}: {one.summary}")
    assert all(parameter.explanation in said for parameter in one.parameters)
    assert all(example in said for example in one.examples)


async def test_help_of_an_unknown_command_is_a_mistake(house: House) -> None:
    assert "[T04]" in await told(house, "!help shares")
    assert (await told(house, "!help !share")).startswith("!share study")


async def test_help_shows_only_what_this_person_may_do_here(tmp_path: Path, workers: Workers) -> None:
    only_anna = Policy.of(SERVER, rules=[((ANNA,), ("*",), ("find",))])
    async with House(tmp_path, workers, policy=only_anna).open() as house:
        said = await told(house, "!help")
        assert "!find" in said
        assert "!status" in said
        assert "!share" not in said
        assert "You may not do this in this room." in await told(house, "!help share")
        others = await told(house, "!help", sender=BEN)
        assert "!find" not in others
        assert "Ask your administrator" in others
