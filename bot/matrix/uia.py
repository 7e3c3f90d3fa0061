"""Requests that a homeserver wants confirmed with the password (Matrix spec, "User-Interactive Authentication API")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.matrix.errors import ServerRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.matrix.guard import GuardedClient

UNAUTHORIZED = 401


async def confirmed(client: GuardedClient, path: str, body: Mapping[str, Any], password: str | None) -> Any:
    """POST `body`; if the server asks for it, once more with the password. Raises `ServerRefused` (401) without one."""
    try:
        return await client.call("POST", path, body)
    except ServerRefused as refused:
        if refused.status != UNAUTHORIZED or password is None:
            raise
        identifier = {"type": "m.id.user", "user": client.user_id}
        auth = {"type": "m.login.password", "identifier": identifier, "password": password}
        return await client.call("POST", path, {**body, "auth": auth | {"session": refused.details.get("session")}})
