"""`carrierbag open`: look at what came out of a room, on a workstation: checked, joined, in the browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from config.errors import Mistake, TryLater

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from delivery.joined import Joined
    from delivery.received import Received

Paths = Annotated[list[Path], typer.Argument(help="ZIP files as you received them, or folders with them or of them.")]
Into = Annotated[
    Path | None, typer.Option("--into", help="A folder to be made for them. Without it, one beside the first file.")
]
NoViewer = Annotated[bool, typer.Option("--no-viewer", help="Check and join them only.")]


#: Missing parts that are named.
_NAMED = 10


def open_(paths: Paths, *, into: Into = None, no_viewer: NoViewer = False) -> None:
    """Check what you received, join its parts into one folder, and look at it."""
    from delivery.joined import joined  # noqa: PLC0415 - `--help` is quick
    from delivery.received import grouped, parcels, received  # noqa: PLC0415

    screen = Console(highlight=False, soft_wrap=True, markup=False)
    groups = grouped([received(path) for path in parcels(_there(paths))])
    screen.print(f"Checked: {_counted(len(groups))}, everything is as it was sent.")
    for group in groups:
        try:
            folder = joined(group, _folder(group, into if len(groups) == 1 else None))
        except OSError as error:
            raise TryLater(
                f"The files cannot be unpacked here: {error.strerror}. Choose a folder by --into.", "O06"
            ) from None
        _tell(screen, folder)
        if folder.page and not no_viewer:
            webbrowser.open(folder.page.resolve().as_uri())


def _there(paths: Iterable[Path]) -> list[Path]:
    for path in paths:
        if not path.exists():
            raise Mistake(f"There is no {path}. Choose the files as you received them.", "O04")
    return list(paths)


def _folder(group: Sequence[Received], into: Path | None) -> Path:
    """A new one: DICOM beside DICOM.ZIP or DICOM_1_OF_3.ZIP, or with a number behind it; or where it lies already."""
    from delivery.joined import holds  # noqa: PLC0415

    if into is not None:
        if into.exists():
            raise Mistake(f"{into} exists already. Choose a folder that does not: nothing there is touched.", "O05")
        return into
    first = group[0].path
    if len(group) == 1 and first.is_dir():
        return first
    name = first.stem.partition("_")[0]
    numbered = (first.with_name(f"{name} {number}" if number > 1 else name) for number in range(1, 1000))
    return next(one for one in numbered if not one.exists() or holds(one, group))


def _tell(screen: Console, made: Joined) -> None:
    screen.print(f"{_files(made.instances)} in {made.folder.resolve()}")
    if made.missing:
        lacking = f"{_numbers(made.missing)} of {made.of}"
        screen.print(f"NOT COMPLETE: not here is {lacking}. Fetch it from the room, then open everything again.")
    if made.page is None:
        screen.print("No viewer came with it. Import the folder into your PACS or DICOM viewer.")
    screen.print("It holds data of a patient: delete the folder when you no longer need it.")


def _numbers(missing: Sequence[int]) -> str:
    named = ", ".join(map(str, missing[:_NAMED])) + (f" and {len(missing) - _NAMED} more" if missing[_NAMED:] else "")
    return f"part {named}" if len(missing) == 1 else f"parts {named}"


def _files(count: int) -> str:
    return "1 DICOM file" if count == 1 else f"{count} DICOM files"


def _counted(count: int) -> str:
    return "1 study" if count == 1 else f"{count} studies"
