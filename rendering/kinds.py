"""What an instance without pixels is, in words for the room. Pure."""

from __future__ import annotations

#: Beginnings of SOP Class UIDs (PS3.4 B.5) of things that are no pictures.
_KINDS = (
    ("1.2.840.10008.5.1.4.1.1.88.59", "a selection of key images"),
    ("1.2.840.10008.5.1.4.1.1.88.67", "a radiation dose report"),
    ("1.2.840.10008.5.1.4.1.1.88.68", "a radiation dose report"),
    ("1.2.840.10008.5.1.4.1.1.88.73", "a radiation dose report"),
    ("1.2.840.10008.5.1.4.1.1.88.74", "a plan of what was injected"),
    ("1.2.840.10008.5.1.4.1.1.88.75", "a record of what was injected"),
    ("1.2.840.10008.5.1.4.1.1.88.76", "a radiation dose report"),
    ("1.2.840.10008.5.1.4.1.1.88.", "a structured report"),
    ("1.2.840.10008.5.1.4.1.1.104.1", "a PDF document"),
    ("1.2.840.10008.5.1.4.1.1.104.2", "a CDA document"),
    ("1.2.840.10008.5.1.4.1.1.104.", "a 3D model"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "a radiotherapy structure set"),
    ("1.2.840.10008.5.1.4.1.1.481.5", "a radiotherapy plan"),
    ("1.2.840.10008.5.1.4.1.1.481.8", "a radiotherapy plan"),
    ("1.2.840.10008.5.1.4.1.1.481.", "a radiotherapy record"),
    ("1.2.840.10008.5.1.4.1.1.9.", "a waveform, such as an ECG"),
    ("1.2.840.10008.5.1.4.1.1.11.", "a presentation state"),
    ("1.2.840.10008.5.1.4.1.1.66.5", "a surface segmentation"),
    ("1.2.840.10008.5.1.4.1.1.66", "measured data without a picture"),
    ("1.2.840.10008.5.1.4.1.1.4.2", "spectroscopy"),
    ("1.2.840.10008.5.1.4.1.1.67", "a real world value mapping"),
    ("1.2.840.10008.5.1.4.1.1.77.1.4.1", "a video"),
    ("1.2.840.10008.1.3.10", "a media directory"),
)


def kind(sop_class_uid: str) -> str:
    """What an instance without pixels is, e.g. "a structured report"."""
    return next((text for start, text in _KINDS if sop_class_uid.startswith(start)), "an object without a picture")
