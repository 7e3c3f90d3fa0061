"""`carrierbag keys`: the bot's identity, kept outside of its machine, brought to a new one, read out to people."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.fingerprint import aloud

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.matrix.otherdevices import OtherDevice
    from bot.matrix.recovery import Fingerprints

app = typer.Typer(name="keys", help="Keep, restore and show the bot's identity.", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", help="The settings file that `carrierbag init` writes.")]
Yes = Annotated[bool, typer.Option("--yes", help="Replace an older recovery key without asking.")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--recovery-key-file", help="A file, readable by you only, with the recovery key; else it asks."),
]
Alone = Annotated[bool, typer.Option("--sign-out-others", help="Sign out all other devices of the bot's account.")]

#: Goes to standard error, so that standard output is the key and nothing else.
WRITE_IT_DOWN = """
This is the recovery key of {user_id}. It is shown only now.
- Write it down, or put it into your password manager; keep it away from the bot's machine. Destroy older ones.
- Whoever has it and the account's password can be the bot. Do not send it to anybody.
- On a new machine, "carrierbag keys restore" asks for it: the bot comes back, and nobody is warned.
- It brings back who the bot is, not whom it trusts: with a new state directory it meets everybody anew.
"""
REPLACES = "The account has a recovery key already; a new one replaces it, and the old one opens nothing then. [y/N] "
RESTORED = """
{user_id} lives on this machine now. Everybody who verified the bot still sees it as verified.
Whom it trusts is not in the backup. With a new state directory it meets everybody anew: identities that you had
confirmed must be confirmed again ("carrierbag trust", "carrierbag verify"), and what people asked for meanwhile must
be asked for again.
Start it with: carrierbag run --config {config}
"""
STOLEN = """A machine that was lost or stolen can still read and write as the bot. Sign it out:
  carrierbag keys devices --sign-out-others --config {config}
Then change the account's password, and the password file: that machine knew it."""


@app.command()
def backup(*, config: Config, yes: Yes = False) -> None:
    """Back the identity up, and print a recovery key once. The bot may run meanwhile."""
    asyncio.run(_backup(config, yes=yes))


@app.command()
def restore(*, config: Config, recovery_key_file: KeyFile = None, sign_out_others: Alone = False) -> None:
    """Bring the identity to this machine, with the recovery key."""
    asyncio.run(_restore(config, recovery_key_file, alone=sign_out_others))


@app.command()
def show(*, config: Config) -> None:
    """Print the fingerprints that people compare. The bot may run meanwhile."""
    from bot.matrix.recovery import fingerprints  # noqa: PLC0415 - `--help` is quick
    from bot.operate.account import opened  # noqa: PLC0415

    _, state = opened(config)
    _print(fingerprints(state))


@app.command()
def devices(*, config: Config, sign_out_others: Alone = False) -> None:
    """List the other devices of the bot's account, and sign them out if told to. The bot may run meanwhile."""
    asyncio.run(_devices(config, alone=sign_out_others))


async def _backup(config: Path, *, yes: bool) -> None:
    from bot.matrix.backup import back_up, has_backup  # noqa: PLC0415
    from bot.operate.account import kept_client, opened  # noqa: PLC0415

    account, state = opened(config)
    async with kept_client(account, state) as (client, identity):
        if await has_backup(client) and not yes and not _agreed(REPLACES):
            raise typer.Exit(1)

        def show_once(recovery_key: str) -> None:
            typer.echo(recovery_key)
            sys.stdout.flush()
            typer.echo(WRITE_IT_DOWN.format(user_id=client.user_id), err=True)

        await back_up(client, identity, show_once)


async def _restore(config: Path, recovery_key_file: Path | None, *, alone: bool) -> None:
    from bot.matrix.recovery import refuse_occupied, restore  # noqa: PLC0415
    from bot.matrix.secretstorage import typed_key  # noqa: PLC0415
    from bot.operate.account import opened  # noqa: PLC0415

    account, state = opened(config)
    state.prepare()
    with state.locked():
        refuse_occupied(state)
        restored = await restore(account, state, typed_key(_asked(recovery_key_file)), alone=alone)
    _print(restored.fingerprints)
    typer.echo(RESTORED.format(user_id=account.user_id, config=config))
    _list(restored.others, config)


async def _devices(config: Path, *, alone: bool) -> None:
    from bot.matrix.otherdevices import listed, sign_out  # noqa: PLC0415
    from bot.operate.account import kept_client, opened  # noqa: PLC0415

    account, state = opened(config)
    async with kept_client(account, state) as (client, _):
        others = await listed(client)
        if alone:
            others = await sign_out(client, others, account.password)
    _list(others, config)


def _agreed(question: str) -> bool:
    """Whether the answer is yes. Asked on standard error, like everything but the key."""
    typer.echo(question, err=True, nl=False)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _asked(file: Path | None) -> str:
    from config.settings import read_secret  # noqa: PLC0415

    if file is not None:
        return read_secret(file).get_secret_value()
    return str(typer.prompt("Recovery key (it does not show)", hide_input=True, err=True))


def _print(found: Fingerprints) -> None:
    typer.echo(f"Account               {found.user_id}")
    typer.echo(f"Identity fingerprint  {aloud(found.master)}")
    typer.echo(f"Device                {found.device_id}")
    typer.echo(f"Device fingerprint    {aloud(found.device) or '(known after the next start)'}")


def _list(others: Sequence[OtherDevice], config: Path) -> None:
    if not others:
        typer.echo("The account is signed in nowhere else.")
        return
    typer.echo("The account is signed in elsewhere, too:")
    for one in others:
        seen = f"{one.last_seen:%Y-%m-%d %H:%M} UTC" if one.last_seen else "unknown"
        typer.echo(f"  {one.device_id}  {one.display_name}  last seen: {seen}")
    typer.echo(STOLEN.format(config=config))
