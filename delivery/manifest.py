"""What a parcel says about itself: `manifest.json` for programs, `README.TXT` for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.uid import UID, ExplicitVRLittleEndian

from delivery.parts import consists_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from delivery.parts import Part
    from studies.model import Study

MANIFEST, README = "manifest.json", "README.TXT"
VERSION = 1
_PLAIN = {str(ExplicitVRLittleEndian)}


@dataclass(frozen=True, slots=True)
class Delivered:
    """One instance as it lies in the parcel."""

    #: Its name in the ZIP, e.g. DICOM/S00001/I00001.
    file: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    #: Length in bytes and SHA-256 (hex) of the file as delivered.
    bytes: int
    sha256: str
    #: In which transfer syntax the source has it, "" if in the same.
    recoded_from: str = ""


@dataclass(frozen=True, slots=True)
class WebFile:
    """One file of the viewer that travels along."""

    file: str
    #: Length and SHA-256 (hex) of it.
    bytes: int
    sha256: str


def manifest(study: Study, part: Part, delivered: list[Delivered], web: list[WebFile] | None = None) -> bytes:
    """JSON in UTF-8."""
    content: dict[str, Any] = {
        "version": VERSION,
        "study_instance_uid": study.study_instance_uid,
        "part": part.number,
        "of": part.of,
        "made_of": consists_of(study),
        "conformance": conformance(delivered),
        "instances": [{name: getattr(one, name) for name in Delivered.__slots__} for one in delivered],
        "web": [{name: getattr(one, name) for name in WebFile.__slots__} for one in web or ()],
    }
    return json.dumps(content).encode()


def conformance(delivered: Sequence[Delivered]) -> str:
    """Which application profile the File-set may claim: STD-GEN-CD allows Explicit VR Little Endian only."""
    made = f"DICOM File-set with DICOMDIR (PS3.10). {_data_sets(delivered)} Preambles zeroed."
    transfer_syntax_uids = {one.transfer_syntax_uid for one in delivered}
    if transfer_syntax_uids <= {str(ExplicitVRLittleEndian)}:
        return f"{made} All instances are in Explicit VR Little Endian, as profile STD-GEN-CD (PS3.11 annex D) asks."
    others = ", ".join(sorted(UID(uid).name for uid in transfer_syntax_uids - {str(ExplicitVRLittleEndian)}))
    return f"{made} No claim to profile STD-GEN-CD (PS3.11 annex D), because of these transfer syntaxes: {others}."


def _data_sets(delivered: Sequence[Delivered]) -> str:
    """What was done to them, in the words of the standard."""
    recoded = [one for one in delivered if one.recoded_from]
    if not recoded:
        return "Data sets as at the source."
    names = ", ".join(sorted({UID(one.transfer_syntax_uid).name for one in recoded}))
    return (
        f"{len(recoded)} of {len(delivered)} data sets brought into {names} for transport, without loss: values and "
        "decoded pixels as at the source; the others as at the source. recoded_from names each source's transfer "
        "syntax."
    )


def _kept(delivered: Sequence[Delivered]) -> str:
    """The same for people, wrapped for Notepad."""
    recoded = sum(bool(one.recoded_from) for one in delivered)
    if not recoded:
        return "Pixels and data sets are exactly as the sending hospital stores them."
    how = "unpacked" if {one.transfer_syntax_uid for one in delivered if one.recoded_from} <= _PLAIN else "compressed"
    return f"""\
{recoded} of the {len(delivered)} files were {how} without loss for the journey: every pixel and every
value is as the sending hospital stores it, only the coding (transfer syntax) is another."""


def readme(
    study: Study, part: Part, delivered: Sequence[Delivered] = (), *, viewer: bool = False, notes: str = ""
) -> bytes:
    """For whoever unpacks this a year later. Names nobody but in the notes, which come first.

    ASCII, or UTF-8 with a mark for what has other letters; lines end as Notepad likes them.
    """
    about = " ".join(filter(None, ["/".join(study.modalities), f"{study.study_date or ''}"])) or "date not known"
    count = len(part.instances)
    which = f"This is part {part.number} of {part.of}. Each part opens on its own.\n" if part.of > 1 else ""
    look = (
        """To look at them: unpack the ZIP into a folder and open INDEX.HTM there; it needs no network. It is not for
primary diagnosis.
"""
        if viewer
        else ""
    )
    text = f"""\
Medical images in DICOM format, sent by carrierbag.

Study: {about}. {count} {"file" if count == 1 else "files"} here.
{which}
{_noted(notes)}{look}\
To keep them: unpack the ZIP into a folder, then import that folder into your PACS or open it in a DICOM
viewer. The file DICOMDIR lists what is there; the files themselves lie in the folder DICOM.

{MANIFEST} holds the SHA-256 digest of every DICOM file, by which a program can check that all
arrived unchanged.
{_kept(delivered)}

This holds data of a patient. Delete it when you no longer need it.
"""
    return text.encode("ascii" if text.isascii() else "utf-8-sig").replace(b"\n", b"\r\n")


def _noted(notes: str) -> str:
    return f"NOTES BY COLLEAGUES\n\n{notes}\n---\n\n" if notes else ""
