from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from access.policy import Policy
from config.errors import Mistake
from tests.fakes.house import House
from tests.fakes.session import ANNA, BEN, OTHER_ROOM, ROOM, SERVER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.workers import Workers

RULES = [(("own",), ("*",), ("find", "share")), ((ANNA, BEN), (ROOM, OTHER_ROOM), ("admin",))]


@dataclass
class Verifications:
    """As the desk keeps them: number to person, and what was answered."""

    open: dict[int, str] = field(default_factory=dict)
    answers: list[tuple[int, bool, str]] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def waiting(self) -> list[str]:
        return [f"Verification {number}: {who}" for number, who in self.open.items()]

    def person(self, number: int) -> str:
        return self.open.get(number, "")

    async def begin(self, user_id: str) -> str:
        self.begun.append(user_id)
        return f"asked {user_id}"

    async def confirm(self, number: int, *, match: bool, by: str) -> str:
        if number not in self.open:
            raise Mistake("It does not wait.", "V01")
        self.answers.append((number, match, by))
        return "noted"


@pytest.fixture
async def house(tmp_path: Path, workers: Workers) -> AsyncIterator[House]:
    """`ROOM` is the administrators' room of Anna and Ben; Ben is being verified as number 4821."""
    verifying = Verifications({4821: BEN})
    policy = Policy.of(SERVER, rules=RULES)
    built = House(tmp_path, workers, policy=policy, verifying=verifying, admin_room=ROOM)
    async with built.open() as opened, opened.running():
        yield opened


@pytest.mark.parametrize(
    ("answer", "match"), [("yes", True), ("YES", True), ("match", True), ("no", False), ("mismatch", False)]
)
async def test_an_administrator_says_what_they_saw(house: House, answer: str, match: bool) -> None:  # noqa: FBT001
    assert await house.ask(f"!verify 4821 {answer}") == ["noted"]
    assert house.verifying.answers == [(4821, match, ANNA)]


async def test_nobody_confirms_their_own_verification(house: House) -> None:
    """A thief of Ben's account must not vouch for the thief's identity."""
    [said] = await house.ask("!verify 4821 yes", sender=BEN)
    assert "[V06]" in said
    assert house.verifying.answers == []


async def test_those_that_wait_are_listed(house: House) -> None:
    assert await house.ask("!verify") == [f"Verification 4821: {BEN}"]
    house.verifying.open.clear()
    [said] = await house.ask("!verify")
    assert said.startswith("Nobody waits")


async def test_an_administrator_can_begin_one(house: House) -> None:
    assert await house.ask(f"!verify {BEN}") == [f"asked {BEN}"]
    assert house.verifying.begun == [BEN]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("!verify 4821", "V08"),
        ("!verify 4821 perhaps", "V08"),
        ("!verify ben yes", "V07"),
        ("!verify 48210 yes", "V07"),
        ("!verify -1 yes", "V07"),
        ("!verify 1234 yes", "V01"),
        ("!verify 4821 yes please", "T03"),
    ],
)
async def test_a_typing_mistake_confirms_nothing(house: House, line: str, code: str) -> None:
    [said] = await house.ask(line)
    assert f"[{code}]" in said
    assert house.verifying.answers == []


@pytest.mark.parametrize("line", ["!verify", "!verify 4821 yes", f"!verify {BEN}"])
async def test_nothing_is_confirmed_or_shown_in_any_other_room(house: House, line: str) -> None:
    [said] = await house.ask(line, room=OTHER_ROOM)
    assert "[V05]" in said
    assert house.verifying.answers == house.verifying.begun == []


async def test_only_those_with_the_word_in_the_policy_may_confirm(house: House) -> None:
    [said] = await house.ask("!verify 4821 yes", sender=f"@carol:{SERVER}")
    assert "not allowed" in said or "not a member" in said
    house.session.change(joined=house.session.rooms[ROOM].joined | {f"@carol:{SERVER}"})
    [said] = await house.ask("!verify 4821 yes", sender=f"@carol:{SERVER}")
    assert "[R09]" in said
    assert house.verifying.answers == []


async def test_an_unproven_message_confirms_nothing(house: House) -> None:
    [said] = await house.ask("!verify 4821 yes", authenticated=False, why_not="your device is not verified")
    assert "[A01]" in said
    assert house.verifying.answers == []


async def test_help_speaks_of_it_only_in_the_administrators_room(house: House) -> None:
    [here], [there] = await house.ask("!help"), await house.ask("!help", room=OTHER_ROOM)
    assert "!verify" in here
    assert "!verify" not in there
