"""What can go wrong between a study and its parcel.

Mistake
|-- NothingLeft   what was chosen of a study is not in it
`-- NoParcel      what was given to be opened is nothing of ours
NotAllowed
|-- DamagedParcel a received parcel is not what was sent
`-- TooLarge      one instance alone is larger than the server takes, or more would go than was agreed to
TryLater
|-- SpoolFull     the quota or the disk is used up
|-- SpoolAway     the spool cannot be written or read
|-- Changed       a source file changed while it was packed
`-- Stopped       somebody called it off
Bug
`-- Damaged       a spooled file is not what was sealed
"""

from __future__ import annotations

from config.errors import Bug, Mistake, NotAllowed, TryLater


class NothingLeft(Mistake):
    """The study has no such series, no such slices, or no key images."""


class NoParcel(Mistake):
    """The file or folder holds no ZIP of carrierbag's."""


class DamagedParcel(NotAllowed):
    """A received parcel is not what its manifest promises. It is not opened."""


class TooLarge(NotAllowed):
    """One instance alone does not fit into what the server takes, or the whole is more than somebody agreed to."""


class SpoolFull(TryLater):
    """No space left for ciphertext: our quota, or the disk."""


class SpoolAway(TryLater):
    """The spool directory does not take or give files."""


class Changed(TryLater):
    """A source file changed, or went away, between two looks at it."""


class Stopped(TryLater):
    """The packing was called off. Nothing is left behind."""


class Damaged(Bug):
    """A spooled file's bytes are not those that were sealed. It must not be sent."""
