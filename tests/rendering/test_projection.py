"""Views: recognised in codes, in the standard's words and in those that people type, and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

from rendering import projection
from rendering.projection import FRONTAL, LATERAL, OTHER, SECOND

#: PS3.16 CID 4010 (DX views) and 4014 (mammography).
MEANINGS = sorted(
    {next(iter(concepts["SCT"][name].values()))[0] for cid in (4010, 4014) for name in cid_concepts[cid]["SCT"]}
)


@pytest.mark.parametrize(
    ("code", "description", "name"),
    [
        ("AP", "", "AP"),
        ("PA", "Chest PA erect", "PA erect"),
        ("", "Ankle Lat.", "lateral"),
        ("AP", "Ankle mortise", "mortise"),
        ("AP", "ankle AP and lateral", "AP"),
        ("", "ankle AP and lateral", None),
        ("LL", "", "lateral"),
        ("", "10 ml contrast", None),
        ("", "at 6 weeks", None),
        ("SMITH", "", None),
        ("", "Horizontal beam lateral", "horizontal beam lateral"),
        ("", "weight-bearing dorso-plantar", "DP weight-bearing"),
        ("CC", "R CC", "CC"),
    ],
)
def test_a_view_is_recognised_or_left_open_and_never_guessed(code: str, description: str, name: str | None) -> None:
    found = projection.view(code, description)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("meaning", MEANINGS)
def test_every_view_of_the_standard_has_a_name(meaning: str) -> None:
    assert projection.view("", meaning) is not None


@pytest.mark.parametrize(
    ("code", "meaning", "name", "rank"),
    [
        ("AP", "antero-posterior", "AP", FRONTAL),
        ("PA", "postero-anterior", "PA", FRONTAL),
        ("DP", "dorsoplantar", "DP", FRONTAL),
        ("OBLIQUE", "antero-posterior oblique", "oblique", SECOND),
        ("LAO", "left anterior oblique", "LAO", SECOND),
        ("LL", "left lateral", "lateral", LATERAL),
        ("RL", "right lateral", "lateral", LATERAL),
        ("LATERAL", "lateral", "lateral", LATERAL),
        ("CC", "cranio-caudal", "CC", FRONTAL),
        ("MLO", "medio-lateral oblique", "MLO", SECOND),
        ("LMO", "latero-medial oblique", "LMO", SECOND),
        ("XCCL", "cranio-caudal exaggerated laterally", "XCCL", OTHER),
        ("FB", "caudo-cranial", "caudocranial", FRONTAL),
        ("SIO", "superolateral to inferomedial oblique", "SIO", SECOND),
    ],
)
def test_the_code_and_the_meaning_of_a_view_say_the_same(code: str, meaning: str, name: str, rank: int) -> None:
    expected = projection.View(name, rank)
    assert projection.view(code) == projection.view("", meaning) == projection.view(code, meaning) == expected


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("OSG a.p.", "AP"),
        ("OSG seitl.", "lateral"),
        ("Sprunggelenk seitlich", "lateral"),
        ("Fu\u00df schr\u00e4g", "oblique"),
        ("Knie a. p. stehend", "AP erect"),
        ("cheville de face", "frontal"),
        ("cheville de profil en charge", "lateral weight-bearing"),
        ("tobillo oblicua", "oblique"),
        ("caviglia laterale", "lateral"),
        ("enkel lateraal", "lateral"),
        ("Ankle mortice", "mortise"),
        ("RT ANKLE A/P", "AP"),
        ("Ankle AP non-weight-bearing", "AP"),
        ("Scaphoid view", "scaphoid"),
        ("Scaphoid lateral", "lateral"),
        ("Peg AP", "odontoid"),
        ("Hip HBL", "horizontal beam lateral"),
        ("Cross-table lateral", "horizontal beam lateral"),
        ("Swimmer's view", "swimmer's"),
        ("Scapular-Y", "Y view"),
        ("Type y fracture", None),
        ("ISO centre", None),
    ],
)
def test_what_radiographers_type_in_their_languages(typed: str, name: str | None) -> None:
    found = projection.view("", typed)
    assert (found.name if found else None) == name


@given(st.text(max_size=20), st.text(max_size=60))
def test_whatever_is_typed_the_name_is_ours(code: str, description: str) -> None:
    ours = {word for view in projection._VIEWS.values() for word in view.name.split()}
    ours |= {word for manner in projection._MANNERS.values() for word in manner.split()}
    found = projection.view(code, description)
    assert found is None or set(found.name.split()) <= ours
