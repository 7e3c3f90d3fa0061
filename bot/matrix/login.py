"""Signing in, always as the same device: its id is chosen before the first login and never changes."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from bot.matrix.chain import table
from bot.matrix.errors import LoginRefused, NotPermitted, ServerRefused, SignedOut, StoreLost, WrongAccount
from bot.matrix.guard import STORE, GuardedClient, client_path
from config.state import write_private

if TYPE_CHECKING:
    from config.state import StateDirectory

log = structlog.get_logger()

DIRECTORY = "matrix"
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


@dataclass(frozen=True, slots=True)
class Login:
    """What is kept, sealed: `access_token` is "" until the first login has succeeded."""

    user_id: str
    device_id: str
    access_token: str = field(default="", repr=False)


async def sign_in(account: Account, state: StateDirectory) -> GuardedClient:
    """A signed-in client with its keys loaded. Raises `LoginRefused`, `SignedOut`, `StoreLost`, `StoreDamaged`,
    `WrongAccount`, or `ServerAway`.
    """  # noqa: D205 - a list of errors
    client = GuardedClient(account.homeserver, account.user_id, "", state.directory(DIRECTORY), state.key("olm"))
    try:
        await _sign_in(client, account, state)
    except BaseException:
        await client.close()
        raise
    return client


async def _sign_in(client: GuardedClient, account: Account, state: StateDirectory) -> None:
    login = _kept(state) or await _begin(client, account, state)
    if login.user_id != account.user_id:
        raise WrongAccount(login.user_id, account.user_id)
    client.device_id = login.device_id
    _load_keys(client, login, state)
    client.access_token = await _token(client, account, login)
    if client.access_token != login.access_token:
        _keep(replace(login, access_token=client.access_token), state)


async def _begin(client: GuardedClient, account: Account, state: StateDirectory) -> Login:
    """The first start: settle the device before anything is known of it elsewhere."""
    device_id = await _device_of(client, account, account.access_token) if account.access_token else _new_device_id()
    login = Login(account.user_id, device_id)
    _keep(login, state)
    return login


def _load_keys(client: GuardedClient, login: Login, state: StateDirectory) -> None:
    """Open the key store. After the first login our device's account must be in it: nio would just make a new one."""
    path = state.directory(DIRECTORY) / STORE
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
    if answer.get("user_id") != account.user_id:
        raise WrongAccount(account.user_id, str(answer.get("user_id")))
    return str(answer.get("device_id"))


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
    return str(answer["access_token"])


def _kept(state: StateDirectory) -> Login | None:
    path = state.directory(DIRECTORY) / "login"
    return Login(**json.loads(state.cipher().open(path.read_bytes(), PLACE))) if path.exists() else None


def _keep(login: Login, state: StateDirectory) -> None:
    sealed = state.cipher().seal(json.dumps(asdict(login)).encode(), PLACE)
    write_private(state.directory(DIRECTORY) / "login", sealed)


def _new_device_id() -> str:
    return "".join(secrets.choice(string.ascii_uppercase) for _ in range(DEVICE_ID_LENGTH))
