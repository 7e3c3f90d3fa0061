"""The command line: `demo`, `run`, `init`, `open`, `verify`, and the groups `keys` and `trust`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.operate import keys, trust
from bot.operate.open import open_
from bot.operate.verify import verify
from config.errors import CarrierbagError

app = typer.Typer(
    name="carrierbag",
    help="Share imaging studies in end-to-end encrypted Matrix rooms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(keys.app)
app.add_typer(trust.app)

Once = Annotated[bool, typer.Option("--once", help="Stop when everything has arrived.")]
Out = Annotated[Path, typer.Option("--out", help="Where pictures, ZIP files and result.json go.")]
StudyFolder = Annotated[
    Path | None, typer.Option("--study", exists=True, file_okay=False, help="DICOM files to share instead.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of a report.")]
Config = Annotated[Path, typer.Option("--config", help="The settings file that `carrierbag init` writes.")]


@app.command()
def demo(
    *, once: Once = False, out: Out = Path("demo-out"), study: StudyFolder = None, as_json: AsJson = False
) -> None:
    """Share a study on a throw-away homeserver on this machine, and show what the registrar receives."""
    from bot import log  # noqa: PLC0415 - `init` and `--help` start quickly
    from bot.demo.story import tell  # noqa: PLC0415
    from config.settings import LogSettings  # noqa: PLC0415

    log.configure(LogSettings(level="error"))
    asyncio.run(tell(out=out, study=study, once=once, as_json=as_json))


@app.command()
def run(*, config: Config) -> None:
    """Run the bot until it is told to stop (SIGTERM)."""
    from bot import log  # noqa: PLC0415
    from bot.app import serve  # noqa: PLC0415
    from config.settings import load_settings  # noqa: PLC0415

    settings = load_settings(config)
    log.configure(settings.log)
    asyncio.run(serve(settings))


@app.command()
def init(directory: Annotated[Path, typer.Argument(help="A directory for the settings.")]) -> None:
    """Write annotated settings to start from."""
    from config.example import write_example  # noqa: PLC0415

    for path in write_example(directory):
        typer.echo(f"Wrote {path}")
    typer.echo("Edit them, then run: carrierbag run --config " + str(directory / "carrierbag.toml"))


app.command()(verify)
app.command("open")(open_)


def main() -> None:
    """Entry point. An error of ours is one sentence on standard error and exit code 1."""
    try:
        app()
    except CarrierbagError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False)
        sys.exit(1)
    except ExceptionGroup as group:
        ours, others = group.split(CarrierbagError)
        if others or ours is None:
            raise
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(_first(ours)), markup=False)
        sys.exit(1)


def _first(group: BaseException) -> BaseException:
    return _first(group.exceptions[0]) if isinstance(group, BaseExceptionGroup) else group


if __name__ == "__main__":
    main()
