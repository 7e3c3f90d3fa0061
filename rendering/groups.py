"""Functional groups of enhanced multi-frame objects (PS3.3 C.7.6.16): one place to ask, whatever the object's kind."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rendering.elements import items

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def macro(data_set: Dataset, frame: int, sequence: str) -> Dataset:
    """The item that holds the frame's attributes of one macro, e.g. "PixelMeasuresSequence".

    The frame's own group comes before the shared one; a classic object holds the attributes itself.
    """
    for groups, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        for item in islice(items(data_set, groups), index, index + 1):
            for inner in items(item, sequence):
                return inner
    return data_set
