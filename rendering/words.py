"""The words that may be burnt into a picture or read out by a screen reader: all of them ours.

Descriptions in DICOM are free text in which names turn up, and even coded strings are typed by hand. So nothing is ever
copied from a header: a word is recognised, and then our own word for it is used.
"""

from __future__ import annotations

import re

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
    "WHOLEBODY": "whole body", "WRIST": "wrist", "ZYGOMA": "zygoma", "ADRENAL": "adrenal", "AXILLA": "axilla",
    "BACK": "back", "BLADDER": "bladder", "BUTTOCK": "buttock", "CALF": "calf", "CEREBELLUM": "cerebellum",
    "CIRCLEOFWILLIS": "circle of Willis", "CORONARYARTERY": "coronary arteries", "CTSPINE": "cervicothoracic spine",
    "EAR": "ear", "ESOPHAGUS": "oesophagus", "GALLBLADDER": "gallbladder", "IAC": "inner ear", "ILIUM": "ilium",
    "LARYNX": "larynx", "LSSPINE": "lumbosacral spine", "LUMBOSACRALSPINE": "lumbosacral spine", "MAXILLA": "maxilla",
    "MEDIASTINUM": "mediastinum", "NECKCHEST": "neck and chest", "NECKCHESTABDOMEN": "neck, chest and abdomen",
    "NECKCHESTABDPELV": "neck, chest, abdomen and pelvis", "NOSE": "nose", "PAROTID": "parotid", "PHARYNX": "pharynx",
    "RADIUS": "forearm", "RADIUSULNA": "forearm", "RECTUM": "rectum", "SCROTUM": "scrotum",
    "SIJOINT": "sacroiliac joint", "STOMACH": "stomach",
    "TESTIS": "testis", "TIBFIB": "lower leg", "TMJOINT": "jaw joint", "TRACHEA": "trachea",
    "ULNA": "forearm", "FIBULA": "lower leg", "ACJOINT": "AC joint", "LOEXM": "lower limb", "UPEXM": "upper limb",
    "LOWEREXTREMITY": "lower limb", "UPPEREXTREMITY": "upper limb", "OPG": "jaw",
}  # fmt: skip
#: What people write beside it: the side has a place of its own, and a joint is meant anyway.
_BESIDE = frozenset({"R", "L", "RT", "LT", "RIGHT", "LEFT", "BOTH", "BILATERAL", "BILAT", "JOINT"})


def body_part(text: str) -> str:
    """Our word for a BodyPartExamined value, or ""."""
    parts = re.findall("[A-Z]+", text.upper())
    bare = (one for one in parts if one not in _BESIDE)
    return _PARTS.get("".join(parts)) or _PARTS.get("".join(bare), "")


def modality(text: str) -> str:
    """Our word for a Modality value; "picture" for those we have none for."""
    return MODALITIES.get(text.strip().upper(), "picture")


def side(text: str) -> str:
    """Right, left or both sides as words, or ""."""
    return SIDES.get(text.strip().upper(), "")
