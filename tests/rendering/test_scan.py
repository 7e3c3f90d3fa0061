from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import data_store
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from rendering import header
from rendering.elements import given
from rendering.errors import CannotShow
from rendering.scan import PIXEL_TAGS, Unsure, scanned

if TYPE_CHECKING:
    from rendering.header import Header

_FOLDERS = (Path(pydicom.__file__).parent / "data", Path(data_store.__file__).parent)
FILES = [path for folder in _FOLDERS for path in sorted(folder.rglob("*.dcm"))]


def scan(path: Path) -> tuple[Header, int] | None:
    """As the quick scanner has it, and where the pixels begin; None where it leaves the file to pydicom."""
    with path.open("rb") as file:
        try:
            return header._scanned(file), file.tell()
        except (Unsure, CannotShow):
            return None


def parse(path: Path) -> tuple[Header, int]:
    with path.open("rb") as file:
        return header._parsed(file), file.tell()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_scanned_header_is_what_pydicom_reads(path: Path) -> None:
    quick = scan(path)
    if quick is None:
        pytest.skip("left to pydicom")
    (ours, here), (theirs, there) = quick, parse(path)
    assert (ours.transfer_syntax_uid, ours.tag, ours.length, ours.words, here) == (
        theirs.transfer_syntax_uid,
        theirs.tag,
        theirs.length,
        theirs.words,
        there,
    )
    for tag in theirs.data_set.keys() | ours.data_set.keys():
        assert _value(ours.data_set, tag) == _value(theirs.data_set, tag)
    assert ours.data_set.original_encoding == theirs.data_set.original_encoding


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_plain_value_is_the_one_that_pydicom_makes(path: Path) -> None:
    quick = scan(path)
    if quick is None:
        pytest.skip("left to pydicom")
    converted = parse(path)[0].data_set
    for tag in list(converted.keys()):
        pair = (tag.group, tag.element)
        ours, theirs = given(quick[0].data_set, pair), _value(converted, tag)
        assert ours == theirs or list(ours) == list(theirs)


def test_most_files_are_scanned() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sum(scan(path) is not None for path in FILES) > len(FILES) / 2


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_sequences_of_either_length_are_found_with_what_is_in_them(*, implicit: bool, undefined: bool) -> None:
    data, data_set = _nested(implicit=implicit, undefined=undefined)
    found, position = scanned(data, 0, len(data), implicit=implicit)
    assert int.from_bytes(data[position : position + 2], "little") == 0x7FE0
    ours = found.data_set
    for element in data_set:
        assert element.tag in PIXEL_TAGS or ours[element.tag].value == element.value


def test_an_element_that_is_cut_is_not_taken_for_whole() -> None:
    data, _ = _nested(implicit=False, undefined=True)
    whole, pixels = scanned(data, 0, len(data), implicit=False)
    for length in range(1, pixels):
        with contextlib.suppress(Unsure):
            found, position = scanned(data[:length], 0, len(data), implicit=False)
            assert position == length
            assert found.items() <= whole.items()


@pytest.mark.parametrize(
    "data",
    [
        b"\x08\0\x60\0CS\x02\0MR\x08\0\x16\0UI\x02\x001\0" + bytes(64),
        b"\x08\0\x60\0??\x02\0MR" + bytes(64),
        b"\x08\0\x60\0CS\xff\xffMR" + bytes(64),
        b"\x09\0\x10\0UN\0\0\xff\xff\xff\xff" + bytes(64),
        b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff"
        + b"\xfe\xff\x00\xe0\xff\xff\xff\xff\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" * 99,
    ],
    ids=["out of order", "no VR", "beyond the end", "unknown length", "nested without end"],
)
def test_the_unusual_is_left_to_pydicom(data: bytes) -> None:
    with pytest.raises(Unsure):
        scanned(data, 0, len(data), implicit=False)


def _nested(*, implicit: bool, undefined: bool) -> tuple[bytes, Dataset]:
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "1", "one"
    item = Dataset()
    item.CodeValue = "2"
    item.ConceptNameCodeSequence = [code, code]
    data_set = Dataset()
    data_set.Modality, data_set.Rows, data_set.PixelSpacing = "MR", 4, [0.5, 0.5]
    data_set.ReferencedImageSequence = [item, Dataset(), item]
    data_set.ProcedureCodeSequence = []
    for sequence in (data_set["ReferencedImageSequence"], item["ConceptNameCodeSequence"]):
        sequence.is_undefined_length = undefined
    item.is_undefined_length_sequence_item = undefined
    data_set.PixelData = bytes(32)
    data_set["PixelData"].VR = "OW"
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    file = io.BytesIO()
    pydicom.dcmwrite(file, data_set, enforce_file_format=False)
    data = file.getvalue()
    return data[data.index(b"\x08\0\x60\0") :], data_set


def _value(data_set: Dataset, tag: int) -> object:
    """None for what pydicom itself cannot understand."""
    try:
        return data_set[tag].value
    except (TypeError, ValueError, OverflowError, LookupError, NotImplementedError, AttributeError):
        return None
