"""Comparing emoji with a person's client, with and without somebody in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import vodozemac

from bot.matrix.verification.errors import NothingToCompare
from bot.matrix.verification.flow import State
from tests.bot.matrix.verification.conftest import Reception, believes, reaches, reception, shown
from tests.conformance.conftest import next_poll, room_of
from tests.servers.rewriting import answer

if TYPE_CHECKING:
    from bot.demo.people import Person
    from bot.matrix.verification.case import Verification
    from tests.bot.matrix.conftest import Bot
    from tests.conformance.conftest import MakePeer
    from tests.servers.rewriting import Rewriting


async def to_compare(here: Reception, anna: Person) -> Verification:
    """Anna has asked the bot's device, both have agreed to compare, both see emoji."""
    us = here.bot.user_id
    await room_of(anna, here.bot)
    await anna.verify(us, device=here.session.device_id)
    await reaches(anna, us, "ready")
    await anna.verify_step(us, "start")
    await reaches(anna, us, "emoji")
    return await here.to_compare()


async def test_a_person_verifies_the_bot_by_emoji(bot: Bot, anna: Person) -> None:
    """Key verification: the happy case, begun by the person; the same emoji, both verified afterwards."""
    async with reception(bot) as here:
        ours = await to_compare(here, anna)
        assert shown(ours) == (await anna.verification(bot.user_id))["emoji"]
        await anna.verify_step(bot.user_id, "confirm")
        await here.desk.confirm(ours.number, match=True, by="test")
        assert (await here.ended()).state is State.DONE
        assert await believes(anna, bot.user_id)
        assert await here.level(anna) == "cross-signed-verified"


async def test_the_bot_verifies_a_person_by_emoji(bot: Bot, anna: Person) -> None:
    """Key verification: the happy case, begun by the bot."""
    async with reception(bot) as here:
        await room_of(anna, bot)
        await here.desk.begin(anna.user_id)
        await reaches(anna, bot.user_id, "requested")
        await anna.verify_step(bot.user_id, "accept")
        theirs, ours = await reaches(anna, bot.user_id, "emoji"), await here.to_compare()
        assert shown(ours) == theirs["emoji"]
        await here.desk.confirm(ours.number, match=True, by="test")
        await anna.verify_step(bot.user_id, "confirm")
        assert (await here.ended()).state is State.DONE
        assert await believes(anna, bot.user_id)
        assert await here.level(anna) == "cross-signed-verified"


async def test_a_verification_that_was_called_off_verifies_nobody(bot: Bot, anna: Person) -> None:
    """Key verification: cancelled, by either side."""
    async with reception(bot) as here:
        await to_compare(here, anna)
        await anna.verify_step(bot.user_id, "cancel")
        assert (await here.ended()).code == "m.user"
        ours = await to_compare(here, anna)
        await here.desk.end(ours.number)
        await reaches(anna, bot.user_id, "cancelled")
        assert await here.level(anna) == "cross-signed-tofu"
        assert not (await anna.identity(bot.user_id))["verified"]


async def test_with_somebody_in_the_middle_the_emoji_differ_and_nobody_is_verified(
    bot: Bot, proxy: Rewriting, anna: Person
) -> None:
    """Key verification: a key of the exchange is replaced on its way; it fails even when a careless human says yes."""
    own = vodozemac.Sas().public_key.to_base64()
    replaced = 0

    def replace_key(given: Any) -> None:
        nonlocal replaced
        for event in given.get("to_device", {}).get("events", []):
            if event["type"] == "m.key.verification.key":
                event["content"]["key"], replaced = own, replaced + 1

    async with reception(bot) as here:
        proxy.always("GET .*/sync", answer(replace_key))
        await next_poll(proxy, anna, await room_of(anna, bot))
        ours = await to_compare(here, anna)
        assert replaced == 1
        assert shown(ours) != (await anna.verification(bot.user_id))["emoji"]
        await anna.verify_step(bot.user_id, "confirm")
        ended = await here.ended()
        assert (ended.state, ended.code) == (State.ENDED, "m.key_mismatch")
        with pytest.raises(NothingToCompare):
            await here.desk.confirm(ours.number, match=True, by="nobody looked")
        assert await here.level(anna) == "cross-signed-tofu"
        assert not (await anna.identity(bot.user_id))["verified"]


async def test_an_identity_that_the_server_replaced_does_not_pass_the_comparison(
    bot: Bot, proxy: Rewriting, anna: Person, peer: MakePeer
) -> None:
    """Key verification: from the first day /keys/query tells the bot another identity of the person, complete and
    vouching for her device; the emoji agree, the MAC over her real one does not."""
    mallory = await peer("mallory")
    stated = mallory.identity(anna.user_id)

    def other_identity(given: Any) -> None:
        devices = given.get("device_keys", {}).get(anna.user_id)
        if devices:
            given["device_keys"][anna.user_id] = {name: mallory.vouched(keys) for name, keys in devices.items()}
            for part in ("master", "self_signing"):
                given[f"{part}_keys"][anna.user_id] = stated[f"{part}_key"]

    async with reception(bot) as here:
        proxy.always("POST .*/keys/query", answer(other_identity))
        ours = await to_compare(here, anna)
        assert shown(ours) == (await anna.verification(bot.user_id))["emoji"]
        await here.desk.confirm(ours.number, match=True, by="test")
        await anna.verify_step(bot.user_id, "confirm")
        ended = await here.ended()
        assert (ended.state, ended.code) == (State.ENDED, "m.key_mismatch")
        assert await here.level(anna) == "cross-signed-tofu"
        assert not (await anna.identity(bot.user_id))["verified"]
