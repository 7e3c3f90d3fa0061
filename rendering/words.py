"""The words that may be burnt into a picture or read out by a screen reader: all of them ours.

Descriptions in DICOM are free text in which names turn up, and even coded strings are typed by hand. So nothing is ever
copied from a header: a word is recognised, and then our own word for it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SIDES = {"R": "right", "L": "left", "B": "both sides"}

#: Modality (0008,0060) as people say it.
MODALITIES = {
    "CR": "X-ray", "DX": "X-ray", "DR": "X-ray", "RG": "X-ray", "IO": "dental X-ray", "PX": "panoramic X-ray",
    "MG": "mammogram", "XA": "angiogram", "RF": "fluoroscopy", "CT": "CT", "MR": "MR", "PT": "PET",
    "NM": "nuclear medicine", "US": "ultrasound", "IVUS": "intravascular ultrasound",
    "OCT": "optical coherence tomography", "ES": "endoscopy", "XC": "photograph", "GM": "microscopy",
    "SM": "slide microscopy", "OP": "fundus photograph", "OPT": "optical coherence tomography",
    "SC": "captured picture", "OT": "picture", "SEG": "segmentation", "RTDOSE": "dose", "RTIMAGE": "portal image",
    "BMD": "bone densitometry", "TG": "thermogram", "DOC": "document",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """A projection: how it is called, and its place in the order in which a radiologist reads."""

    name: str
    rank: int


_FRONTAL, _SECOND, _LATERAL, _OTHER = range(4)
_VIEWS: dict[str, tuple[str, int]] = {
    "ap": ("AP", _FRONTAL), "pa": ("PA", _FRONTAL), "dp": ("DP", _FRONTAL), "frontal": ("frontal", _FRONTAL),
    "antero posterior": ("AP", _FRONTAL), "postero anterior": ("PA", _FRONTAL), "anterior": ("anterior", _FRONTAL),
    "dorsoplantar": ("DP", _FRONTAL), "dorsopalmar": ("DP", _FRONTAL), "dorso plantar": ("DP", _FRONTAL),
    "posterior": ("posterior", _FRONTAL), "anteroposterior": ("AP", _FRONTAL), "posteroanterior": ("PA", _FRONTAL),
    "cc": ("CC", _FRONTAL), "cranio caudal": ("CC", _FRONTAL), "craniocaudal": ("CC", _FRONTAL),
    "mortise": ("mortise", _SECOND), "mlo": ("MLO", _SECOND), "medio lateral oblique": ("MLO", _SECOND),
    "oblique": ("oblique", _SECOND), "obl": ("oblique", _SECOND), "rao": ("RAO", _SECOND), "lao": ("LAO", _SECOND),
    "rpo": ("RPO", _SECOND), "lpo": ("LPO", _SECOND), "rlo": ("oblique", _SECOND), "llo": ("oblique", _SECOND),
    "medial oblique": ("medial oblique", _SECOND), "lateral oblique": ("lateral oblique", _SECOND),
    "internal oblique": ("internal oblique", _SECOND), "external oblique": ("external oblique", _SECOND),
    "lateral": ("lateral", _LATERAL), "lat": ("lateral", _LATERAL), "ll": ("lateral", _LATERAL),
    "rl": ("lateral", _LATERAL), "left lateral": ("lateral", _LATERAL), "right lateral": ("lateral", _LATERAL),
    "ml": ("ML", _LATERAL), "lm": ("LM", _LATERAL), "medio lateral": ("lateral", _LATERAL),
    "mediolateral": ("lateral", _LATERAL), "latero medial": ("lateral", _LATERAL),
    "lateromedial": ("lateral", _LATERAL), "horizontal beam lateral": ("horizontal beam lateral", _LATERAL),
    "hbl": ("horizontal beam lateral", _LATERAL), "axial": ("axial", _OTHER), "skyline": ("skyline", _OTHER),
    "sunrise": ("skyline", _OTHER), "y view": ("Y view", _OTHER), "scapular y": ("Y view", _OTHER),
    "scaphoid": ("scaphoid", _OTHER), "odontoid": ("odontoid", _OTHER), "open mouth": ("open mouth", _OTHER),
    "peg": ("odontoid", _OTHER), "swimmers": ("swimmer's", _OTHER), "frog leg": ("frog-leg", _OTHER),
    "judet": ("Judet", _OTHER), "inlet": ("inlet", _OTHER), "outlet": ("outlet", _OTHER),
    "tangential": ("tangential", _OTHER), "notch": ("notch", _OTHER), "tunnel": ("notch", _OTHER),
    "occipitomental": ("occipitomental", _OTHER), "om": ("OM", _OTHER), "om30": ("OM30", _OTHER),
    "waters": ("OM", _OTHER), "harris": ("Harris", _OTHER), "broden": ("Broden", _OTHER),
    "calcaneal": ("calcaneal", _OTHER), "transthoracic": ("transthoracic", _OTHER), "xccl": ("XCCL", _OTHER),
    "xcc": ("XCC", _OTHER), "cv": ("cleavage", _OTHER), "at": ("axillary tail", _OTHER),
}  # fmt: skip

#: BodyPartExamined (0018,0015), PS3.16 annex L, as people say it.
_PARTS: dict[str, str] = {
    "ABDOMEN": "abdomen", "ABDOMENPELVIS": "abdomen and pelvis", "ANKLE": "ankle", "AORTA": "aorta", "ARM": "arm",
    "BRAIN": "brain", "BREAST": "breast", "CALCANEUS": "heel", "CAROTID": "carotid", "CLAVICLE": "clavicle",
    "CERVICALSPINE": "cervical spine", "CSPINE": "cervical spine", "CHEST": "chest",
    "CHESTABDOMEN": "chest and abdomen", "CHESTABDPELVIS": "chest, abdomen and pelvis", "COCCYX": "coccyx",
    "COLON": "colon", "ELBOW": "elbow", "EXTREMITY": "extremity", "EYE": "eye", "FACE": "face", "FEMUR": "femur",
    "FINGER": "finger", "FOOT": "foot", "FOREARM": "forearm", "HAND": "hand", "HEAD": "head",
    "HEADNECK": "head and neck", "HEART": "heart", "HEEL": "heel", "HIP": "hip", "HUMERUS": "humerus", "JAW": "jaw",
    "KIDNEY": "kidney", "KNEE": "knee", "LEG": "leg", "LIVER": "liver", "LOWERLEG": "lower leg",
    "LSPINE": "lumbar spine", "LUMBARSPINE": "lumbar spine", "LUNG": "lung", "MANDIBLE": "mandible",
    "NASALBONE": "nasal bones", "NECK": "neck", "ORBIT": "orbit", "PANCREAS": "pancreas", "PATELLA": "patella",
    "PELVIS": "pelvis", "PROSTATE": "prostate", "RIB": "ribs", "RIBS": "ribs", "SACRUM": "sacrum",
    "SCAPULA": "scapula", "SCAPHOID": "scaphoid", "SELLA": "sella", "SHOULDER": "shoulder", "SINUS": "sinuses",
    "SINUSES": "sinuses", "SKULL": "skull", "SPINE": "spine", "SPLEEN": "spleen", "SSPINE": "sacral spine",
    "STERNUM": "sternum", "TEETH": "teeth", "THIGH": "thigh", "THORAX": "chest", "THORACICSPINE": "thoracic spine",
    "THUMB": "thumb", "THYROID": "thyroid", "TIBIA": "tibia", "TIBIAFIBULA": "lower leg",
    "TLSPINE": "thoracolumbar spine", "TMJ": "jaw joint", "TOE": "toe", "TSPINE": "thoracic spine", "UTERUS": "uterus",
    "WHOLEBODY": "whole body", "WRIST": "wrist", "ZYGOMA": "zygoma",
}  # fmt: skip

#: Two letters that mean a view as a code, and anything at all within a sentence ("10 ml", "at 6 weeks").
_CODES_ONLY = frozenset({"at", "cv", "om", "ll", "rl", "ml", "lm", "rlo", "llo"})
#: How the patient was held: said after the view.
_MANNERS = {
    "decubitus": "decubitus", "erect": "erect", "supine": "supine", "prone": "prone", "stress": "stress",
    "weight bearing": "weight-bearing", "weightbearing": "weight-bearing",
}  # fmt: skip


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("(?<![a-z0-9])(" + "|".join(re.escape(word) for word in longest_first) + ")(?![a-z0-9])")


_VIEW_WORDS = _any_of(_VIEWS.keys() - _CODES_ONLY)
_MANNER_WORDS = _any_of(_MANNERS)


def view(code: str, description: str = "") -> View | None:
    """The projection, from ViewPosition (0018,5101) and from words about the view; None when they leave it open.

    A description that names one view more particular than the code wins over it: a mortise is coded AP. One that names
    several ("AP and lateral") is about the series, and decides nothing.
    """
    text = re.sub(r"[-_/,;]", " ", description.lower())
    coded = _VIEWS.get(code.strip().lower())
    named = set(map(_VIEWS.__getitem__, _VIEW_WORDS.findall(text)))
    particular = {one for one in named if one[1] in {_SECOND, _OTHER}}
    best = coded or (next(iter(named)) if len(named) == 1 else None)
    if len(particular) == 1 and len(named) <= 2 and not any(one[1] == _LATERAL for one in named):  # noqa: PLR2004
        best = next(iter(particular))
    if best is None:
        return None
    manner = dict.fromkeys(_MANNERS[word] for word in _MANNER_WORDS.findall(text))
    return View(" ".join((best[0], *manner)), best[1])


def narrows(named: View, coded: View | None) -> bool:
    """Whether a name says more than the code does, without contradicting it."""
    return coded is None or (named.name == "mortise" and coded.name in {"AP", "oblique"})


def body_part(text: str) -> str:
    """Our word for a BodyPartExamined value, or ""."""
    return _PARTS.get(re.sub(r"[^A-Z]", "", text.upper()), "")


def modality(text: str) -> str:
    """Our word for a Modality value; "picture" for those we have none for."""
    return MODALITIES.get(text.strip().upper(), "picture")


def side(text: str) -> str:
    """Right, left or both sides as words, or ""."""
    return SIDES.get(text.strip().upper(), "")
