"""Which directory record stands for which instance, and the keys that it must have (PS3.3 annex F, table F.4-1, F.5).

Of images nothing needs to be read: the study's own model has their keys. Other objects have their header looked at.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian

from delivery.elements import element, fitted
from delivery.part10 import encoding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydicom.tag import BaseTag

    from delivery.part10 import Part10
    from studies.model import Instance

#: A header longer than this when inflated is not looked at: a deflated data set may inflate to a gigabyte.
_INFLATED_LIMIT = 16 * 1024 * 1024
_INSTANCE_NUMBER = 0x00200013
_PIXELS = 0x7FE00000
_STANDARD_ROOT = "1.2.840.10008."
_STORAGE = "1.2.840.10008.5.1.4.1.1."

#: Storage SOP Classes by the end of their UID, or by the beginning of it. All others are images.
_KINDS = {
    "4.2": "SPECTROSCOPY",
    "9.": "WAVEFORM",
    "11.": "PRESENTATION",
    "66": "RAW DATA",
    "66.1": "REGISTRATION",
    "66.2": "FIDUCIAL",
    "66.3": "REGISTRATION",
    "66.4": "IMAGE",
    "66.5": "SURFACE",
    "66.6": "TRACT",
    "66.7": "IMAGE",
    "67": "VALUE MAP",
    "68.": "SURFACE SCAN",
    "77.1.5.3": "STEREOMETRIC",
    "78.": "MEASUREMENT",
    "78.6": "SR DOCUMENT",
    "79.": "SR DOCUMENT",
    "80.": "MEASUREMENT",
    "88.": "SR DOCUMENT",
    "88.59": "KEY OBJECT DOC",
    "90.1": "ASSESSMENT",
    "104.": "ENCAP DOC",
    "131": "PRESENTATION",
    "481.2": "RT DOSE",
    "481.3": "RT STRUCTURE SET",
    "481.4": "RT TREAT RECORD",
    "481.5": "RT PLAN",
    "481.6": "RT TREAT RECORD",
    "481.7": "RT TREAT RECORD",
    "481.8": "RT PLAN",
    "481.9": "RT TREAT RECORD",
    **{f"481.{number}": "RADIOTHERAPY" for number in (*range(10, 23), 25)},
}

#: A key's value when the object has none: text for Type 1, "" for Type 2, None where it may be left out.
_Keys = dict[str, str | None]
_IMAGE_TYPE = "ImageType"
NO_DATE, NO_TIME = "19000101", "000000"
_CONTENT: _Keys = {"ContentDate": NO_DATE, "ContentTime": NO_TIME}
_LABEL: _Keys = {"ContentLabel": "UNTITLED", "ContentDescription": "", "ContentCreatorName": ""}
_LABELLED: _Keys = {**_CONTENT, **_LABEL}
_KEYS: Mapping[str, _Keys] = {
    "ASSESSMENT": {"InstanceCreationDate": NO_DATE, "InstanceCreationTime": ""},
    "ENCAP DOC": {
        "ContentDate": "",
        "ContentTime": "",
        "DocumentTitle": "",
        "HL7InstanceIdentifier": None,
        "MIMETypeOfEncapsulatedDocument": "application/octet-stream",
    },
    "FIDUCIAL": _LABELLED,
    "KEY OBJECT DOC": _CONTENT,
    "MEASUREMENT": _LABELLED,
    "PRESENTATION": {
        "PresentationCreationDate": NO_DATE,
        "PresentationCreationTime": NO_TIME,
        **_LABEL,
    },
    "RAW DATA": _CONTENT,
    "REGISTRATION": _LABELLED,
    "RADIOTHERAPY": {"UserContentLabel": None, "ContentDescription": "", "ContentCreatorName": ""},
    "RT DOSE": {"DoseSummationType": "UNKNOWN"},
    "RT PLAN": {"RTPlanLabel": "UNTITLED", "RTPlanDate": "", "RTPlanTime": ""},
    "RT STRUCTURE SET": {"StructureSetLabel": "UNTITLED", "StructureSetDate": "", "StructureSetTime": ""},
    "RT TREAT RECORD": {"TreatmentDate": "", "TreatmentTime": ""},
    "SPECTROSCOPY": {
        **_CONTENT,
        _IMAGE_TYPE: "ORIGINAL\\PRIMARY\\UNKNOWN\\NONE",
        "NumberOfFrames": "1",
        "Rows": "1",
        "Columns": "1",
        "DataPointRows": "1",
        "DataPointColumns": "1",
    },
    "SR DOCUMENT": {
        **_CONTENT,
        "CompletionFlag": "PARTIAL",
        "VerificationFlag": "UNVERIFIED",
    },
    "STEREOMETRIC": _LABEL,
    "SURFACE": _LABELLED,
    "SURFACE SCAN": _CONTENT,
    "TRACT": _LABELLED,
    "VALUE MAP": _LABELLED,
    "WAVEFORM": _CONTENT,
}
_TITLE, _OBSERVERS = "ConceptNameCodeSequence", "VerifyingObserverSequence"
#: Kinds whose records repeat, as they are, which other instances the object refers to.
REFERRING = {
    "PRESENTATION": ("ReferencedSeriesSequence", "BlendingSequence"),
    "SPECTROSCOPY": ("ReferencedImageEvidenceSequence",),
}
#: Kinds with sequences among their keys, and which of the object's are looked at for them.
_SEQUENCES = {
    **REFERRING,
    "SR DOCUMENT": (_TITLE, _OBSERVERS),
    "KEY OBJECT DOC": (_TITLE,),
    "ENCAP DOC": (_TITLE,),
}
#: For a document without a title of its own; a designator that begins with 99 is a private one (PS3.16 section 8).
_NO_TITLE = {"CodeValue": "NONE", "CodingSchemeDesignator": "99CARRIERBAG", "CodeMeaning": "Untitled"}


def kind_of(sop_class_uid: str, *, has_pixels: bool) -> str:
    """DirectoryRecordType (0004,1430) for instances of a storage SOP Class."""
    if not sop_class_uid.startswith(_STORAGE):
        return "IMAGE" if has_pixels or sop_class_uid.startswith(_STANDARD_ROOT) or not sop_class_uid else "PRIVATE"
    end = sop_class_uid.removeprefix(_STORAGE)
    return _KINDS.get(end) or _KINDS.get(end.split(".")[0] + ".", "IMAGE")


def keys_of(kind: str, source: BinaryIO, described: Part10, instance: Instance) -> bytes:
    """The record's keys below (0004,1511), encoded, in ISO_IR 192. `source` is read only where the header is needed."""
    number = str(instance.instance_number or 0)
    wanted = _KEYS.get(kind)
    if wanted is None:
        return element(_INSTANCE_NUMBER, b"IS", number.encode())
    keys = Dataset()
    keys.InstanceNumber = number
    header = _header(source, described, {*wanted, *_SEQUENCES.get(kind, ())})
    put(keys, {name: value for name in wanted if (value := _value(header, name, wanted[name])) is not None})
    _put_sequences(keys, header, kind)
    return encoded(keys)


def put(keys: Dataset, values: Mapping[str, str]) -> None:
    """Set attributes by keyword, each as its VR allows; binary numbers are given as text too."""
    for name, text in values.items():
        vr = dictionary_VR(tag_for_keyword(name) or 0)
        several = text.split("\\") if name == _IMAGE_TYPE else [text]
        setattr(keys, name, [int(one) if vr in {"US", "UL"} else fitted(vr, one) for one in several])


def encoded(keys: Dataset) -> bytes:
    """Explicit VR Little Endian, with SpecificCharacterSet when it is needed."""
    plain = _written(keys)
    if plain.isascii():
        return plain
    keys.SpecificCharacterSet = "ISO_IR 192"
    return _written(keys)


def _written(keys: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, keys, "utf-8")
    return bytes(buffer.getvalue())


def _value(header: Dataset, name: str, default: str | None) -> str | None:
    """The first value (of ImageType all) if it fits its VR, else the default."""
    found = header.get(name)
    values = [str(one) for one in (found if isinstance(found, MultiValue) else [found]) if one is not None]
    vr = dictionary_VR(tag_for_keyword(name) or 0)
    kept = values if name == _IMAGE_TYPE else values[:1]
    return "\\".join(filter(None, (fitted(vr, one) for one in kept))) or default


def _put_sequences(keys: Dataset, header: Dataset, kind: str) -> None:
    for name in REFERRING.get(kind, ()):
        if header.get(name):
            setattr(keys, name, header[name].value)
    if _TITLE in _SEQUENCES.get(kind, ()):
        named = kind != "ENCAP DOC" or header.get(_TITLE)
        keys.ConceptNameCodeSequence = [_title(header)] if named else []
    if keys.get("VerificationFlag") == "VERIFIED":
        keys.VerificationDateTime = max(_verifications(header), default=NO_DATE)


def _verifications(header: Dataset) -> Iterator[str]:
    """When each observer signed; a later one renews the earlier (PS3.3 C.17.2)."""
    for observer in header.get(_OBSERVERS) or ():
        if signed := fitted("DT", str(observer.get("VerificationDateTime") or "")):
            yield signed


def _title(header: Dataset) -> Dataset:
    """The code that names the document (PS3.3 table 8.8-1), or one that says that it has none."""
    found = (header.get(_TITLE) or [Dataset()])[0]
    code = {name: str(found.get(name) or "") for name in _NO_TITLE}
    title = Dataset()
    put(title, code if all(code.values()) else _NO_TITLE)
    return title


def _header(source: BinaryIO, described: Part10, names: set[str]) -> Dataset:
    """The named attributes of an object, decoded. Whatever cannot be read is left out: the file is delivered anyway."""
    try:
        source.seek(described.data_set)
        stream = _inflated(source) if described.transfer_syntax_uid == DeflatedExplicitVRLittleEndian else source
        implicit, little = encoding(described.transfer_syntax_uid)
        tags: list[BaseTag | int] = [tag_for_keyword(name) or 0 for name in ("SpecificCharacterSet", *names)]
        header = read_dataset(stream, implicit, little, stop_when=_at_pixels, specific_tags=tags)
        header.decode()
    except Exception:  # noqa: BLE001 what pydicom raises on broken headers is no closed set
        return Dataset()
    return header


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) >= _PIXELS


def _inflated(source: BinaryIO) -> BinaryIO:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    return io.BytesIO(engine.decompress(source.read(_INFLATED_LIMIT), _INFLATED_LIMIT))
