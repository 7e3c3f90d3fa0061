"""The bot's identity on a new machine: a new device that it vouches for, so that nobody is warned."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.matrix import devicekeys, otherdevices
from bot.matrix.backup import opened
from bot.matrix.chain import master_key
from bot.matrix.errors import RecoveryRefused
from bot.matrix.identity import FILE, Identity, vouch_for_ourselves
from bot.matrix.login import DIRECTORY, Login, forget, kept, sign_in
from bot.matrix.signatures import public

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.matrix.guard import GuardedClient
    from bot.matrix.login import Account
    from bot.matrix.otherdevices import OtherDevice
    from config.state import StateDirectory

#: What is restored lies here until it is whole. A restore that was cut off is taken up from here.
RESTORING = "matrix.restoring"


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What people compare, in unpadded base64."""

    user_id: str
    device_id: str
    device: str
    master: str


@dataclass(frozen=True, slots=True)
class Restored:
    """The bot on this machine, and the account's devices that are signed in elsewhere."""

    fingerprints: Fingerprints
    others: tuple[OtherDevice, ...]


def kept_identity(state: StateDirectory) -> tuple[Login, Identity]:
    """What the bot is, from its state directory. Reads only, also while it runs. Raises `RecoveryRefused`."""
    directory = state.root / DIRECTORY
    if (directory / FILE).exists():
        login = kept(state, directory)
        identity = Identity.kept(login.user_id, directory / FILE, state.cipher()) if login else None
        if login and identity:
            return login, identity
    raise RecoveryRefused(
        "The bot has no identity in this state directory yet. Start it once with `carrierbag run`, or bring its "
        "identity here with `carrierbag keys restore`.",
        "M46",
    )


def fingerprints(state: StateDirectory) -> Fingerprints:
    """What people compare, as the state directory knows it. Raises `RecoveryRefused`."""
    login, identity = kept_identity(state)
    return Fingerprints(login.user_id, login.device_id, login.fingerprint, public(identity.master))


def refuse_occupied(state: StateDirectory) -> None:
    """Raise `RecoveryRefused` when the state directory has an identity, or a login that was ever used."""
    directory = state.root / DIRECTORY
    login = kept(state, directory)
    if (directory / FILE).exists() or (login and login.access_token):
        raise RecoveryRefused(
            "The state directory holds the bot's login or identity already; nothing was changed. Start the bot with "
            '`carrierbag run`, or move the directory "matrix" out of the state directory to restore all the same.',
            "M45",
        )


async def restore(account: Account, state: StateDirectory, key: bytes, *, alone: bool = False) -> Restored:
    """Become the account's bot on this machine: a new device, signed by the identity that `key` opens.

    Everybody who looks sees a device that the identity vouches for from its first moment. With `alone`, all other
    devices of the account are signed out. Cut off anywhere, it can be called again; `carrierbag run` finds either no
    login and no identity, or both. The caller holds `state.locked()`.

    Raises `RecoveryRefused` when there is nothing to restore or it does not fit (nothing is changed then, and the new
    device is gone), and what `sign_in` raises.
    """
    refuse_occupied(state)
    if alone and account.password is None:
        raise otherdevices.no_password()
    client = await sign_in(account, state, RESTORING)
    try:
        identity = await _take_over(client, account, state, key)
        others = await otherdevices.listed(client)
        if alone:
            others = await otherdevices.sign_out(client, others, account.password)
        found = Fingerprints(client.user_id, client.device_id, client.olm.ed25519, public(identity.master))
    finally:
        await client.close()
    _settle(state)
    return Restored(found, others)


async def _take_over(client: GuardedClient, account: Account, state: StateDirectory, key: bytes) -> Identity:
    published = await devicekeys.own_keys(client)
    try:
        identity = await _recovered(client, published, key)
    except RecoveryRefused:
        await forget(client, account, state, RESTORING)
        raise
    identity.keep(state.root / RESTORING / FILE, state.cipher())
    published = await devicekeys.publish(client, published, identity.vouch)
    await vouch_for_ourselves(client, identity, published)
    return identity


async def _recovered(client: GuardedClient, published: Mapping[str, Any], key: bytes) -> Identity:
    if master_key(client.user_id, published) is None:
        raise RecoveryRefused(
            "The homeserver publishes no identity for this account, so there is none to take over. Check the account "
            "and the server; if both are right and the account is new, start the bot with `carrierbag run`.",
            "M44",
        )
    identity = Identity.of(client.user_id, await opened(client, key))
    if not identity.is_published(published):
        raise RecoveryRefused(
            "The account's backup holds another identity than the homeserver publishes: the identity was reset after "
            "the backup. Nothing was changed. Make a new backup where the newer identity lives, or give the bot a new "
            "account.",
            "M43",
        )
    return identity


def _settle(state: StateDirectory) -> None:
    """What was restored becomes the bot's, all of it at once."""
    shutil.rmtree(state.root / DIRECTORY, ignore_errors=True)  # at most a login that never succeeded
    (state.root / RESTORING).rename(state.root / DIRECTORY)
    directory = os.open(state.root, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
