"""One member on its way into the ZIP: measured first, then given out, deflated where that makes it smaller."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, TypeAlias

from isal import isal_zlib

from delivery.errors import Changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Piece: TypeAlias = bytes | memoryview

#: Deflated bytes that are kept from the first look to the second: more are made again, which is quick.
_KEPT = 16 * 1024 * 1024


class Passage:
    """What `pieces()` gives, each time the same. `packed` is its deflated length in bytes, None if it is stored.

    Each piece may be overwritten when the next is asked for.
    """

    def __init__(self, pieces: Callable[[], Iterable[Piece]], *, deflate: bool = False) -> None:
        self._pieces = pieces
        self._kept: list[bytes] = []
        self.size = self.crc = 0
        self.sha256, length = self._measured() if not deflate else self._deflated_once()
        self.packed = length if deflate and length < self.size else None

    def __iter__(self) -> Iterator[Piece]:
        """As it stands in the ZIP. Raises `Changed` when the second look differs from the first."""
        if self.packed is not None and self._kept:
            yield from self._kept
            return
        crc = 0
        engine = isal_zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS) if self.packed is not None else None
        for piece in self._pieces():
            crc = isal_zlib.crc32(piece, crc)
            yield piece if engine is None else engine.compress(piece)
        if engine is not None:
            yield engine.flush()
        if crc != self.crc:
            raise changed()

    def _measured(self) -> tuple[str, int]:
        digest = hashlib.sha256()
        for piece in self._pieces():
            digest.update(piece)
            self.crc = isal_zlib.crc32(piece, self.crc)
            self.size += len(piece)
        return digest.hexdigest(), self.size

    def _deflated_once(self) -> tuple[str, int]:
        digest, length = hashlib.sha256(), 0
        engine = isal_zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        for piece in self._pieces():
            digest.update(piece)
            self.crc = isal_zlib.crc32(piece, self.crc)
            self.size += len(piece)
            length += self._keep(engine.compress(piece), length)
        length += self._keep(engine.flush(), length)
        return digest.hexdigest(), length

    def _keep(self, made: bytes, before: int) -> int:
        if before + len(made) <= _KEPT:
            self._kept.append(made)
        else:
            self._kept.clear()
        return len(made)


def changed() -> Changed:
    """The sentence for a source that does not hold still."""
    return Changed("An image at the source changed while I read it. I keep your place and try again.", "D20")
