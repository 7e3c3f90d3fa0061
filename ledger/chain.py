"""A hash chain with a moving key. Pure.

Each link's digest covers the digest before it, so that nothing can be changed, removed or put in between; each link's
MAC is made with a key that is then hashed forward and forgotten, so that nobody who learns today's key can rewrite
yesterday. What remains, an old copy put back as a whole, shows only against an anchor kept elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The digest "before" the first link.
BEGINNING = bytes(32)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many links it has, the last digest, and the key for the next link."""

    seq: int
    digest: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as stored. `payload` is its content as canonical bytes."""

    seq: int
    payload: bytes
    digest: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """What somebody wrote down elsewhere: "link `seq` had this digest"."""

    seq: int
    digest: bytes


def start(key: bytes) -> Head:
    """The head of an empty chain."""
    return Head(0, BEGINNING, _forward(key))


def append(head: Head, payload: bytes) -> tuple[Link, Head]:
    """The next link, and the head after it."""
    seq = head.seq + 1
    digest = _digest(head.digest, seq, payload)
    link = Link(seq, payload, digest, _mac(head.key, digest))
    return link, Head(seq, digest, _forward(head.key))


def problems(links: Iterable[Link], first_key: bytes, head: Head, anchors: Iterable[Anchor] = ()) -> Iterator[str]:
    """Every way in which the links are not the chain that ends in `head`; nothing when all is well."""
    noted = {anchor.seq: anchor.digest for anchor in anchors if anchor.seq}
    here = start(first_key)
    for link in links:
        expected, following = append(Head(link.seq - 1, here.digest, here.key), link.payload)
        yield from _faults(here.seq + 1, link, expected, noted.pop(link.seq, link.digest))
        # Go on from what is stored, so that one fault is reported once and not at every link after it.
        here = Head(link.seq, link.digest, following.key)
    if (here.seq, here.digest) != (head.seq, head.digest):
        yield f"the chain ends at {here.seq}, the head says {head.seq}"
    if not hmac.compare_digest(here.key, head.key):
        yield "the head's key does not belong to this chain"
    yield from (f"entry {seq}, noted elsewhere, is missing" for seq in sorted(noted))


def _faults(seq: int, link: Link, expected: Link, noted: bytes) -> Iterator[str]:
    if link.seq != seq:
        yield f"entry {seq} is missing, or entries changed places: found {link.seq}"
    if link.digest != expected.digest:
        yield f"entry {link.seq} was changed"
    elif not hmac.compare_digest(link.mac, expected.mac):
        yield f"entry {link.seq} was not written by this bot at its turn"
    if link.digest != noted:
        yield f"entry {link.seq} differs from what was noted elsewhere"


def _digest(previous: bytes, seq: int, payload: bytes) -> bytes:
    return hashlib.sha256(previous + seq.to_bytes(8, "big") + payload).digest()


def _mac(key: bytes, digest: bytes) -> bytes:
    return hmac.new(key, digest, hashlib.sha256).digest()


def _forward(key: bytes) -> bytes:
    return hashlib.sha256(b"carrierbag audit key\0" + key).digest()
