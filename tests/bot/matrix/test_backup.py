"""The identity in the account's data, read and written by us and by another app (matrix-js-sdk)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.people import log_in
from bot.matrix import backup
from bot.matrix.backup import DEFAULT, SECRETS, back_up, has_backup, opened
from bot.matrix.errors import ForeignIdentity, NotPermitted, RecoveryRefused
from bot.matrix.guard import client_path
from bot.matrix.identity import FILE, Identity
from bot.matrix.secretstorage import ALGORITHM, typed_key
from bot.matrix.signatures import unpadded
from tests.bot.matrix.conftest import by_hand
from tests.servers.people import Account

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.demo.homeserver import Homeserver
    from bot.matrix.session import MatrixSession
    from tests.servers.people import People

    from .conftest import Bot


def identity_of(bot: Bot) -> Identity:
    identity = Identity.kept(bot.user_id, bot.state.directory("matrix") / FILE, bot.state.cipher())
    assert identity is not None
    return identity


async def backed_up(bot: Bot, session: MatrixSession) -> str:
    shown: list[str] = []
    await back_up(session.client, identity_of(bot), shown.append)
    (text,) = shown
    return text


async def account_data(session: MatrixSession, kind: str) -> Any:
    return await by_hand(session, "GET", client_path("user", session.user_id, "account_data", kind))


async def put(session: MatrixSession, kind: str, content: Any) -> None:
    await by_hand(session, "PUT", client_path("user", session.user_id, "account_data", kind), content)


async def test_another_app_opens_our_backup_and_signs_its_own_device_with_it(bot: Bot, person: People) -> None:
    async with bot.session() as session:
        text = await backed_up(bot, session)
        registered = account_of(bot)
        app = await person(registered, recovery_key=text)
        seeds = {usage: unpadded(seed) for usage, seed in identity_of(bot).seeds().items()}
        assert {usage: seed.rstrip("=") for usage, seed in (await app.backed_up(text)).items()} == seeds
        assert await app.devices(bot.user_id) == {session.device_id: True, app.device_id: True}


@pytest.mark.parametrize("passphrase", [None, "a passphrase of their own"])
async def test_we_open_the_backup_of_another_app(
    bot: Bot, person: People, account: Callable[..., Any], homeserver: Homeserver, passphrase: str | None
) -> None:
    registered = await account("ben")
    app = await person(registered)
    text = await app.back_up(passphrase)
    async with bot.session() as session:
        login = await log_in(homeserver.url, registered.name, registered.password)
        session.client.user_id, session.client.access_token = login["user_id"], login["access_token"]
        assert await has_backup(session.client)
        seeds = await opened(session.client, typed_key(text))
        stated = await app.backed_up(text)
        assert {usage: base64.b64decode(seed + "=") for usage, seed in stated.items()} == seeds


async def test_a_new_backup_replaces_the_one_before(bot: Bot) -> None:
    async with bot.session() as session:
        assert not await has_backup(session.client)
        first = await backed_up(bot, session)
        assert await has_backup(session.client)
        second = await backed_up(bot, session)
        assert await opened(session.client, typed_key(second)) == identity_of(bot).seeds()
        with pytest.raises(RecoveryRefused, match="newer one has replaced it"):
            await opened(session.client, typed_key(first))


async def test_wherever_a_backup_is_cut_off_the_key_before_it_or_the_one_it_showed_works(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off before each of its writes, and right before and after it shows the key."""
    async with bot.session() as session:
        good = await backed_up(bot, session)
        writes = len(SECRETS) * 2 + 2
        for last in range(writes):
            shown: list[str] = []
            with monkeypatch.context() as patched:
                patched.setattr(backup, "_put", _puts(last))
                with pytest.raises(NotPermitted):
                    await back_up(session.client, identity_of(bot), shown.append)
            good = shown[-1] if shown else good
            assert await opened(session.client, typed_key(good)) == identity_of(bot).seeds(), last
            assert bool(shown) == (last >= len(SECRETS) + 2), last


def _puts(allowed: int) -> Callable[..., Any]:
    real, left = backup._put, [allowed]

    async def put_some(*given: Any) -> None:
        if not left[0]:
            raise NotPermitted
        left[0] -= 1
        await real(*given)

    return put_some


async def test_a_key_that_nobody_could_see_does_not_close_the_old_door(bot: Bot) -> None:
    def broken_pipe(_: str) -> None:
        raise BrokenPipeError

    async with bot.session() as session:
        good = await backed_up(bot, session)
        with pytest.raises(BrokenPipeError):
            await back_up(session.client, identity_of(bot), broken_pipe)
        assert await opened(session.client, typed_key(good)) == identity_of(bot).seeds()


async def test_another_apps_secret_storage_is_replaced_and_its_other_secrets_stay(bot: Bot, person: People) -> None:
    async with bot.session() as session:
        ours = await backed_up(bot, session)
        app = await person(account_of(bot), recovery_key=ours)
        theirs = await app.back_up()
        assert await opened(session.client, typed_key(theirs)) == identity_of(bot).seeds()
        await put(session, "m.megolm_backup.v1", {"encrypted": {"theirs": {}}})
        again = await backed_up(bot, session)
        assert await opened(session.client, typed_key(again)) == identity_of(bot).seeds()
        assert await account_data(session, "m.megolm_backup.v1") == {"encrypted": {"theirs": {}}}


async def test_junk_beside_our_secrets_is_no_obstacle(bot: Bot) -> None:
    junk = {"encrypted": {"x": 1, "../..": {}, "y": {"iv": "\u00e4"}, "z": {"iv": "A", "ciphertext": "", "mac": None}}}
    async with bot.session() as session:
        for name in SECRETS.values():
            await put(session, name, junk)
        text = await backed_up(bot, session)
        assert await opened(session.client, typed_key(text)) == identity_of(bot).seeds()


async def test_no_backup_is_told_from_a_wrong_key(bot: Bot) -> None:
    async with bot.session() as session:
        with pytest.raises(RecoveryRefused, match="no backup"):
            await opened(session.client, bytes(32))
        text = await backed_up(bot, session)
        with pytest.raises(RecoveryRefused, match="does not open"):
            await opened(session.client, bytes(32))
        await put(session, SECRETS["user_signing"], {})
        with pytest.raises(RecoveryRefused, match="no backup"):
            await opened(session.client, typed_key(text))


@pytest.mark.parametrize("usage", SECRETS)
async def test_a_server_that_swaps_two_secrets_or_cuts_one_is_noticed(bot: Bot, usage: str) -> None:
    async with bot.session() as session:
        text = await backed_up(bot, session)
        other = next(name for name in SECRETS.values() if name != SECRETS[usage])
        swapped = await account_data(session, other)
        for junk in (
            swapped,
            {"encrypted": {"x": 1}},
            {"encrypted": "x"},
            {"encrypted": {}},
        ):
            await put(session, SECRETS[usage], junk)
            with pytest.raises(RecoveryRefused):
                await opened(session.client, typed_key(text))


@pytest.mark.parametrize("junk", [{}, {"algorithm": 5}, {"algorithm": ALGORITHM, "mac": [], "iv": {}}])
async def test_a_description_that_is_junk_opens_nothing(bot: Bot, junk: Any) -> None:
    async with bot.session() as session:
        text = await backed_up(bot, session)
        key_id = (await account_data(session, DEFAULT))["key"]
        await put(session, f"m.secret_storage.key.{key_id}", junk)
        with pytest.raises(RecoveryRefused, match="does not open"):
            await opened(session.client, typed_key(text))


async def test_an_identity_that_the_server_does_not_publish_is_not_backed_up(bot: Bot) -> None:
    async with bot.session() as session:
        mine = identity_of(bot)
        other = Identity.of(bot.user_id, mine.seeds() | {"user_signing": bytes(32)})
        with pytest.raises(ForeignIdentity):
            await back_up(session.client, other, print)
        assert not await has_backup(session.client)


async def test_nothing_of_it_is_readable_on_the_server(bot: Bot) -> None:
    async with bot.session() as session:
        text = await backed_up(bot, session)
        kinds = [DEFAULT, *SECRETS.values()]
        key_id = (await account_data(session, DEFAULT))["key"]
        stored = str([await account_data(session, kind) for kind in (*kinds, f"m.secret_storage.key.{key_id}")])
        hidden = [text, text.replace(" ", ""), *map(unpadded, identity_of(bot).seeds().values())]
        assert not [one for one in hidden if one in stored]


def account_of(bot: Bot) -> Account:
    return Account(bot.user_id, bot.user_id, str(bot.account.password))
