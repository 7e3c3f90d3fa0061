"""Which projection a radiograph is, and its place in the order in which they are read. Pure.

A view is recognised, in codes, in the words of PS3.16 CID 4010 and 4014, and in what people type in several languages,
and then called by a word of ours: nothing is ever copied from a header (see `rendering.words`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class View:
    """A projection: how it is called, and its place in the order in which a radiologist reads."""

    name: str
    rank: int


#: Frontal, then the second view of a trauma series, then lateral, then what is taken beside them.
FRONTAL, SECOND, LATERAL, OTHER = range(4)
#: By our name, which is recognised too: every way in which it is written, without accents and with spaces for dashes.
_NAMES: dict[int, dict[str, str]] = {
    FRONTAL: {
        "AP": "anteroposterior, antero posterior, anterior posterior",
        "PA": "posteroanterior, postero anterior, posterior anterior",
        "DP": "dorsoplantar, dorso plantar, dorsopalmar, dorso palmar, dorsovolar, dorso volar, dv",
        "PD": "plantodorsal, planto dorsal, palmodorsal", "frontal": "de face", "anterior": "", "posterior": "",
        "CC": "cranio caudal, craniocaudal", "caudocranial": "caudo cranial, fb", "Grashey": "",
        "Rosenberg": "",
    },
    SECOND: {
        "mortise": "mortice", "oblique": "obl, rlo, llo, right oblique, left oblique, schrag, schraeg, oblicua,"
        " oblicuo, obliqua, obliquo, schuin", "medial oblique": "", "lateral oblique": "", "internal oblique": "",
        "external oblique": "", "RAO": "right anterior oblique", "LAO": "left anterior oblique",
        "RPO": "right posterior oblique", "LPO": "left posterior oblique",
        "MLO": "medio lateral oblique, mediolateral oblique", "LMO": "latero medial oblique, lateromedial oblique",
        "SIO": "superolateral to inferomedial oblique", "ISO": "inferomedial to superolateral oblique",
    },
    LATERAL: {
        "lateral": "lat, ll, rl, left lateral, right lateral, medio lateral, mediolateral, medial lateral,"
        " latero medial, lateromedial, lateral medial, seitlich, seitl, profil, perfil, laterale, lateraal,"
        " latero laterale, zijdelings, sagittal",
        "ML": "", "LM": "",
        "horizontal beam lateral": "hbl, hb lateral, shoot through, shoot through lateral, cross table lateral",
    },
    OTHER: {
        "axial": "axiale, assiale, axillary, axillary lateral",
        "oblique axial": "axial oblique, frontal oblique axial, sagittal oblique axial",
        "skyline": "sunrise, merchant", "Y view": "scapular y, y", "scaphoid": "", "odontoid": "peg, dens",
        "open mouth": "", "swimmer's": "swimmers, swimmer", "frog-leg": "frog leg, frog lateral, lauenstein",
        "Judet": "", "inlet": "", "outlet": "", "tangential": "", "notch": "tunnel, intercondylar",
        "occipitomental": "", "OM": "waters, parietoacanthial", "OM30": "", "reverse OM": "acanthioparietal",
        "orbitoparietal": "", "parieto-orbital": "parieto orbital", "SMV": "submentovertical, verticosubmental",
        "Towne": "townes", "occlusal": "", "Harris": "", "Broden": "", "calcaneal": "", "transthoracic": "",
        "Stryker notch": "", "lordotic": "", "von Rosen": "", "XCC": "", "cleavage": "cv", "axillary tail": "at",
        "XCCL": "cranio caudal exaggerated laterally", "XCCM": "cranio caudal exaggerated medially",
        "specimen": "tissue specimen, tissue specimen from breast",
    },
}  # fmt: skip

_VIEWS = {
    way: View(name, rank)
    for rank, names in _NAMES.items()
    for name, ways in names.items()
    for way in (name.lower().replace("-", " ").replace("'", ""), *filter(None, ways.split(", ")))
}
#: Letters that mean a view as a code, and anything at all within a sentence ("10 ml contrast", "at 6 weeks").
_CODES_ONLY = frozenset({"at", "cv", "om", "ll", "rl", "ml", "lm", "rlo", "llo", "iso", "sio", "dv", "fb", "y", "pd"})
#: Also the name of a bone: a view only where no other is named.
_BONES = frozenset({"scaphoid", "calcaneal"})
#: How the patient was held: said after the view.
_MANNERS = {
    "decubitus": "decubitus", "erect": "erect", "stehend": "erect", "debout": "erect", "supine": "supine",
    "prone": "prone", "stress": "stress", "weight bearing": "weight-bearing", "weightbearing": "weight-bearing",
    "wb": "weight-bearing", "en charge": "weight-bearing", "in carico": "weight-bearing",
    "en carga": "weight-bearing", "unter belastung": "weight-bearing", "non weight bearing": "",
    "non weightbearing": "", "flexion": "in flexion", "extension": "in extension",
}  # fmt: skip


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("(?<![a-z0-9])(" + "|".join(re.escape(word) for word in longest_first) + ")(?![a-z0-9])")


_VIEW_WORDS = _any_of(_VIEWS.keys() - _CODES_ONLY)
_MANNER_WORDS = _any_of(_MANNERS)
#: "a.p.", "P/A", "d-p".
_DOTTED = re.compile(r"(?<![a-z0-9])([apd])[./-] ?([ap])(?![a-z0-9])")


def view(code: str, description: str = "") -> View | None:
    """The projection, from ViewPosition (0018,5101) and from words about the view; None when they leave it open.

    A description that names one view more particular than the code wins over it: a mortise is coded AP. One that names
    several ("AP and lateral") is about the series, and decides nothing.
    """
    text = _plain(description)
    coded = _VIEWS.get(_plain(code).strip())
    named = {_VIEWS[word] for word in _VIEW_WORDS.findall(text)}
    if len(named) > 1:
        named = {one for one in named if one.name not in _BONES}
    particular = {one for one in named if one.rank in {SECOND, OTHER}}
    best = coded or (next(iter(named)) if len(named) == 1 else None)
    if len(particular) == 1 and len(named) <= 2 and not any(one.rank == LATERAL for one in named):  # noqa: PLR2004
        best = next(iter(particular))
    if best is None:
        return None
    manners = filter(None, dict.fromkeys(_MANNERS[word] for word in _MANNER_WORDS.findall(text)))
    return View(" ".join((best.name, *manners)), best.rank)


def narrows(named: View, coded: View | None) -> bool:
    """Whether a name says more than the code does, without contradicting it."""
    if coded is None or (named.name == "mortise" and coded.name in {"AP", "oblique"}):
        return True
    return named.rank == coded.rank and coded.name in named.name


def _plain(text: str) -> str:
    """Small letters without accents, spaces for punctuation: what stands in the tables above."""
    letters = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(one for one in letters if not unicodedata.combining(one))
    return re.sub(r"[-_/,;.+()\s]+", " ", _DOTTED.sub(r"\1\2", bare).replace("'", ""))
