"""The annotated example files, as `carrierbag init` writes them."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from config.errors import Mistake

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("carrierbag.toml", "policy.toml")


def write_example(directory: Path) -> list[Path]:
    """Write the example files into the directory (made if need be) and return their paths.

    Raises `Mistake` and writes nothing when one of them stands there already, or the directory cannot be written.
    """
    paths = [directory / name for name in NAMES]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise Mistake(f"{path} exists already and was not touched. Choose another directory.", "C02")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in paths:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(files("config").joinpath(path.name).read_text("utf-8"))
    except OSError as error:
        raise Mistake(f"{directory} cannot be written: {error.strerror}.", "C03") from error
    return paths
