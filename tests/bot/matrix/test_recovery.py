"""The identity on a new machine, step by step. As an operator does it: tests/acceptance/test_recovery.py."""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.people import log_in
from bot.matrix import recovery
from bot.matrix.backup import SECRETS, back_up
from bot.matrix.chain import judge
from bot.matrix.errors import CarrierbagError, LoginRefused, RecoveryRefused
from bot.matrix.guard import client_path
from bot.matrix.identity import FILE, Identity
from bot.matrix.otherdevices import listed
from bot.matrix.recovery import fingerprints, restore
from bot.matrix.secretstorage import recovery_key, typed_key
from bot.matrix.signatures import public, unpadded
from config.state import StateDirectory
from tests.bot.matrix.conftest import by_hand
from tests.servers import proxy as faults
from tests.servers.people import Account as Registered
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from bot.matrix.session import MatrixSession
    from tests.servers.people import People

    from .conftest import Bot


@dataclass
class Lost:
    """A bot whose machine is gone; what is left is its recovery key."""

    bot: Bot
    key: bytes
    old_device: str
    identity: Identity

    async def restored(self, state: StateDirectory, **options: Any) -> recovery.Restored:
        with state.locked():
            return await restore(self.bot.account, state, self.key, **options)


def new_state(tmp_path: Path, name: str = "new machine") -> StateDirectory:
    state = StateDirectory(tmp_path / name)
    state.prepare()
    return state


async def recovery_key_of(bot: Bot, session: MatrixSession) -> bytes:
    shown: list[str] = []
    await back_up(session.client, identity_of(bot), shown.append)
    return typed_key(shown[0])


def identity_of(bot: Bot) -> Identity:
    identity = Identity.kept(bot.user_id, bot.state.directory("matrix") / FILE, bot.state.cipher())
    assert identity is not None
    return identity


@pytest.fixture
async def seen(stranger: Callable[..., Any]) -> Callable[[Lost], Any]:
    """`await seen(lost)`: the bot's devices as a stranger sees them who knows the identity, True for vouched ones."""
    raw = await stranger("eve")

    async def look(lost: Lost) -> dict[str, bool]:
        answer = await raw.call("POST", "/keys/query", {"device_keys": {lost.bot.user_id: []}})
        standing = judge(lost.bot.user_id, answer, public(lost.identity.master))
        vouched = {one.device_id: True for one in standing.good}
        return vouched | {one.device_id: False for one in standing.excluded}

    return look


def holds_nothing(state: StateDirectory) -> bool:
    return not [path.name for path in state.root.iterdir() if path.name.startswith("matrix")]


@pytest.fixture
async def lost(bot: Bot) -> Lost:
    async with bot.session() as session:
        key = await recovery_key_of(bot, session)
        return Lost(bot, key, session.device_id, identity_of(bot))


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return new_state(tmp_path)


async def test_the_identity_comes_back_with_a_new_device_that_it_vouches_for(
    lost: Lost, state: StateDirectory, seen: Callable[[Lost], Any]
) -> None:
    restored = await lost.restored(state)
    found = restored.fingerprints
    assert found == fingerprints(state)
    assert found.master == public(lost.identity.master)
    assert found.device_id != lost.old_device
    assert [one.device_id for one in restored.others] == [lost.old_device]
    assert await seen(lost) == {lost.old_device: True, found.device_id: True}
    lost.bot.state = state
    async with lost.bot.session() as session:
        assert (session.device_id, session.client.olm.ed25519) == (found.device_id, found.device)


async def test_no_moment_shows_an_unsigned_device(lost: Lost, state: StateDirectory, homeserver: Homeserver) -> None:
    """The device's keys arrive with the identity's signature; nothing is left to upload afterwards."""
    async with Proxy.start(homeserver.url) as proxy:
        lost.bot.account = replace(lost.bot.account, homeserver=proxy.url)
        await lost.restored(state)
        assert not [one for one in proxy.requests if "signatures/upload" in one]


@pytest.mark.parametrize("whose", ["nobody's", "another account's", "an older backup's"])
async def test_a_wrong_key_changes_nothing_and_leaves_no_device(  # noqa: PLR0917 - fixtures
    lost: Lost,
    state: StateDirectory,
    tmp_path: Path,
    new_bot: Callable[..., Bot],
    account: Callable[..., Any],
    whose: str,
) -> None:
    if whose == "nobody's":
        lost.key = bytes(32)
    elif whose == "another account's":
        other = new_bot(await account("other"))
        other.state = new_state(tmp_path, "other machine")
        async with other.session() as session:
            lost.key = await recovery_key_of(other, session)
    else:
        async with lost.bot.session() as session:
            await recovery_key_of(lost.bot, session)
    with pytest.raises(RecoveryRefused, match="does not open") as refused:
        await lost.restored(state)
    assert refused.value.code == "M41"
    await _as_before(lost, state)


async def _as_before(lost: Lost, state: StateDirectory) -> None:
    assert holds_nothing(state)
    async with lost.bot.session() as session:  # the old machine's
        assert not await listed(session.client)


async def test_without_a_backup_it_says_so(bot: Bot, state: StateDirectory) -> None:
    async with bot.session() as session:
        lost = Lost(bot, bytes(32), session.device_id, identity_of(bot))
    with pytest.raises(RecoveryRefused, match="no backup"):
        await lost.restored(state)
    await _as_before(lost, state)


async def test_an_identity_that_was_reset_comes_back_only_from_a_backup_made_after_it(
    lost: Lost, state: StateDirectory, person: People
) -> None:
    registered = Registered(lost.bot.user_id, lost.bot.user_id, str(lost.bot.account.password))
    app = await person(registered, recovery_key=recovery_key(lost.key))
    async with lost.bot.session() as session:
        path = client_path("user", session.user_id, "account_data")
        before = {name: await session.client.call("GET", f"{path}/{name}") for name in SECRETS.values()}
        await app.new_identity()
        after = {name: await session.client.call("GET", f"{path}/{name}") for name in SECRETS.values()}
        await _put_all(session, before)
        with pytest.raises(RecoveryRefused, match="another identity"):
            await lost.restored(state)
        assert holds_nothing(state)
        await _put_all(session, after)
    assert (await lost.restored(state)).fingerprints.master != public(lost.identity.master)


async def _put_all(session: MatrixSession, data: dict[str, Any]) -> None:
    for name, content in data.items():
        path = client_path("user", session.user_id, "account_data", name)
        await by_hand(session, "PUT", path, content)


async def test_an_account_without_an_identity_gets_none_here(
    account: Callable[..., Any], new_bot: Callable[..., Bot], state: StateDirectory, anna: Person
) -> None:
    bot = new_bot(await account("fresh"))
    with pytest.raises(RecoveryRefused, match="publishes no identity"):
        await restore(bot.account, state, bytes(32))
    assert holds_nothing(state)
    assert await anna.devices(bot.user_id) == {}


async def test_a_state_directory_in_use_is_refused(lost: Lost) -> None:
    before = {path: path.read_bytes() for path in lost.bot.state.root.rglob("*") if path.is_file()}
    with pytest.raises(RecoveryRefused, match="already; nothing was changed"):
        await lost.restored(lost.bot.state)
    (lost.bot.state.root / "matrix" / FILE).unlink()
    with pytest.raises(RecoveryRefused, match="already; nothing was changed"):
        await lost.restored(lost.bot.state)
    assert {path: before[path] for path in before if path.exists()} == {
        path: path.read_bytes() for path in before if path.exists()
    }


async def test_a_login_that_never_succeeded_is_no_obstacle(lost: Lost, state: StateDirectory) -> None:
    right = lost.bot.account
    old, lost.bot.state = lost.bot.state, state
    lost.bot.account = replace(right, password="wrong")
    with pytest.raises(LoginRefused):
        await lost.bot.session().__aenter__()
    with pytest.raises(LoginRefused):
        await lost.restored(state)
    lost.bot.account = right
    assert (await lost.restored(state)).fingerprints.master == public(lost.identity.master)
    assert old.root != state.root


async def test_all_other_devices_can_be_signed_out_at_once(
    lost: Lost, state: StateDirectory, seen: Callable[[Lost], Any]
) -> None:
    restored = await lost.restored(state, alone=True)
    assert restored.others == ()
    assert await seen(lost) == {restored.fingerprints.device_id: True}


async def test_an_access_token_of_a_new_device_is_enough_and_stays_the_operators(
    lost: Lost, state: StateDirectory, homeserver: Homeserver
) -> None:
    login = await log_in(homeserver.url, lost.bot.user_id, str(lost.bot.account.password))
    key, lost.key = lost.key, bytes(32)
    lost.bot.account = replace(lost.bot.account, password=None, access_token=login["access_token"])
    with pytest.raises(RecoveryRefused, match="does not open"):
        await lost.restored(state)
    lost.key = key
    with pytest.raises(RecoveryRefused, match="wants the account's password"):
        await lost.restored(state, alone=True)
    assert (await lost.restored(state)).fingerprints.device_id == login["device_id"]


async def test_nothing_secret_lies_on_the_new_machine_in_the_clear_or_for_others_to_read(
    lost: Lost, state: StateDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    await lost.restored(state)
    seeds = lost.identity.seeds().values()
    secrets = [*seeds, lost.key, str(lost.bot.account.password).encode()]
    canaries = [one for secret in secrets for one in (secret, secret.hex().encode(), unpadded(secret).encode())]
    files = [path for path in state.root.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"login", "identity", "olm.db"}
    for path in files:
        content = path.read_bytes()
        assert not [one for one in canaries if one in content], path.name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in state.root.rglob("*") if path.is_dir())
    said = "".join(capsys.readouterr())
    assert not [one for one in canaries if one.decode("latin-1") in said]


async def test_cut_off_by_a_refusal_anywhere_it_ends_well_the_next_time(
    lost: Lost, state: StateDirectory, homeserver: Homeserver, seen: Callable[[Lost], Any]
) -> None:
    registered = lost.bot.account
    async with Proxy.start(homeserver.url) as proxy:
        lost.bot.account = replace(registered, homeserver=proxy.url)
        for step in ("/login", "/keys/query", "/account_data/", "/keys/upload", "GET .*/devices"):
            for fault in (faults.status(403, "M_TEST"), _unheard):
                proxy.rules.clear()
                proxy.fail(step, fault, times=9)
                with pytest.raises(CarrierbagError):
                    await lost.restored(state)
                assert not (state.root / "matrix").exists()
    lost.bot.account = registered
    found = (await lost.restored(state)).fingerprints
    assert await seen(lost) == {lost.old_device: True, found.device_id: True}
    assert found.master == public(lost.identity.master)


async def _unheard(request: Any, proxy: Proxy) -> Any:
    await proxy.forward(request)
    return await faults.status(403, "M_TEST")(request, proxy)


async def test_a_run_between_two_attempts_makes_no_identity_and_leaves_the_attempt_alone(
    lost: Lost, state: StateDirectory, monkeypatch: pytest.MonkeyPatch, seen: Callable[[Lost], Any]
) -> None:
    """Killed right before what was restored is put in its place."""

    class Killed(BaseException):
        pass

    def killed(_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(recovery, "_settle", killed)
        with pytest.raises(Killed):
            await lost.restored(state)
    lost.bot.state = state
    with pytest.raises(CarrierbagError, match="keys restore"):
        await lost.bot.session().__aenter__()
    restored = await lost.restored(state)
    assert await seen(lost) == {lost.old_device: True, restored.fingerprints.device_id: True}
    with pytest.raises(RecoveryRefused, match="already"):
        await lost.restored(state)
    async with lost.bot.session():
        pass
