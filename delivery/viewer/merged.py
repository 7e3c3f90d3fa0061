"""The viewer's STUDY.JS of several parts that lie in one folder: their series together, their notes once."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from delivery.viewer.site import Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STUDY = "IHE_PDI/STUDY.JS"
_HEAD, _TAIL = 'carrierbag("STUDY",', ")"


def merged(several: Iterable[bytes], lacking: Sequence[str]) -> bytes:
    """STUDY.JS of each part; `lacking`: a line for each thing that is not there.

    Raises `ValueError`, `KeyError`, `TypeError` for what this version of the viewer has not written.
    """
    told = [_told(data) for data in several]
    whole = dict(told[0])
    whole["part"] = [1, 1]
    whole["notes"] = [*_missing(lacking), *_once(note for one in told for note in one["notes"])]
    whole["series"] = _series(series for one in told for series in one["series"])
    return f"{_HEAD}{json.dumps(whole, separators=(',', ':'))}{_TAIL}\n".encode("ascii")


def _told(data: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(data.decode("ascii").strip().removeprefix(_HEAD).removesuffix(_TAIL))
    return told


def _once(notes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({json.dumps(note, sort_keys=True): note for note in notes}.values())


def _missing(lacking: Sequence[str]) -> list[dict[str, Any]]:
    note = Note("Not all is here", "\n".join(lacking), source="carrierbag open", warns=True)
    return [asdict(note)] if lacking else []


def _series(several: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of the study, which is that of the folders' names; instances as the whole series is scrolled."""
    by_folder: dict[str, list[dict[str, Any]]] = {}
    for one in several:
        by_folder.setdefault(_folder(one), []).append(one)
    return [_one(by_folder[folder]) for folder in sorted(by_folder)]


def _folder(series: dict[str, Any]) -> str:
    return str(series["instances"][0]["file"]).rpartition("/")[0]


def _one(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    placed = [pair for one in pieces for pair in zip(one["places"], one["instances"], strict=True)]
    placed.sort(key=lambda pair: pair[0])
    thumbnail = next((one["thumbnail"] for one in pieces if one["thumbnail"]), "")
    return {
        **pieces[0],
        "thumbnail": thumbnail,
        "places": [place for place, _ in placed],
        "instances": [instance for _, instance in placed],
    }
