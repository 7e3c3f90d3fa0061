"""Signing in, always as the same device: its id is chosen before the first login and never changes."""

from __future__ import annotations

import json
import secrets
import shutil
import string
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog

from bot.matrix.chain import table
from bot.matrix.errors import LoginRefused, NotPermitted, ServerRefused, SignedOut, StoreLost, WrongAccount
from bot.matrix.guard import STORE, GuardedClient, client_path
from bot.matrix.wire import said
from config.settings import read_secret
from config.state import write_private

if TYPE_CHECKING:
    from config.settings import MatrixSettings
    from config.state import StateDirectory

log = structlog.get_logger()

DIRECTORY = "matrix"
LOGIN = "login"
PLACE = "matrix/login"
DEVICE_ID_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Account:
    """The bot's account, as the operator gives it: with a password or an access token."""

    homeserver: str
    user_id: str
    password: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    device_name: str = "carrierbag"

    @classmethod
    def of(cls, settings: MatrixSettings) -> Self:
        """The account of the settings, its secret read from the file that they name."""
        password, token = settings.password_file, settings.access_token_file
        return cls(
            homeserver=settings.homeserver,
            user_id=settings.user_id,
            password=read_secret(password).get_secret_value() if password else None,
            access_token=read_secret(token).get_secret_value() if token else None,
            device_name=settings.device_name,
        )


@dataclass(frozen=True, slots=True)
class Login:
    """What is kept, sealed: `access_token` is "" until the first login has succeeded.

    `fingerprint` is our device's Ed25519 key, unpadded base64: people who compare it need no key store to be open.
    """

    user_id: str
    device_id: str
    access_token: str = field(default="", repr=False)
    fingerprint: str = ""


async def sign_in(account: Account, state: StateDirectory, name: str = DIRECTORY) -> GuardedClient:
    """A signed-in client with its keys loaded from the sub-directory `name` of the state directory.

    Raises `LoginRefused`, `SignedOut`, `StoreLost`, `StoreDamaged`, `WrongAccount`, or `ServerAway`.
    """
    client = GuardedClient(account.homeserver, account.user_id, "", state.directory(name), state.key("olm"))
    try:
        await _sign_in(client, account, state, state.directory(name))
    except BaseException:
        await client.close()
        raise
    return client


def signed_in_already(account: Account, login: Login) -> GuardedClient:
    """A client on the kept login, without Olm and without a store: the bot's own process may run beside it."""
    if login.user_id != account.user_id:
        raise WrongAccount(login.user_id, account.user_id)
    client = GuardedClient(account.homeserver, login.user_id, login.device_id, Path(), b"")
    client.access_token = login.access_token
    return client


async def forget(client: GuardedClient, account: Account, state: StateDirectory, name: str = DIRECTORY) -> None:
    """Undo `sign_in` for a device of which nobody has heard: no login, no device, no keys. Closes the client."""
    if account.access_token is None:  # the operator's own token stays as good as it was
        await client.call("POST", client_path("logout"), {})
    await client.close()
    shutil.rmtree(state.directory(name))


async def _sign_in(client: GuardedClient, account: Account, state: StateDirectory, directory: Path) -> None:
    login = kept(state, directory) or await _begin(client, account, state, directory)
    if login.user_id != account.user_id:
        raise WrongAccount(login.user_id, account.user_id)
    client.device_id = login.device_id
    _load_keys(client, login, directory)
    client.access_token = await _token(client, account, login)
    now = replace(login, access_token=client.access_token, fingerprint=client.olm.ed25519)
    if now != login:
        _keep(now, state, directory)


async def _begin(client: GuardedClient, account: Account, state: StateDirectory, directory: Path) -> Login:
    """The first start: settle the device before anything is known of it elsewhere."""
    device_id = await _device_of(client, account, account.access_token) if account.access_token else _new_device_id()
    login = Login(account.user_id, device_id)
    _keep(login, state, directory)
    return login


def _load_keys(client: GuardedClient, login: Login, directory: Path) -> None:
    """Open the key store. After the first login our device's account must be in it: nio would just make a new one."""
    path = directory / STORE
    if login.access_token and not path.exists():
        raise StoreLost(login.device_id)
    path.touch(mode=0o600)
    client.load_store()
    if login.access_token and not client.had_account:
        raise StoreLost(login.device_id)


async def _token(client: GuardedClient, account: Account, login: Login) -> str:
    """A working access token of the login's device: the operator's, the kept one, or one for the password."""
    token = account.access_token or login.access_token
    if token:
        try:
            device_id = await _device_of(client, account, token)
        except SignedOut:
            if account.password is None:
                raise
        else:
            if device_id != login.device_id:
                raise WrongAccount(f"the device {login.device_id}", f"the device {device_id}")
            return token
    return await _log_in(client, account, login.device_id)


async def _device_of(client: GuardedClient, account: Account, token: str) -> str:
    """The device that an access token belongs to (/account/whoami)."""
    client.access_token = token
    answer = table(await client.call("GET", client_path("account", "whoami")))
    if said(answer, "user_id") != account.user_id:
        raise WrongAccount(account.user_id, said(answer, "user_id"))
    return said(answer, "device_id")


async def _log_in(client: GuardedClient, account: Account, device_id: str) -> str:
    if account.password is None:
        raise LoginRefused("The configuration has neither a password nor an access token for the bot's account.", "M11")
    client.access_token = ""
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": account.user_id},
        "password": account.password,
        "device_id": device_id,
        "initial_device_display_name": account.device_name,
    }
    try:
        answer = await client.call("POST", client_path("login"), body)
    except (NotPermitted, ServerRefused, SignedOut) as error:
        raise LoginRefused("The homeserver refused the login. Check the bot's user ID and password.", "M12") from error
    log.info("logged_in", device_id=device_id)
    return said(answer, "access_token")


def kept(state: StateDirectory, directory: Path) -> Login | None:
    """The login in this directory, None before the first start. Reads only."""
    path = directory / LOGIN
    return Login(**json.loads(state.cipher().open(path.read_bytes(), PLACE))) if path.exists() else None


def _keep(login: Login, state: StateDirectory, directory: Path) -> None:
    write_private(directory / LOGIN, state.cipher().seal(json.dumps(asdict(login)).encode(), PLACE))


def _new_device_id() -> str:
    return "".join(secrets.choice(string.ascii_uppercase) for _ in range(DEVICE_ID_LENGTH))
