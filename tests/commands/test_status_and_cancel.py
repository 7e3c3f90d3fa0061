from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger.states import ShareState
from tests.fakes import dicom
from tests.fakes.house import until
from tests.fakes.session import ANNA, BEN, OTHER_ROOM, PIXEL

if TYPE_CHECKING:
    from tests.fakes.house import House


@pytest.fixture(autouse=True)
async def running(house: House) -> object:
    dicom.ankle(house.folder, views=1)
    async with house.running():
        yield
        house.session.media.flowing.set()


async def under_way(house: House) -> None:
    """A share whose first upload does not come to its end."""
    house.session.media.flowing.clear()
    await house.hear("!share study")

    async def uploading() -> bool:
        return bool(house.session.media.puts)

    await until(uploading)


async def answer(house: House, body: str, **fields: str) -> str:
    """The one answer to a command while a share is under way."""
    before = len(house.session.said(fields.get("room", "") or house.session.posted[0].room_id))
    room = fields.get("room") or house.session.posted[0].room_id
    await house.hear(body, **fields)

    async def answered() -> bool:
        return len(house.session.said(room)) > before

    await until(answered)
    return house.session.said(room)[before]


async def test_status_of_an_empty_room_says_so(house: House) -> None:
    assert await house.ask("!status") == ["Nothing was shared in this room yet."]


async def test_status_says_how_far_it_is_and_who_asked(house: House) -> None:
    await under_way(house)
    said = await answer(house, "!status", sender=BEN)
    assert said == f"Share 1, asked for by {ANNA}: The preview pictures are being made and posted."
    assert await answer(house, "!status 1") == said


async def test_status_is_answered_beside_an_upload_that_hangs(house: House) -> None:
    await under_way(house)
    assert "Share 1" in await answer(house, "!status")


@pytest.mark.parametrize("command", ["!status 1", "!cancel 1"])
async def test_a_share_of_another_room_is_as_unknown_as_one_that_never_was(house: House, command: str) -> None:
    await house.ask("!share study")
    [other] = await house.ask(command, room=OTHER_ROOM)
    [never] = await house.ask(command.replace("1", "7"), room=OTHER_ROOM)
    assert other == never.replace("7", "1")
    assert other.endswith("[H01]")


async def test_cancel_stops_my_newest_share(house: House) -> None:
    await under_way(house)
    assert await answer(house, "!cancel") == "Share 1 is stopped. What was already posted stays in the room."
    assert (await house.share()).state is ShareState.CANCELLED


async def test_cancel_of_somebody_elses_share_is_refused(house: House) -> None:
    await under_way(house)
    said = await answer(house, "!cancel 1", sender=BEN)
    assert said == f"Only {ANNA}, who asked for share 1, can stop it. [H03]"
    assert (await house.share()).state is ShareState.PREVIEWING


async def test_cancel_without_number_never_takes_somebody_elses(house: House) -> None:
    await under_way(house)
    assert (await answer(house, "!cancel", sender=BEN)).endswith("[H02]")


async def test_cancel_of_what_is_finished_says_so(house: House) -> None:
    await house.ask("!share study")
    assert await house.ask("!cancel 1") == ["Share 1 is not under way. Everything was sent."]


async def test_cancel_works_above_all_when_something_is_wrong_with_the_room(house: House) -> None:
    await under_way(house)
    house.session.change(unverified_devices=(PIXEL,), join_rule="public")
    assert "is stopped" in await answer(house, "!cancel")
