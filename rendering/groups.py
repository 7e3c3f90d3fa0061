"""Functional groups of enhanced multi-frame objects (PS3.3 C.7.6.16): one place to ask, whatever the object's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def macro(data_set: Dataset, frame: int, sequence: str) -> Dataset:
    """The item that holds the frame's attributes of one macro, e.g. "PixelMeasuresSequence".

    The frame's own group comes before the shared one; a classic object holds the attributes itself.
    """
    for groups, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        items = data_set.get(groups)
        if items and index < len(items):
            inner = items[index].get(sequence)
            if inner:
                return cast("Dataset", inner[0])
    return data_set
