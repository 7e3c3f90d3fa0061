from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.policy import Policy
from access.room_names import LONGEST, acceptable
from bot import builder
from bot.matrix.errors import NotPermitted, ServerAway, ServerRefused
from commands.room import DAILY
from tests.fakes.house import House, until
from tests.fakes.session import ANNA, BEN, PIXEL, SAFE, SERVER

if TYPE_CHECKING:
    from pathlib import Path

    from bot.workers import Workers

FOREIGN = "@carla:trust-b.example"


async def test_room_alone_explains_what_makes_a_room_safe(house: House) -> None:
    async with house.running():
        [said] = await house.ask("!room")
    assert "it is encrypted" in said
    assert "!room new Ankle clinic" in said
    assert "A room's name is not encrypted" in said


async def test_a_room_is_made_for_who_asks_and_the_answer_names_it(house: House) -> None:
    async with house.running():
        [said] = await house.ask("!room new Ankle clinic")
    [(owner, name, marker, federate)] = house.session.made.values()
    assert (owner, name, federate) == (ANNA, "Ankle clinic", False)
    assert "Ankle" not in marker
    assert said.startswith('I made the room "Ankle clinic" and invited you')


async def test_a_room_can_be_asked_for_where_nothing_may_be_shared(house: House) -> None:
    house.session.change(unverified_devices=(PIXEL,), joined=SAFE.joined | {FOREIGN})
    async with house.running():
        [said] = await house.ask("!room new Ankle clinic")
    assert said.startswith("I made the room")


async def test_other_servers_may_take_part_only_where_some_are_approved(tmp_path: Path, workers: Workers) -> None:
    open_policy = Policy.of(SERVER, foreign_servers=["trust-b.example"])
    async with House(tmp_path, workers, policy=open_policy).open() as house, house.running():
        await house.ask("!room new Ankle clinic")
        assert [one[3] for one in house.session.made.values()] == [True]


@pytest.mark.parametrize(
    "name",
    ["Brown 999 000 0018", "x1234", "born 12/04/63", "\u0661\u0662\u0663\u0664", "a\x07b", "x" * 61, "12-3-4"],
)
async def test_a_name_that_looks_like_a_patient_is_refused(house: House, name: str) -> None:
    async with house.running():
        [said] = await house.ask(f"!room new {name}")
    assert said.startswith("Not made: a room's name is not encrypted")
    assert said.endswith("[T07]")
    assert house.session.made == {}


@pytest.mark.parametrize("line", ["!room Ankle clinic", "!room new", "!room make x"])
async def test_a_line_that_is_not_understood_is_told_how(house: House, line: str) -> None:
    async with house.running():
        [said] = await house.ask(line)
    assert "!room new <name>" in said
    assert house.session.made == {}


async def test_only_who_may_share_may_have_rooms(tmp_path: Path, workers: Workers) -> None:
    rules = [((ANNA,), ("*",), ("find",)), ((BEN, FOREIGN), ("*",), ("share",))]
    policy = Policy.of(SERVER, foreign_servers=["trust-b.example"], rules=rules)
    async with House(tmp_path, workers, policy=policy).open() as house, house.running():
        house.session.change(joined=SAFE.joined | {FOREIGN})
        assert "[R09]" in (await house.ask("!room new Ankle clinic"))[0]
        [foreign] = await house.ask("!room new Ankle clinic", sender=FOREIGN)
        assert foreign.startswith("Not made: I make rooms only for people of my own organisation.")
        assert foreign.endswith("[R15]")
        assert "I made" in (await house.ask("!room new Ankle clinic", sender=BEN))[0]


async def test_nobody_gets_rooms_without_end(house: House) -> None:
    async with house.running():
        for _ in range(DAILY):
            await house.ask("!room new Ankle clinic")
        assert "[T08]" in (await house.ask("!room new Ankle clinic"))[0]
        assert "I made" in (await house.ask("!room new Ankle clinic", sender=BEN))[0]


@pytest.mark.parametrize("answered", [True, False])
async def test_a_crash_while_a_room_is_made_does_not_make_two(
    tmp_path: Path, workers: Workers, *, answered: bool
) -> None:
    """Killed after the server made it, before we remembered: as if the answer had never come."""
    house = House(tmp_path, workers)
    house.session.making_faults.append((ServerAway(), True))
    async with house.open(), house.running():
        await house.hear("!room new Ankle clinic")
        if answered:
            await house.quiet()
    async with house.open(), house.running():
        await house.quiet()
    assert len(house.session.made) == 1
    assert len([one for one in house.session.said() if "I made the room" in one]) == 1


async def asked(house: House) -> bool:
    return not house.session.making_faults


async def test_a_room_that_was_not_made_is_made_when_the_server_can_no_longer_be_at_it(house: House) -> None:
    house.session.making_faults.append((ServerAway(), False))
    async with house.running():
        await house.hear("!room new Ankle clinic")
        await until(lambda: asked(house))
        house.clock.now += builder.IN_THE_MAKING + 1
        await house.quiet()
    assert len(house.session.made) == 1
    assert "I made the room" in house.session.said()[0]


@pytest.mark.parametrize("fault", [NotPermitted(), ServerRefused(400, "M_UNKNOWN"), RuntimeError("ours")])
async def test_a_server_that_makes_no_rooms_is_told_of_in_words(house: House, fault: Exception) -> None:
    house.session.making_faults.append((fault, False))
    async with house.running():
        [said] = await house.ask("!room new Ankle clinic")
    assert said.startswith("The room was not made: the chat server does not let me.")
    assert house.session.made == {}


async def test_help_mentions_new_rooms_in_a_direct_room_only(house: House) -> None:
    async with house.running():
        assert "Here only you read" not in (await house.ask("!help"))[0]
        house.session.change(joined=SAFE.joined - {BEN})
        assert "type !room new and what the room is for" in (await house.ask("!help"))[0]


@given(st.text(max_size=80))
def test_no_name_passes_that_is_long_invisible_or_full_of_digits(name: str) -> None:
    if acceptable(name):
        assert len(name) <= LONGEST
        assert name.isprintable()
        assert sum(character.isdigit() for character in name) <= 3
