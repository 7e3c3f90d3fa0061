"""What a parcel says about itself: `manifest.json` for programs, `README.TXT` for people; and the check of both."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.uid import UID, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from delivery.parts import Part
    from studies.model import Study

MANIFEST, README = "manifest.json", "README.TXT"
VERSION = 1
_BUFFER = 1024 * 1024
_PLAIN = {str(ExplicitVRLittleEndian)}
_FILE_ID = re.compile(r"[A-Z0-9_]{1,8}(/[A-Z0-9_]{1,8}){0,7}")
#: Web content (IHE PDI): the page at the root, all else in one folder, and nothing that an operating system would run.
_WEB = re.compile(r"INDEX\.HTM|IHE_PDI/[A-Z0-9_]{1,8}\.(JS|CSS|TXT)")


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


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of a received ZIP found; `problems` are file names with what is wrong."""

    instances: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all that was promised is there, and unchanged."""
        return not self.problems


def manifest(study: Study, part: Part, delivered: list[Delivered], web: list[WebFile] | None = None) -> bytes:
    """JSON in UTF-8."""
    content: dict[str, Any] = {
        "version": VERSION,
        "study_instance_uid": study.study_instance_uid,
        "part": part.number,
        "of": part.of,
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


def readme(study: Study, part: Part, delivered: Sequence[Delivered] = (), *, viewer: bool = False) -> bytes:
    """For whoever unpacks this a year later. Names nobody. ASCII, lines end as Notepad likes them."""
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
{look}To keep them: unpack the ZIP into a folder, then import that folder into your PACS or open it in a DICOM
viewer. The file DICOMDIR lists what is there; the files themselves lie in the folder DICOM.

{MANIFEST} holds the SHA-256 digest of every DICOM file, by which a program can check that all
arrived unchanged.
{_kept(delivered)}

This holds data of a patient. Delete it when you no longer need it.
"""
    return text.encode("ascii", "replace").replace(b"\n", b"\r\n")


def verify(path: Path) -> Report:
    """Check a received ZIP against its manifest: all there, nothing else, every digest right. Unpacks nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            told = json.loads(archive.read(MANIFEST))
            promised, web = told["instances"], told.get("web", [])
            wrong = (_wrong(archive, one) for one in [*promised, *web])
            problems = [*_unexpected(archive, promised, web), *filter(None, wrong)]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        return Report(0, (f"{path.name}: cannot be read as a parcel ({type(error).__name__})",))
    return Report(len(promised), tuple(problems))


def _unexpected(archive: zipfile.ZipFile, promised: list[dict[str, Any]], web: list[dict[str, Any]]) -> list[str]:
    told = {one["file"] for one in [*promised, *web]}
    known = {MANIFEST, README, "DICOMDIR", *told}
    names = archive.namelist()
    odd = [f"{name}: not in the manifest" for name in names if name not in known]
    doubled = [f"{name}: twice in the ZIP" for name in sorted(set(names)) if names.count(name) > 1]
    malformed = [f"{one['file']}: no DICOM file ID" for one in promised if not _FILE_ID.fullmatch(one["file"])]
    malformed += [f"{one['file']}: no web content" for one in web if not _WEB.fullmatch(one["file"])]
    missing = [f"{name}: missing" for name in sorted(known - set(names) - told)]
    return odd + doubled + malformed + missing


def _wrong(archive: zipfile.ZipFile, promised: dict[str, Any]) -> str:
    name = promised["file"]
    try:
        with archive.open(name) as file:
            digest, size = _digest(file)
    except (KeyError, zipfile.BadZipFile):
        return f"{name}: missing or damaged"
    return "" if (digest, size) == (promised["sha256"], promised["bytes"]) else f"{name}: not as it was sent"


def _digest(file: Any) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_BUFFER):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
