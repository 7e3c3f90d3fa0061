"""The bot's account for the operator's commands, beside the running bot or without it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot import log
from bot.matrix.login import Account, signed_in_already
from bot.matrix.recovery import kept_identity
from config.settings import LogSettings, load_settings
from config.state import StateDirectory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.matrix.guard import GuardedClient
    from bot.matrix.identity import Identity


def opened(config: Path) -> tuple[Account, StateDirectory]:
    """What the settings say. Warnings go to standard error; nothing is read from or written to the state directory."""
    settings = load_settings(config)
    log.configure(LogSettings(level="warning"))
    return Account.of(settings.matrix), StateDirectory(settings.state.directory, settings.state.key_file)


@asynccontextmanager
async def kept_client(account: Account, state: StateDirectory) -> AsyncIterator[tuple[GuardedClient, Identity]]:
    """The bot's own login and identity, without its Olm keys: the bot's process keeps those to itself."""
    login, identity = kept_identity(state)
    client = signed_in_already(account, login)
    try:
        yield client, identity
    finally:
        await client.close()
