"""The other devices on the bot's own account: a machine that was lost, an app that somebody left signed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.matrix.chain import table
from bot.matrix.errors import RecoveryRefused, ServerRefused
from bot.matrix.guard import client_path
from bot.matrix.uia import UNAUTHORIZED, confirmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.matrix.guard import GuardedClient

NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class OtherDevice:
    """As the homeserver tells it. `last_seen` is None when it does not."""

    device_id: str
    display_name: str
    last_seen: datetime | None


async def listed(client: GuardedClient) -> tuple[OtherDevice, ...]:
    """All devices of the account but ours."""
    answer = table(await client.call("GET", client_path("devices")))
    devices = answer.get("devices")
    found = [_device(table(one)) for one in devices] if isinstance(devices, list) else []
    return tuple(one for one in found if one.device_id and one.device_id != client.device_id)


async def sign_out(
    client: GuardedClient, devices: Sequence[OtherDevice], password: str | None
) -> tuple[OtherDevice, ...]:
    """End these devices' sessions, and return what is left of others. Raises `RecoveryRefused` without a password."""
    if devices:
        body = {"devices": [one.device_id for one in devices]}
        try:
            await confirmed(client, client_path("delete_devices"), body, password)
        except ServerRefused as refused:
            if refused.status != UNAUTHORIZED:
                raise
            raise no_password() from refused
    return await listed(client)


def no_password() -> RecoveryRefused:
    """Only a password confirms that devices are to be signed out."""
    return RecoveryRefused(
        "The homeserver wants the account's password before it signs devices out, and the configuration has none or a "
        "wrong one. Sign them out with another app, or ask the homeserver's administrator.",
        "M48",
    )


def _device(told: Any) -> OtherDevice:
    device_id, milliseconds = told.get("device_id"), told.get("last_seen_ts")
    seen = isinstance(milliseconds, int) and 0 < milliseconds < 2**42
    return OtherDevice(
        device_id if isinstance(device_id, str) else "",
        _printable(told.get("display_name")),
        datetime.fromtimestamp(milliseconds / 1000, UTC) if seen else None,
    )


def _printable(name: Any) -> str:
    """A name that can do nothing to a terminal."""
    return "".join(filter(str.isprintable, name))[:NAME_LENGTH] if isinstance(name, str) else ""
