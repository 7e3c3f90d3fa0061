"""Signing in, staying the same device, and the bot's own identity."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.people import log_in
from bot.matrix.errors import (
    ForeignDevice,
    ForeignIdentity,
    LoginRefused,
    SignedOut,
    StoreDamaged,
    StoreLost,
    WrongAccount,
)
from bot.matrix.session import Account
from config.errors import CarrierbagError
from config.state import StateDirectory
from tests.bot.matrix.conftest import room_with, until
from tests.servers import proxy as faults
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from tests.bot.matrix.conftest import Bot
    from tests.servers.people import People

NOTICE = {"msgtype": "m.notice", "body": "I can share studies."}


async def test_a_strict_person_and_the_bot_read_each_other_without_a_shield(bot: Bot, anna: Person) -> None:
    async with bot.running() as session:
        room = await room_with(bot, anna)
        await anna.send(room, "!help")
        await until(lambda: bot.inbox.bodies)
        sent = await session.send(room, NOTICE, "txn-1")
        seen = await anna.wait(lambda event: event.event_id == sent)
    (message,) = bot.inbox.messages
    assert (message.body, message.why_not) == ("!help", "")
    assert message.clinician is not None
    assert (message.clinician.user_id, message.clinician.device_id) == (anna.user_id, anna.device_id)
    assert (seen.body, seen.trusted, seen.sender_device) == ("I can share studies.", True, session.device_id)
    assert message.clinician.display_name == anna.user_id[1:].partition(":")[0]
    assert message.session_id
    assert message.message_index == 0


async def test_the_bot_stays_the_same_device_and_identity_over_a_restart(bot: Bot, anna: Person) -> None:
    async with bot.session() as session:
        device, key, token = session.device_id, session.client.olm.ed25519, session.client.access_token
    async with bot.running() as session:
        assert (session.device_id, session.client.olm.ed25519) == (device, key)
        assert session.client.access_token == token
        room = await room_with(bot, anna)
        sent = await session.send(room, NOTICE, "txn-1")
        assert (await anna.wait(lambda event: event.event_id == sent)).trusted
    assert await anna.devices(bot.user_id) == {device: True}


async def test_what_is_kept_is_private_and_holds_no_secret_in_the_clear(bot: Bot) -> None:
    async with bot.session() as session:
        token = session.client.access_token.encode()
        directory = bot.state.directory("matrix")
        files = {path.name: path.read_bytes() for path in directory.iterdir()}
        assert {"login", "identity", "olm.db"} <= set(files)
        assert all(token not in content for content in files.values())
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in directory.iterdir())
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


async def test_a_lost_key_store_is_refused_with_the_way_to_recover(bot: Bot) -> None:
    async with bot.session():
        pass
    for path in bot.state.directory("matrix").glob("olm.db*"):
        path.unlink()
    with pytest.raises(StoreLost, match="keys restore"):
        await bot.session().__aenter__()


async def test_an_empty_key_store_is_refused_too(bot: Bot, tmp_path: Path) -> None:
    async with bot.session():
        pass
    for path in bot.state.directory("matrix").glob("olm.db*"):
        path.unlink()
    bot.state.file("matrix/olm.db").touch()
    with pytest.raises(StoreLost):
        await bot.session().__aenter__()


async def test_a_damaged_key_store_is_refused(bot: Bot) -> None:
    async with bot.session():
        pass
    path = bot.state.directory("matrix") / "olm.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 4096] = bytes(4096)
    path.write_bytes(content)
    with pytest.raises((StoreDamaged, StoreLost)):
        await bot.session().__aenter__()


async def test_another_state_key_does_not_open_the_store(bot: Bot) -> None:
    async with bot.session():
        pass
    (bot.state.root / "keys" / "olm").write_bytes(bytes(32))
    with pytest.raises(StoreDamaged):
        await bot.session().__aenter__()


async def test_a_wrong_password_is_refused(bot: Bot) -> None:
    bot.account = replace(bot.account, password="wrong")
    with pytest.raises(LoginRefused, match="user ID and password"):
        await bot.session().__aenter__()


async def test_an_access_token_is_enough(bot: Bot, homeserver: Homeserver) -> None:
    login = await log_in(homeserver.url, bot.user_id, str(bot.account.password))
    bot.account = replace(bot.account, password=None, access_token=login["access_token"])
    for _ in range(2):
        async with bot.session() as session:
            assert session.device_id == login["device_id"]


async def test_a_token_of_another_device_is_refused(bot: Bot, homeserver: Homeserver) -> None:
    async with bot.session():
        pass
    login = await log_in(homeserver.url, bot.user_id, str(bot.account.password))
    bot.account = replace(bot.account, password=None, access_token=login["access_token"])
    with pytest.raises(WrongAccount):
        await bot.session().__aenter__()


async def test_a_state_directory_serves_one_account(
    bot: Bot, new_bot: Callable[..., Bot], account: Callable[..., Any]
) -> None:
    async with bot.session():
        pass
    other = new_bot(await account("other"))
    with pytest.raises(WrongAccount):
        await other.session().__aenter__()


async def test_signed_out_is_fatal_and_the_password_brings_the_same_device_back(bot: Bot) -> None:
    async with bot.session() as session:
        device, key = session.device_id, session.client.olm.ed25519
        await session.client.call("POST", "/_matrix/client/v3/logout", {})
        with pytest.raises(SignedOut, match="signed the bot out"):
            await bot.loop(session).run()
    async with bot.session() as session:
        assert (session.device_id, session.client.olm.ed25519) == (device, key)
    bot.account = replace(bot.account, password=None)
    async with bot.session() as session:
        await session.client.call("POST", "/_matrix/client/v3/logout", {})
    with pytest.raises(SignedOut):
        await bot.session().__aenter__()


async def test_another_identity_on_the_server_is_refused_and_leaves_no_device(
    bot: Bot, person: People, account: Any, anna: Person
) -> None:
    registered = await account("bot")
    await person(registered)  # somebody bootstrapped this account with an app
    bot.account = replace(bot.account, user_id=registered.user_id, password=registered.password)
    with pytest.raises(ForeignIdentity, match="keys restore"):
        await bot.session().__aenter__()
    # Nobody has seen a new device, and the state directory is as it was: a restore finds room.
    assert len(await anna.devices(registered.user_id)) == 1
    assert not (bot.state.root / "matrix").exists()


async def test_another_devices_keys_on_the_server_are_refused(bot: Bot) -> None:
    async with bot.session():
        pass
    shutil.copytree(bot.state.root, bot.state.root.with_name("copy"))
    copy = StateDirectory(bot.state.root.with_name("copy"))
    for path in copy.directory("matrix").glob("olm.db*"):
        path.unlink()
    _forget_token(copy)
    bot.state = copy
    with pytest.raises(ForeignDevice, match="other keys"):
        await bot.session().__aenter__()


def _forget_token(state: StateDirectory) -> None:
    """As after a crash of the very first start, but on a device that is known already."""
    from bot.matrix import login as module  # noqa: PLC0415

    directory = state.directory("matrix")
    kept = module.kept(state, directory)
    assert kept is not None
    module._keep(replace(kept, access_token=""), state, directory)


async def test_a_first_start_that_was_cut_off_anywhere_is_taken_up_again(
    bot: Bot, homeserver: Homeserver, anna: Person
) -> None:
    steps = ("/login", "/keys/query", "/keys/upload", "/device_signing/upload", "/signatures/upload")
    registered = bot.account
    async with Proxy.start(homeserver.url) as proxy:
        bot.account = replace(registered, homeserver=proxy.url)
        for step in steps:
            for fault in (faults.status(403, "M_TEST"), _answer_unheard):
                proxy.rules.clear()
                proxy.fail(f"POST .*{step}", fault, times=9)
                with pytest.raises(CarrierbagError):
                    await bot.session().__aenter__()
    bot.account = registered
    async with bot.running() as session:
        room = await room_with(bot, anna)
        sent = await session.send(room, NOTICE, "one")
        assert (await anna.wait(lambda event: event.event_id == sent)).trusted
        assert await anna.devices(bot.user_id) == {session.device_id: True}


async def test_a_server_that_asks_for_the_password_gets_it_for_the_first_identity(
    bot: Bot, homeserver: Homeserver
) -> None:
    asked = faults.status(401, "", flows=[{"stages": ["m.login.password"]}], session="s1")
    async with Proxy.start(homeserver.url) as proxy:
        bot.account = replace(bot.account, homeserver=proxy.url)
        rule = proxy.fail("device_signing/upload", asked)
        async with bot.session():
            assert rule.met == 1


def test_secrets_do_not_show_in_traces() -> None:
    account = Account("https://example.org", "@bot:example.org", password="hidden one", access_token="hidden two")
    assert "hidden" not in repr(account)


async def _answer_unheard(request: Any, proxy: Proxy) -> Any:
    """The server acts, and we take its answer for a refusal: as if we had been killed before we read it."""
    await proxy.forward(request)
    return await faults.status(403, "M_TEST")(request, proxy)
