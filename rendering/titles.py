"""What the titles of key object selections mean (PS3.16 CID 7010, 7011), in our words."""

from __future__ import annotations

#: Selected to be looked at: they come first. Every other title is "key image".
_KEYS = {
    "113002": "key image for the referring clinician",
    "113003": "key image for surgery",
    "113004": "key image for teaching",
    "113005": "key image for a conference",
    "113006": "key image for therapy",
    "113007": "key image for the patient",
    "113008": "key image for peer review",
    "113009": "key image for research",
    "113013": "best of its set",
    "113018": "key image for printing",
    "113020": "key image of the report",
    "113021": "key image for litigation",
}
#: Lists of all that there is, which select nothing.
_LISTS = frozenset({"113022", "113030", "113031", "113032", "113033", "113034", "113035"})
#: Of poor quality, by the sender's own judgement: they come last, and it is said.
REJECTED = {
    "113001": "rejected by the sender for its quality",
    "113010": "the sender notes a problem of quality",
}
#: Taken back (IHE Imaging Object Change Management): shown no more.
WITHDRAWN = {
    "113037": "the sender withdrew it for the patient's safety",
    "113038": "the sender withdrew it: it was made under another patient's or examination's entry",
    "113039": "the sender withdrew it: the time for which it is kept is over",
}


def key(title: str) -> str:
    """What images under the title are, "" if it does not make them key images."""
    return "" if title in _LISTS or title in REJECTED or title in WITHDRAWN else _KEYS.get(title, "key image")
