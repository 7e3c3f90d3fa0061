"""Synapse's configuration for the throw-away homeserver, as plain values.

Option names are those of Synapse's configuration manual.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_PLENTY = {"per_second": 10_000, "burst_count": 10_000}
_PLENTY_EACH = {
    "rc_login": ("address", "account", "failed_attempts"),
    "rc_joins": ("local", "remote"),
    "rc_invites": ("per_room", "per_user", "per_issuer"),
    "rc_presence": ("per_user",),
}
_PLENTY_AT_ONCE = (
    "rc_message", "rc_registration", "rc_registration_token_validity", "rc_joins_per_room", "rc_key_requests",
    "rc_3pid_validation", "rc_third_party_invite", "rc_media_create", "rc_delayed_event_mgmt", "rc_room_creation",
    "rc_reports", "rc_user_directory", "rc_profile", "rc_admin_redaction",
)  # fmt: skip


def configuration(directory: Path, server_name: str, port: int, secret: str) -> dict[str, Any]:
    """Synapse's homeserver.yaml as a value, without the rate limits."""
    listener = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "type": "http",
        "tls": False,
        "resources": [{"names": ["client"]}],
    }
    return {
        "server_name": server_name,
        "listeners": [listener],
        "database": {"name": "sqlite3", "args": {"database": str(directory / "homeserver.db")}},
        "media_store_path": str(directory / "media"),
        "pid_file": str(directory / "homeserver.pid"),
        "log_config": str(directory / "log.yaml"),
        "signing_key_path": str(directory / "signing.key"),
        "registration_shared_secret": secret,
        "macaroon_secret_key": secrets.token_hex(32),
        "form_secret": secrets.token_hex(32),
        "enable_authenticated_media": True,
        "enable_registration": False,
        "presence": {"enabled": False},
        "report_stats": False,
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "url_preview_enabled": False,
        "bcrypt_rounds": 4,  # logins in milliseconds: the accounts live for minutes
    }


def unlimited() -> dict[str, Any]:
    """Every rate limit of Synapse set so high that it is never met."""
    nested = {name: dict.fromkeys(parts, _PLENTY) for name, parts in _PLENTY_EACH.items()}
    return nested | dict.fromkeys(_PLENTY_AT_ONCE, _PLENTY)


def logging(directory: Path) -> dict[str, Any]:
    """Warnings and errors into homeserver.log in its own directory."""
    handler = {"class": "logging.FileHandler", "filename": str(directory / "homeserver.log"), "formatter": "line"}
    return {
        "version": 1,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"file": handler},
        "root": {"level": "WARNING", "handlers": ["file"]},
        "disable_existing_loggers": False,
    }
