"""Implicit and big-endian data sets against pydicom, which reads them; and what cannot be taken apart is refused."""

from __future__ import annotations

import io
import struct
import warnings
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from rendering.errors import CannotShow
from rendering.explicit import explicit

if TYPE_CHECKING:
    from collections.abc import Iterator


def written(data_set: Dataset, *, implicit: bool, little: bool) -> bytes:
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = implicit, little
    write_dataset(stream, data_set)
    return stream.getvalue()


def read(data: bytes) -> Dataset:
    return read_dataset(io.BytesIO(data), is_implicit_VR=False, is_little_endian=True)


def one_of_each() -> Dataset:
    """Every VR that has an order of bytes, sequences in sequences, private elements, ambiguous VRs."""
    inner = Dataset()
    inner.CodeValue, inner.CodeMeaning = "T-D1000", "Hand"
    middle = Dataset()
    middle.ConceptCodeSequence = [inner, Dataset()]
    middle.ReferencedFrameNumber = [1, 2]
    data_set = Dataset()
    data_set.PatientName = "Ankle^Anna"
    data_set.add_new(0x00090010, "LO", "HOUSE")
    data_set.add_new(0x00091001, "UN", b"ab\0\1")
    data_set.PatientSize = "1.70"
    data_set.ContentSequence = [middle]
    data_set.Rows, data_set.Columns, data_set.BitsStored = 512, 300, 12
    data_set.PixelRepresentation = 1
    data_set.add_new(0x00280106, "SS", -1024)  # US or SS
    data_set.add_new(0x00280120, "SS", -2000)
    data_set.add_new(0x00283002, "SS", [256, -5, 16])
    data_set.RealWorldValueSlope = 0.25
    data_set.add_new(0x00720064, "IS", "5")
    data_set.add_new(0x00720050, "CS", "VALUE")
    data_set.add_new(0x00720026, "AT", 0x00280010)
    data_set.add_new(0x0018605A, "FL", 1.5)
    data_set.add_new(0x00186020, "SL", -7)
    data_set.add_new(0x00083001 - 0x3001 + 0x0001, "UL", 9)  # retired, still written
    data_set.LossyImageCompression = "00"
    return data_set


def values(data_set: Dataset) -> Iterator[tuple[int, Any]]:
    for element in data_set:
        if element.tag.element == 0:
            continue
        if element.VR == "SQ":
            yield int(element.tag), [list(values(item)) for item in element.value]
        else:
            yield int(element.tag), element.value


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, False), (False, True)])
def test_every_value_is_the_same_in_explicit_little_endian(implicit: bool, little: bool) -> None:  # noqa: FBT001
    original = one_of_each()
    again = read(explicit(written(original, implicit=implicit, little=little), implicit=implicit, little=little))
    assert dict(values(again)) == dict(values(original))


def test_the_meaning_of_ambiguous_elements_follows_the_pixels_sign() -> None:
    again = read(explicit(written(one_of_each(), implicit=True, little=True), implicit=True, little=True))
    assert again[0x00280106].VR == "SS"
    assert again.SmallestImagePixelValue == -1024


def test_group_lengths_go_and_replaced_values_come() -> None:
    data = written(one_of_each(), implicit=False, little=True)
    data = struct.pack("<HH2sHI", 8, 0, b"UL", 4, 99) + data[12:] if data[:4] == b"\x08\0\x01\0" else data
    again = read(explicit(data, implicit=False, little=True, replaced={0x00280010: b"\x01\0", 0x00280011: None}))
    assert again.Rows == 1
    assert "Columns" not in again
    assert not [element for element in again if element.tag.element == 0]


def test_explicit_little_endian_stays_byte_for_byte() -> None:
    data_set = one_of_each()
    del data_set[0x00080001]
    data = written(data_set, implicit=False, little=True)
    assert explicit(data, implicit=False, little=True) == data


def test_sequences_and_items_of_undefined_length_keep_it() -> None:
    data_set = one_of_each()
    data_set["ContentSequence"].is_undefined_length = True
    for item in data_set.ContentSequence:
        item.is_undefined_length_sequence_item = True
    for implicit in (True, False):
        data = written(data_set, implicit=implicit, little=True)
        again = explicit(data, implicit=implicit, little=True)
        assert dict(values(read(again))) == dict(values(data_set))
        assert again.count(b"\xfe\xff\xdd\xe0") == data.count(b"\xfe\xff\xdd\xe0") > 0


def test_a_value_too_long_for_its_length_field_becomes_unknown() -> None:
    """PS3.5 section 6.2.2: implicit VR has room for it, explicit VR has not."""
    data = struct.pack("<HHI", 0x0008, 0x2111, 70_000) + b" " * 70_000
    again = explicit(data, implicit=True, little=True)
    assert again[4:6] == b"UN"
    assert again[12:] == data[8:]


@pytest.mark.parametrize(
    "data",
    [
        b"\x08\0\x05\0CS\x10\0ISO",
        b"\x08\0\x05\0XX\x02\0ab",
        b"\x08\0\x05\0C",
        b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff",
        b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\xdd\xe0\0\0\0\0",
    ],
)
def test_what_is_cut_or_compressed_inside_is_refused(data: bytes) -> None:
    with pytest.raises(CannotShow):
        explicit(data, implicit=False, little=True)


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_nonsense_is_refused_or_taken_and_never_anything_else(data: bytes, implicit: bool, little: bool) -> None:  # noqa: FBT001
    try:
        explicit(data, implicit=implicit, little=little)
    except CannotShow:
        return


def test_pydicoms_own_implicit_files_read_the_same() -> None:
    for name in ("rtplan.dcm", "rtdose.dcm", "MR_small_implicit.dcm", "nested_priv_SQ.dcm"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            original = pydicom.dcmread(str(get_testdata_file(name)))
            again = read(explicit(written(original, implicit=True, little=True), implicit=True, little=True))
            theirs, ours = dict(values(original)), dict(values(again))
        assert {tag: str(value) for tag, value in theirs.items()} == {tag: str(value) for tag, value in ours.items()}
