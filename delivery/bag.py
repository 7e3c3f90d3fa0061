"""A parcel as somebody received it, a ZIP or the folder that it was unpacked into, and the check of it.

Foreign input: nothing of it is believed that its manifest does not promise, and no name leads out of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from delivery.manifest import MANIFEST, README, Delivered, WebFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: 100,000 instances are told in less.
_MANIFEST_LIMIT = 64_000_000
_MOST_PARTS = 100_000
_BUFFER = 1024 * 1024
#: What `delivery.fileset.file_ids` makes: no other name is written to anybody's disk.
_FILE_ID = re.compile(r"DICOM/S\d{5}/I\d{5,7}")
#: Web content (IHE PDI): the page at the root, all else in one folder, and nothing that an operating system would run.
_WEB = re.compile(r"INDEX\.HTM|IHE_PDI/[A-Z0-9_]{1,8}\.(JS|CSS|TXT)")
#: Beside what the manifest promises.
_ALWAYS = (MANIFEST, README, "DICOMDIR")
#: What reading a damaged or hostile ZIP or manifest raises, encrypted members and unknown methods included.
UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, RuntimeError, EOFError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of a received parcel found; `problems` are file names with what is wrong."""

    instances: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all that was promised is there, and unchanged."""
        return not self.problems


class Bag(Protocol):
    """Its members by their names in the ZIP."""

    #: Whether there is anything that was not packed: in a folder people put things.
    strict: bool

    def names(self) -> list[str]:
        """Of all members, a doubled one twice."""

    def size(self, name: str) -> int:
        """In bytes, unpacked. Raises `KeyError`."""

    def open(self, name: str) -> BinaryIO:
        """To be read. Raises `KeyError`, and what reading raises."""


class _Zip:
    strict = True

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def names(self) -> list[str]:
        return self._archive.namelist()

    def size(self, name: str) -> int:
        return self._archive.getinfo(name).file_size

    def open(self, name: str) -> BinaryIO:
        return self._archive.open(name)  # type: ignore[return-value]


class _Folder:
    strict = False

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        """A link leads who knows where: it is no file of a parcel."""
        found = (path for path in self._root.rglob("*") if path.is_file() and not path.is_symlink())
        return [path.relative_to(self._root).as_posix() for path in found if self._inside(path)]

    def size(self, name: str) -> int:
        return self._path(name).stat().st_size

    def open(self, name: str) -> BinaryIO:
        return self._path(name).open("rb")

    def _path(self, name: str) -> Path:
        path = self._root / name
        if not self._inside(path) or not path.is_file():
            raise KeyError(name)
        return path

    def _inside(self, path: Path) -> bool:
        return path.resolve() == self._root.resolve() / path.relative_to(self._root)


@dataclass(frozen=True, slots=True)
class Promised:
    """What a manifest says, as far as anybody goes by it."""

    study_instance_uid: str
    #: The numbers of the parts that are in it, and how many there are of the study.
    parts: tuple[int, ...]
    of: int
    #: Of which instances the study consists, as a digest; "" in parcels that do not say.
    made_of: str
    instances: tuple[Delivered, ...]
    web: tuple[WebFile, ...]

    @property
    def files(self) -> tuple[Delivered | WebFile, ...]:
        """All whose digests are told."""
        return (*self.instances, *self.web)


@contextmanager
def opened(path: Path) -> Iterator[Bag]:
    """The ZIP or folder at `path`. Raises `OSError`, `zipfile.BadZipFile`."""
    if path.is_dir():
        yield _Folder(path)
        return
    with zipfile.ZipFile(path) as archive:
        yield _Zip(archive)


def promised(bag: Bag) -> Promised:
    """Its manifest. Raises `KeyError`, `ValueError`, `TypeError` for one that is none."""
    if bag.size(MANIFEST) > _MANIFEST_LIMIT:
        raise ValueError("too large for a manifest")
    with bag.open(MANIFEST) as file:
        told = json.loads(file.read(_MANIFEST_LIMIT))
    return Promised(
        str(told["study_instance_uid"]),
        *_numbers(told.get("joined", [told["part"]]), told["of"]),
        str(told.get("made_of", "")),
        tuple(_entry(Delivered, one) for one in told["instances"]),
        tuple(_entry(WebFile, one) for one in told.get("web", ())),
    )


def verify(path: Path) -> Report:
    """Check a received parcel against its manifest: all there, nothing else, every digest right. Unpacks nothing."""
    try:
        with opened(path) as bag:
            said = promised(bag)
            problems = [*_unexpected(bag, said), *filter(None, (_wrong(bag, one) for one in said.files))]
    except UNREADABLE as error:
        return Report(0, (f"{path.name}: cannot be read as a parcel ({type(error).__name__})",))
    return Report(len(said.instances), tuple(problems))


def copied(bag: Bag, name: str, to: Path) -> str:
    """One member into a new file, which only its user may read; no more of it than it has by its entry. Its SHA-256."""
    size, digest = bag.size(name), hashlib.sha256()
    with bag.open(name) as source, open(to, "xb", opener=_private) as target:
        while size > 0 and (chunk := source.read(min(size, _BUFFER))):
            target.write(chunk)
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _numbers(parts: list[int], of: int) -> tuple[tuple[int, ...], int]:
    if not (parts and all(isinstance(one, int) and 1 <= one <= of <= _MOST_PARTS for one in (*parts, of))):
        raise ValueError("no numbers of parts")
    return tuple(parts), of


def _entry(kind: type[Any], told: dict[str, Any]) -> Any:
    entry = kind(**{name: told[name] for name in kind.__slots__ if name in told})
    if not all(isinstance(getattr(entry, name), str) for name in kind.__slots__ if name != "bytes"):
        raise TypeError("words are expected")
    if not isinstance(entry.bytes, int):
        raise TypeError("a number is expected")
    return entry


def _unexpected(bag: Bag, said: Promised) -> list[str]:
    told = [one.file for one in said.files]
    known, names = {*_ALWAYS, *told}, Counter(bag.names())
    odd = [f"{name}: not in the manifest" for name in names if name not in known and bag.strict]
    doubled = [f"{name}: twice in the ZIP" for name, count in sorted(names.items()) if count > 1]
    doubled += [f"{name}: twice in the manifest" for name, count in Counter(told).items() if count > 1]
    malformed = [f"{one.file}: no DICOM file ID" for one in said.instances if not _FILE_ID.fullmatch(one.file)]
    malformed += [f"{one.file}: no web content" for one in said.web if not _WEB.fullmatch(one.file)]
    missing = [f"{name}: missing" for name in _ALWAYS if name not in names]
    return odd + doubled + malformed + missing


def _wrong(bag: Bag, one: Delivered | WebFile) -> str:
    """The size first: what unpacks to more than was promised is not unpacked."""
    try:
        if bag.size(one.file) != one.bytes:
            return f"{one.file}: not as it was sent"
        with bag.open(one.file) as file:
            digest = _digest(file, one.bytes)
    except UNREADABLE:
        return f"{one.file}: missing or damaged"
    return "" if digest == one.sha256 else f"{one.file}: not as it was sent"


def _digest(file: BinaryIO, size: int) -> str:
    digest = hashlib.sha256()
    while size >= 0 and (chunk := file.read(_BUFFER)):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest()
