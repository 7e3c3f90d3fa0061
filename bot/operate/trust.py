"""`carrierbag trust`: whose identity the bot knows, and the confirmation of one that has changed.

Works on the ledger, whether the bot runs or not: a running bot sees the new pin the next time it looks at that person.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.fingerprint import aloud, typed
from bot.operate.who import operator
from config.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ledger.trust import Pin, Pins

app = typer.Typer(name="trust", help="See whose identity the bot knows, and confirm it.", no_args_is_help=True)

Config = Annotated[Path, typer.Option("--config", help="The settings file that `carrierbag init` writes.")]
Person = Annotated[str, typer.Argument(help='A whole Matrix ID, like "@anna:example.org".')]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask: the fingerprints were compared before.")]
Fingerprint = Annotated[
    str, typer.Option("--fingerprint", help="The fingerprint that they told you: confirmed only if it is this one.")
]

QUESTION = "Did you compare this fingerprint with theirs, in person or by phone?"
CONFIRMED = "Confirmed. A running bot knows it at once. What it did not do meanwhile must be asked for again."
STOPPED = "The bot takes no commands from them and sends them nothing until they verify with it, or you confirm:"


@app.command("list")
def list_(*, config: Config) -> None:
    """List everybody whose identity the bot knows, those that have changed first."""
    asyncio.run(_list(config))


@app.command()
def show(person: Person, *, config: Config) -> None:
    """Show somebody's fingerprints, and how far the bot trusts them."""
    asyncio.run(_show(config, person))


@app.command()
def confirm(person: Person, *, config: Config, fingerprint: Fingerprint = "", yes: Yes = False) -> None:
    """Accept somebody's identity as it is now, after you have compared its fingerprint with them."""
    asyncio.run(_confirm(config, person, fingerprint, yes=yes))


async def _list(config: Path) -> None:
    async with _pins(config) as pins:
        everyone = sorted(await pins.everyone(), key=lambda pin: pin.changed_to is None)
    if not everyone:
        typer.echo("The bot has met nobody yet.")
    width = max((len(pin.user_id) for pin in everyone), default=0)
    for pin in everyone:
        typer.echo(f"{pin.user_id:<{width}}  {standing(pin)}")


async def _show(config: Path, person: str) -> None:
    async with _pins(config) as pins:
        pin = await _known(pins, person)
    typer.echo(f"{pin.user_id}  {standing(pin)}")
    typer.echo(f"Fingerprint  {_read_out(pin.master_key)}")
    if pin.changed_to is not None:
        typer.echo(f"Is now       {_read_out(pin.changed_to)}")
        typer.echo(f"{STOPPED}\n  carrierbag trust confirm {pin.user_id} --config {config}")


async def _confirm(config: Path, person: str, fingerprint: str, *, yes: bool) -> None:
    from ledger.trust import OPERATOR  # noqa: PLC0415 - `--help` is quick

    async with _pins(config) as pins:
        pin = await _known(pins, person)
        key = to_confirm(pin, typed(fingerprint))
        if pin.changed_to is not None:
            typer.echo(f"Was          {_read_out(pin.master_key)}")
        typer.echo(f"Fingerprint  {aloud(key)}")
        if not (yes or fingerprint or typer.confirm(QUESTION)):
            raise Mistake("Nothing was changed.", "T13")
        await pins.verified(pin.user_id, key, OPERATOR, by=operator())
    typer.echo(CONFIRMED)


def standing(pin: Pin) -> str:
    """How far somebody is trusted, in one line."""
    if pin.changed_to is not None:
        return f"CHANGED {_day(pin.changed_at)}: not trusted"
    if pin.verified:
        return f"confirmed by {pin.how} {_day(pin.compared_at)}"
    return f"met {_day(pin.pinned_at)}"


def to_confirm(pin: Pin, fingerprint: str = "") -> str:
    """The key that a confirmation is about. Raises `Mistake` when there is none, or it is not the one that was told."""
    if not pin.stated:
        raise Mistake(
            f"{pin.user_id} has no identity now. Ask them to set up verification in their app. Nothing was changed.",
            "T11",
        )
    if fingerprint not in {"", pin.stated}:
        raise Mistake(
            f"This is not the fingerprint of {pin.user_id} as the bot sees it. Do not confirm it before you know why. "
            "Nothing was changed.",
            "T12",
        )
    return pin.stated


async def _known(pins: Pins, person: str) -> Pin:
    pin = await pins.pinned(person.strip())
    if pin is None:
        raise Mistake(
            f"The bot has not met {person.strip()}. Whom it has met: carrierbag trust list. Nothing was changed.", "T10"
        )
    return pin


@asynccontextmanager
async def _pins(config: Path) -> AsyncIterator[Pins]:
    """The pins of the ledger, also while the bot runs. Raises `Mistake` where it never ran."""
    from bot.operate.account import opened  # noqa: PLC0415
    from ledger.database import Database  # noqa: PLC0415
    from ledger.trust import Pins  # noqa: PLC0415

    _, state = opened(config)
    path = state.root / "ledger.db"
    if not path.exists():
        raise Mistake("The bot has not run with these settings yet: it knows nobody.", "T14")
    ledger = await Database.open(path, state.cipher())
    try:
        yield Pins(ledger)
    finally:
        await ledger.close()


def _read_out(key: str) -> str:
    return aloud(key) or "none"


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
