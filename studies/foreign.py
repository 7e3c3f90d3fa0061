"""The slow, knowing reader: pydicom for whatever `studies.scan` is unsure of. Gives the same raw elements."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pydicom
from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement

from studies.errors import BrokenFile
from studies.scan import WANTED, WANTED_SEQUENCES, Elements

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Its complaints quote values and paths, and both may hold a patient's name. What is wrong with a file we say ourselves.
config.settings.reading_validation_mode = config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom\.")
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False

#: What is asked of pydicom.
TAGS = sorted(tag for tag in WANTED.keys() | WANTED_SEQUENCES.keys() if tag >> 16 > 2)  # noqa: PLR2004 - the meta group


#: Values longer than this (in bytes) are left unread: none that we want is.
_LONGEST = 1 << 16


class _Nameless:
    """A file whose path pydicom does not know, and so cannot tell."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def read_with_pydicom(path: Path | str) -> tuple[Elements, Elements, str]:
    """(file meta, data set, byte order "<" or ">"). Raises `BrokenFile`."""
    try:
        with Path(path).open("rb") as file:
            dataset = pydicom.dcmread(
                _Nameless(file), defer_size=_LONGEST, stop_before_pixels=True, specific_tags=TAGS, force=True
            )
        meta = _elements(dataset.file_meta)
        implicit, little = dataset.original_encoding
        if "TransferSyntaxUID" not in meta.values:
            meta.values["TransferSyntaxUID"] = _transfer_syntax(implicit=bool(implicit), little=little is not False)
        return meta, _elements(dataset), "<" if little is not False else ">"
    except Exception as error:  # noqa: BLE001 - whatever pydicom throws at bad bytes; its texts may quote the patient
        raise BrokenFile(f"pydicom gives up ({type(error).__name__})") from None


def _transfer_syntax(*, implicit: bool, little: bool) -> bytes:
    if implicit:
        return b"1.2.840.10008.1.2"
    return b"1.2.840.10008.1.2.1" if little else b"1.2.840.10008.1.2.2"


def _elements(dataset: Dataset) -> Elements:
    found = Elements()
    for element in list(dataset.values()):  # as stored: iterating over the data set itself would convert every value
        tag = int(element.tag)
        if tag in WANTED_SEQUENCES:
            found.items[WANTED_SEQUENCES[tag]] = [_elements(item) for item in dataset[tag].value or ()]
        elif tag in WANTED:
            found.values[WANTED[tag]] = _raw(element)
    return found


def _raw(element: RawDataElement | DataElement) -> bytes:
    """The bytes as stored. pydicom has converted a few values itself (meta information, character set)."""
    if isinstance(element, RawDataElement):
        return element.value or b""
    value: Any = element.value
    if isinstance(value, bytes):
        return value
    several = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    return "\\".join(str(one) for one in several if one is not None).encode()
