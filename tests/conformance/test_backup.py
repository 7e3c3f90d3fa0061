"""The identity in the account's secret storage (4S): kept there, brought back from there, by us and by others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.people import Person
from bot.matrix.backup import back_up
from bot.matrix.errors import RecoveryRefused
from bot.matrix.recovery import restore
from bot.matrix.secretstorage import typed_key
from config.state import StateDirectory
from tests.conformance.conftest import awake, reads, room_of, say

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from tests.bot.matrix.conftest import Bot


async def backed_up(bot: Bot, session: Any) -> str:
    """The recovery key, as the operator writes it down."""
    shown: list[str] = []
    await back_up(session.client, session.identity, shown.append)
    return shown[0]


def new_machine(bot: Bot, tmp_path: Path) -> Bot:
    """The same account and nothing else."""
    state = StateDirectory(tmp_path / "new machine")
    state.prepare()
    return replace(bot, state=state)


async def test_on_a_new_machine_the_bot_is_still_the_one_that_people_verified(
    bot: Bot, anna: Person, tmp_path: Path
) -> None:
    """Key backups: a new device brings its keys back with the recovery key; nobody sees a warning."""
    async with awake(bot) as session:
        key = await backed_up(bot, session)
        room = await room_of(anna, bot)
        await reads(anna, await say(session, room, "from the old machine"))
    await anna.vouch_for(bot.user_id)
    moved = new_machine(bot, tmp_path)
    with moved.state.locked():
        await restore(moved.account, moved.state, typed_key(key))
    async with awake(moved) as session:
        await reads(anna, await say(session, room, "from the new machine"))
    assert await anna.identity(bot.user_id) == {"verified": True, "was_verified": True, "changed": False}
    assert set((await anna.devices(bot.user_id)).values()) == {True}


async def test_a_wrong_recovery_key_opens_nothing(bot: Bot, tmp_path: Path) -> None:
    """Key backups: with the wrong recovery key it fails, and leaves nothing behind."""
    async with awake(bot) as session:
        await backed_up(bot, session)
    moved = new_machine(bot, tmp_path)
    with moved.state.locked(), pytest.raises(RecoveryRefused):
        await restore(moved.account, moved.state, bytes(32))
    assert not list(moved.state.root.glob("matrix*"))


async def test_another_client_opens_what_the_bot_put_there(bot: Bot, homeserver: Homeserver, anna: Person) -> None:
    """Key backups: made by one kind of client, restored by another; here by matrix-js-sdk on the bot's account."""
    async with awake(bot) as session:
        key = await backed_up(bot, session)
        await room_of(anna, bot)
    password = str(bot.account.password)
    async with Person.start(homeserver.url, bot.user_id, password, recovery_key=key) as app:
        both = {session.device_id: True, app.device_id: True}
        async with asyncio.timeout(20):
            while await anna.devices(bot.user_id) != both:  # noqa: ASYNC110 - her client hears of the new one with a sync
                await asyncio.sleep(0.2)
