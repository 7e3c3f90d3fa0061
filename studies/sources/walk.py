"""Which files lie in a tree, quickly: one `scandir` per directory, links not followed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

#: (mtime in ns, size in bytes): a file's version.
Version = tuple[int, int]


@dataclass(slots=True)
class Tree:
    """What was seen. Paths are relative to the root, with "/" between their parts."""

    files: dict[str, Version] = field(default_factory=dict)
    #: Directories (ending in "/") that could not be listed, and links that lead out: with the reason.
    problems: dict[str, str] = field(default_factory=dict)

    def unseen(self, path: str) -> bool:
        """Whether this path may still be there, in a directory that could not be listed."""
        return any(path.startswith(one) for one in self.problems if one.endswith("/"))


def walk(root: Path) -> Tree:
    """All regular files below the root. Raises `OSError` when the root itself cannot be listed."""
    tree = Tree()
    pending = _list(root, "", tree)
    while pending:
        directory = pending.pop()
        try:
            pending += _list(root, directory, tree)
        except FileNotFoundError:
            continue
        except OSError as error:
            tree.problems[directory] = f"the directory cannot be listed ({type(error).__name__})"
    return tree


def _list(root: Path, directory: str, tree: Tree) -> list[str]:
    """Note the directory's files; give its sub-directories."""
    below = []
    with os.scandir(root / directory) as entries:
        for entry in entries:
            path = directory + entry.name
            if entry.is_dir(follow_symlinks=False):
                below.append(path + "/")
            elif entry.is_file(follow_symlinks=False):
                facts = entry.stat(follow_symlinks=False)
                tree.files[path] = (facts.st_mtime_ns, facts.st_size)
            elif entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
                tree.problems[path] = "the link leads out of the folder and is not followed"
    return below
