"""dcmtk as the judge of many files at once: its process start takes longer than its work."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Not the tools of the same names that pynetdicom installs into the environment.
TOOLS = Path("/usr/bin")


def tool(name: str) -> Path:
    """One of dcmtk's own tools; the test is skipped where dcmtk is not installed."""
    if not (path := TOOLS / name).exists():
        pytest.skip("dcmtk is not installed")
    return path


def verdicts(
    files: Mapping[str, tuple[Path, Sequence[str]]], folder: Path, *, dictionary: bool = True
) -> dict[str, np.ndarray[Any, Any]]:
    """What dcmtk shows of each file with its options, by name; without those that it cannot decode.

    Without its dictionary it starts in a third of the time, and reads files of explicit VR as well.
    """
    folder.mkdir()
    targets = {name: folder / f"{place}.pnm" for place, name in enumerate(files)}
    lines = [shlex.join([*options, str(path), str(targets[name])]) for name, (path, options) in files.items()]
    subprocess.run(
        ["xargs", "-P", "2", "-L", "1", tool("dcmj2pnm"), "--quiet", "--write-raw-pnm"],
        input="\n".join(lines),
        text=True,
        check=False,  # xargs fails when one of them does
        capture_output=True,
        env=os.environ if dictionary else {**os.environ, "DCMDICTPATH": os.devnull},
    )
    return {name: np.asarray(Image.open(path)) for name, path in targets.items() if path.exists()}


def difference(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> int:
    """The largest, in levels of 256. Pictures of different shapes are as different as can be."""
    if ours.shape != theirs.shape:
        return 256
    return int(np.abs(ours.astype(int) - theirs.astype(int)).max())
