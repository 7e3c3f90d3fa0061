"""The server limits how fast we may post: everything comes all the same, once and in order, and the room is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.limits import AGAIN, QUEUED
from bot.matrix.errors import RateLimited
from bot.progress import ProgressMessage
from delivery.handover import Progress
from ledger import outbox
from tests.bot.test_outbox import enqueue, sending, sent, words
from tests.fakes.house import until
from tests.fakes.session import OTHER_ROOM, PIXEL, ROOM

if TYPE_CHECKING:
    import pytest

    from tests.fakes.house import House

#: Long enough to be told, short enough for a test.
HELD = 1.0


async def test_the_room_hears_that_it_is_queued_before_what_waits_and_everything_comes(house: House) -> None:
    house.session.faults.append(RateLimited(HELD))
    async with sending(house):
        await enqueue(house, *(words(f"t{number}", f"line {number}") for number in range(3)))
        await sent(house)
    assert house.session.said() == [QUEUED, "line 0", "line 1", "line 2"]
    assert (ROOM, True) in house.session.typed


async def test_queued_is_said_once_in_ten_minutes_in_each_room(house: House) -> None:
    async with sending(house):
        for number, later in enumerate((0.0, AGAIN - 1, 2.0)):
            house.clock.now += later
            house.session.faults.append(RateLimited(HELD))
            await enqueue(house, words(f"t{number}"))
            await sent(house)
        house.session.faults.append(RateLimited(HELD))
        await enqueue(house, words("there", room_id=OTHER_ROOM))
        await sent(house)
    assert house.session.said().count(QUEUED) == 2
    assert house.session.said(OTHER_ROOM).count(QUEUED) == 1


async def test_a_restart_does_not_say_it_again(house: House) -> None:
    house.session.faults.append(RateLimited(HELD))
    async with sending(house):
        await enqueue(house, words("t1"))
        await sent(house)
    async with house.open():
        house.session.faults.append(RateLimited(HELD))
        async with sending(house):
            await enqueue(house, words("t2"))
            await sent(house)
    assert house.session.said().count(QUEUED) == 1


async def test_a_moment_is_waited_for_without_a_word(house: House) -> None:
    house.session.faults.extend([RateLimited(0.1)] * 5)
    async with sending(house):
        await enqueue(house, words("t1"))
        await sent(house)
    assert house.session.said() == ["x"]


async def test_queued_is_said_in_rooms_that_nothing_else_may_reach(house: House) -> None:
    house.session.change(unverified_devices=(PIXEL,))
    house.session.faults.append(RateLimited(HELD))
    async with sending(house):
        await enqueue(house, words("refusal", "Not shared", strict=False))
        await sent(house)
    assert house.session.said() == [QUEUED, "Not shared"]


async def test_nothing_is_given_up_however_often_the_server_refuses(house: House) -> None:
    house.session.faults.extend([RateLimited(0.01)] * 300)
    async with sending(house):
        await enqueue(house, words("t1"))
        await sent(house)
    fate = await outbox.fate_of(house.ledger, "t1")
    assert fate is not None
    assert fate.state == "sent"


async def test_progress_is_not_posted_while_the_server_wants_less(house: House) -> None:
    house.session.faults.append(RateLimited(HELD))
    shown: list[str] = []

    async def show(line: str) -> None:
        shown.append(line)

    progress = ProgressMessage(show, held=lambda: house.outbox.limited, pause=0.01)
    async with sending(house), progress.shown():
        progress.note(Progress("Packing", 1, 3))
        await until(lambda: _true(shown))
        await enqueue(house, words("t1"))
        await sent(house)
        progress.note(Progress("Packing", 2, 3))
        await asyncio.sleep(0.1)
    assert shown == ["Packing 1 of 3"]


async def _true(value: object) -> bool:
    return bool(value)


async def test_the_operator_reads_once_how_to_lift_the_limit(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.session.faults.extend([RateLimited(0.05)] * 10)
    async with sending(house):
        await enqueue(house, words("t1"))
        await sent(house)
    told = [line for line in capsys.readouterr().out.splitlines() if "homeserver_limits_our_messages" in line]
    assert len(told) == 1
    assert f"/users/{house.session.user_id}/override_ratelimit" in told[0]
