"""Who brings us in, what we look at there, and what we say: around an in-memory session."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from access.policy import Policy
from bot.doorman import AT_ONCE, STRANGERS_AT_ONCE
from bot.matrix.cleartext import Farewell
from bot.matrix.errors import NotPermitted, ServerAway, ServerRefused
from bot.matrix.events import Invitation, SyncBatch
from bot.post_office import Inbox
from ledger import invitations
from tests.fakes.house import House, until
from tests.fakes.session import ANNA, BEN, BOT, PIXEL, SAFE, SERVER

if TYPE_CHECKING:
    from pathlib import Path

    from bot.workers import Workers

NEW = f"!new:{SERVER}"
FOREIGN = "@mallory:elsewhere.example"


async def invite(house: House, room: str = NEW, inviter: str = ANNA, *, direct: bool = False, **facts: Any) -> None:
    """An invitation comes in; behind the door the room is as `facts` say."""
    house.session.doors.setdefault(room, replace(SAFE, **facts))
    batch = SyncBatch((), (), "token", (Invitation(room, inviter, direct),))
    await Inbox(house.ledger).receive(batch)
    house.doorman.hear(batch)


async def states(house: House) -> list[str]:
    return [row[0] for row in await house.ledger.rows("SELECT state FROM invitations ORDER BY id")]


async def test_it_follows_an_allowed_person_and_says_hello_with_what_they_can_type(house: House) -> None:
    async with house.running():
        await invite(house)
        await house.quiet()
    [said] = house.session.said(NEW)
    assert said.startswith("Hello. I share imaging studies in this room. I am a program, not a person. You can type:")
    assert "\n!share study [what]: " in said
    assert "I cannot share here yet" not in said
    assert "!room new Ankle clinic" not in said
    [sent] = [one for one in house.session.posted if one.room_id == NEW]
    assert (sent.content["msgtype"], sent.strict) == ("m.notice", False)
    assert await states(house) == ["greeted"]


async def test_others_are_turned_down_with_a_fixed_reason(house: House) -> None:
    async with house.running():
        await invite(house, inviter=FOREIGN)
        await invite(house, room="!unknown:x", inviter="")
        await house.quiet()
    assert house.session.left == [(NEW, Farewell.NOT_WELCOME.value), ("!unknown:x", Farewell.NOT_WELCOME.value)]
    assert house.session.came == []
    assert await states(house) == ["declined", "declined"]


async def test_who_may_do_nothing_there_brings_us_nowhere(tmp_path: Path, workers: Workers) -> None:
    only_anna = Policy.of(SERVER, rules=[((ANNA,), ("*",), ("find",))])
    async with House(tmp_path, workers, policy=only_anna).open() as house, house.running():
        await invite(house, inviter=BEN)
        await invite(house, room="!other:x", inviter=ANNA)
        await house.quiet()
        assert house.session.came == ["!other:x"]
        assert "!share" not in house.session.said("!other:x")[0]


@pytest.mark.parametrize(
    ("facts", "farewell"),
    [
        ({"join_rule": "public"}, Farewell.ANYBODY_JOINS),
        ({"join_rule": "restricted"}, Farewell.ANYBODY_JOINS),
        ({"history_visibility": "world_readable"}, Farewell.OUTSIDERS_READ),
        ({"join_rule": "knock", "guest_access": True}, Farewell.GUESTS),
        ({"tombstoned": True}, Farewell.REPLACED),
    ],
)
async def test_it_leaves_a_room_that_is_not_fit_and_says_why_before_and_in_going(
    house: House, facts: dict[str, Any], farewell: Farewell
) -> None:
    async with house.running():
        await invite(house, **facts)
        await house.quiet()
    [said] = house.session.said(NEW)
    assert said.startswith("Studies would not be safe in this room, so I leave it:\n- ")
    assert farewell.value[-5:] in said
    assert house.session.left == [(NEW, farewell.value)]
    assert await states(house) == ["left"]


async def test_in_a_room_that_is_not_encrypted_it_says_nothing_but_the_fixed_reason(house: House) -> None:
    async with house.running():
        await invite(house, encrypted=False, join_rule="public")
        await house.quiet()
    assert house.session.said(NEW) == []
    assert house.session.left == [(NEW, Farewell.NOT_ENCRYPTED.value)]


async def test_a_room_that_is_set_up_while_it_looks_is_not_left(house: House) -> None:
    house.doorman._manners = replace(house.doorman._manners, settle=0.2)
    async with house.running():
        await invite(house, encrypted=False)
        await until(lambda: came(house))
        house.session.change(NEW, encrypted=True)
        await house.quiet()
    assert house.session.left == []
    assert house.session.said(NEW)[0].startswith("Hello.")


async def came(house: House) -> list[str]:
    return house.session.came


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"unverified_devices": (PIXEL,)}, "[R04]"),
        ({"joined": frozenset({BOT, ANNA, FOREIGN})}, "[R05]"),
        ({"invited": frozenset({FOREIGN})}, "[R06]"),
        ({"bridges": ("WhatsApp",)}, "[R11]"),
    ],
)
async def test_hello_says_what_stands_in_the_way_of_sharing(house: House, facts: dict[str, Any], code: str) -> None:
    async with house.running():
        await invite(house, **facts)
        await house.quiet()
    [said] = house.session.said(NEW)
    assert "\nI cannot share here yet:\n- " in said
    assert code in said
    assert house.session.left == []


@pytest.mark.parametrize("how", [{"direct": True}, {"joined": frozenset({BOT, ANNA})}])
async def test_in_a_direct_room_hello_says_how_to_make_a_proper_one(house: House, how: dict[str, Any]) -> None:
    async with house.running():
        await invite(house, **how)
        await house.quiet()
    assert "!room new Ankle clinic" in house.session.said(NEW)[0]


@pytest.mark.parametrize("moment", ["invited", "joined on the server", "joined", "hello queued"])
async def test_a_crash_anywhere_loses_no_invitation_and_says_hello_once(
    tmp_path: Path, workers: Workers, moment: str
) -> None:
    house = House(tmp_path, workers)
    async with house.open():
        await invite(house)
        [one] = await invitations.unanswered(house.ledger)
        if moment != "invited":
            await house.session.join(NEW)
        if moment in {"joined", "hello queued"}:
            await house.doorman._move(one, invitations.InvitationState.JOINED)
        if moment == "hello queued":
            [one] = await invitations.unanswered(house.ledger)
            await house.doorman._look(one)
    async with house.open(), house.running():
        await house.quiet()
    assert [text[:6] for text in house.session.said(NEW)] == ["Hello."]
    assert house.session.came == [NEW]


async def test_an_invitation_that_the_server_repeats_late_is_no_second_hello(house: House) -> None:
    async with house.running():
        await invite(house)
        await house.quiet()
        await invite(house)
        await house.quiet()
        assert len(house.session.said(NEW)) == 1
        await house.session.leave(NEW)  # put out, and asked in again
        await invite(house)
        await house.quiet()
    assert len(house.session.said(NEW)) == 2


async def test_a_farewell_that_a_crash_interrupts_is_said_once(tmp_path: Path, workers: Workers) -> None:
    house = House(tmp_path, workers)
    house.session.silent.add(NEW)
    async with house.open(), house.running():
        house.session.silent.clear()
        await invite(house, join_rule="public")
        await until(lambda: came(house))
    async with house.open(), house.running():
        await house.quiet()
    assert len(house.session.said(NEW)) == 1
    assert len(house.session.left) == 1


async def test_joining_is_tried_again_with_patience(house: House) -> None:
    house.session.door_faults[NEW] = [ServerAway(), ServerRefused(404, "M_NOT_FOUND")]
    async with house.running():
        await invite(house)
        await house.quiet()
    assert await states(house) == ["greeted"]


async def test_and_given_up_in_the_end(house: House) -> None:
    house.session.door_faults[NEW] = [ServerAway() for _ in range(9)]
    async with house.running():
        await invite(house)
        await house.quiet()
    assert await states(house) == ["lost"]
    assert len(house.session.door_faults[NEW]) == 5


async def test_an_invitation_that_is_here_before_its_own_server_knows_it_is_followed(house: House) -> None:
    house.session.door_faults[NEW] = [NotPermitted(), NotPermitted()]
    async with house.running():
        await invite(house)
        await house.quiet()
    assert await states(house) == ["greeted"]


async def test_a_withdrawn_invitation_is_given_up_soon(house: House) -> None:
    house.session.door_faults[NEW] = [NotPermitted() for _ in range(3)]
    async with house.running():
        await invite(house)
        await house.quiet()
    assert await states(house) == ["lost"]


async def test_who_puts_us_out_before_we_have_looked_hears_nothing(house: House) -> None:
    async with house.running():
        house.session.facts_faults.append(NotPermitted())
        await invite(house)
        await house.quiet()
    assert house.session.said(NEW) == []
    assert await states(house) == ["left"]


async def test_a_bug_of_ours_ends_one_invitation_and_not_the_doorman(house: House) -> None:
    house.session.door_faults[NEW] = [RuntimeError("ours") for _ in range(4)]
    async with house.running():
        await invite(house)
        await house.quiet()
        await invite(house, room="!next:x")
        await house.quiet()
    assert await states(house) == ["lost", "greeted"]


async def test_rooms_that_do_not_answer_hold_up_no_other(house: House) -> None:
    async with house.running():
        for number in range(AT_ONCE - 1):
            house.session.silent.add(f"!slow-{number}:x")
            await invite(house, room=f"!slow-{number}:x")
        for number in range(20):
            await invite(house, room=f"!room-{number}:x")

        async def greeted() -> bool:
            return (await states(house)).count("greeted") == 20

        await until(greeted)
        assert len(house.doorman._busy) == AT_ONCE - 1


async def test_strangers_who_do_not_let_go_hold_up_no_friend(house: House) -> None:
    going = asyncio.Event()
    leave = house.session.leave

    async def slowly(room_id: str, **reason: Any) -> None:
        await going.wait()
        await leave(room_id, **reason)

    house.session.leave = slowly  # type: ignore[method-assign]
    async with house.running():
        for number in range(50):
            await invite(house, room=f"!spam-{number}:x", inviter=FOREIGN)
        await invite(house)

        async def greeted() -> bool:
            return "greeted" in await states(house)

        await until(greeted)
        assert len(house.doorman._busy) == STRANGERS_AT_ONCE
        going.set()
        await house.quiet()
    assert (await states(house)).count("declined") == 50


async def test_nothing_is_said_in_a_room_of_our_making_before_its_requester_comes(house: House) -> None:
    async with house.running():
        await house.ask("!room new Ankle clinic")
        [room] = house.session.made
        assert house.session.said(room) == []
        house.session.change(room, joined=frozenset({BOT, ANNA}), invited=frozenset())
        house.doorman.hear(SyncBatch((), (), "token", members_changed=frozenset({room})))
        await until(lambda: said(house, room))
    [hello] = house.session.said(room)
    assert "I made this room for you" in hello
    assert "!room new Ankle clinic" not in hello


async def test_who_comes_while_the_bot_is_down_is_greeted_at_its_start(tmp_path: Path, workers: Workers) -> None:
    house = House(tmp_path, workers)
    async with house.open(), house.running():
        await house.ask("!room new Ankle clinic")
    [room] = house.session.made
    house.session.change(room, joined=frozenset({BOT, ANNA}), invited=frozenset())
    async with house.open(), house.running():
        await until(lambda: said(house, room))
    assert house.session.said(room)[0].startswith("Hello.")


async def said(house: House, room: str) -> list[str]:
    return house.session.said(room)


async def test_a_room_of_our_making_that_nobody_wants_is_left(house: House) -> None:
    async with house.running():
        await house.ask("!room new Ankle clinic")
        [room] = house.session.made
        house.session.change(room, invited=frozenset())
        house.doorman.hear(SyncBatch((), (), "token", members_changed=frozenset({room})))

        async def left() -> bool:
            return house.session.left == [(room, "")]

        await until(left)
    assert await states(house) == ["lost"]
