"""The bot and matrix-js-sdk verify each other: both directions, both ways of travelling, and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.people import Person
from bot.matrix.verification.errors import NobodyToVerify, NothingToCompare, NotWelcome
from bot.matrix.verification.flow import State
from tests.bot.matrix.conftest import room_with, until
from tests.bot.matrix.verification.conftest import believes, direct_room, reaches, shown
from tests.servers.people import new_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.demo.homeserver import Homeserver
    from tests.bot.matrix.verification.conftest import Reception

@pytest.fixture(scope="module")
async def ben(homeserver: Homeserver) -> AsyncIterator[Person]:
    """Somebody else."""
    registered = await new_account(homeserver, "ben")
    async with Person.start(homeserver.url, registered.name, registered.password) as signed_in:
        yield signed_in


async def ask(person: Person, here: Reception, way: str, ben: Person) -> None:
    """The person asks the bot."""
    if way == "room":
        await person.verify(here.bot.user_id, room=await direct_room(here.bot, person))
    else:
        await room_with(here.bot, person, ben)
        await person.verify(here.bot.user_id, device=here.session.device_id)
    await reaches(person, here.bot.user_id, "ready")


async def be_asked(person: Person, here: Reception, way: str, ben: Person) -> None:
    """The bot asks the person: in their direct room, or where there is none, each device."""
    await (direct_room(here.bot, person) if way == "room" else room_with(here.bot, person, ben))
    begun = await here.desk.begin(person.user_id)
    assert bool(begun.room_id) == (way == "room")
    assert begun.we_asked
    await reaches(person, here.bot.user_id, "requested")
    await person.verify_step(here.bot.user_id, "accept")


WAYS = pytest.mark.parametrize("way", ["room", "device"])


@WAYS
@pytest.mark.parametrize("who", ["they ask", "we ask"])
async def test_both_are_verified_after_both_have_compared(receiving: Any, anna: Person, ben: Person, way: str, who: str) -> None:
    async with receiving() as here:
        us = here.bot.user_id
        if who == "they ask":
            await ask(anna, here, way, ben)
            await anna.verify_step(us, "start")
        else:
            await be_asked(anna, here, way, ben)
        theirs, ours = await reaches(anna, us, "emoji"), await here.to_compare()
        assert shown(ours) == theirs["emoji"]
        assert (ours.user_id, ours.device_id) == (anna.user_id, anna.device_id)
        await anna.verify_step(us, "confirm")
        assert (await here.level(anna)) == "cross-signed-tofu"
        assert not (await anna.identity(us))["verified"]
        done = await here.desk.confirm(ours.number, match=True, by="test")
        await until(lambda: here.desk.open[-1].state is State.DONE)
        await reaches(anna, us, "done")
        assert await believes(anna, us)
        assert (await here.level(anna)) == "cross-signed-verified"
        assert not done.trouble
        assert not (await signature_is_missing(here, anna))


async def signature_is_missing(here: Reception, person: Person) -> bool:
    """Whether our user-signing key's signature stands under their master key on the server."""
    answer = await here.session.client.call(
        "POST", "/_matrix/client/v3/keys/query", {"device_keys": {person.user_id: []}}
    )
    return here.bot.user_id not in answer["master_keys"][person.user_id]["signatures"]


@WAYS
async def test_the_person_confirms_last(receiving: Any, anna: Person, ben: Person, way: str) -> None:
    async with receiving() as here:
        us = here.bot.user_id
        await ask(anna, here, way, ben)
        await anna.verify_step(us, "start")
        await reaches(anna, us, "emoji")
        ours = await here.to_compare()
        assert (await here.desk.confirm(ours.number, match=True, by="test")).state is State.COMPARING
        assert (await here.level(anna)) == "cross-signed-tofu"
        with pytest.raises(NothingToCompare):
            await here.desk.confirm(ours.number, match=True, by="test")
        await anna.verify_step(us, "confirm")
        await reaches(anna, us, "done")
        assert (await here.ended()).state is State.DONE
        assert (await here.level(anna)) == "cross-signed-verified"
