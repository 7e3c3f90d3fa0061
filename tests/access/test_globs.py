from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.globs import people_pattern, room_pattern, server_pattern

OWN = "Trust-A.example"


@pytest.mark.parametrize(
    ("glob", "user_id", "fits"),
    [
        ("own", "@anna:trust-a.example", True),
        ("own", "@anna:TRUST-A.example", True),
        ("own", "@anna:trust-a.example.evil", False),
        ("own", "@anna:evil.trust-a.example", False),
        ("own", "@anna:trust-axexample", False),
        ("own", "@anna:evil:trust-a.example", False),
        ("own", "@anna:trust-a.example:8448", False),
        ("own", "@anna:trust-a.example\n", False),
        ("*", "@anyone:anywhere", True),
        ("@dr.*:b.example", "@dr.who:b.example", True),
        ("@dr.*:b.example", "@drxwho:b.example", False),
        ("@dr.*:b.example", "@DR.who:b.example", False),
        ("@dr.*:b.example", "x@dr.who:b.example", False),
        ("@dr.*:b.example", "@dr.:evil:b.example", False),
        ("@anna?:b.example", "@anna1:b.example", True),
        ("@anna?:b.example", "@anna:b.example", False),
        ("@[ab]:b.example", "@a:b.example", False),
        ("@[ab]:b.example", "@[ab]:b.example", True),
        ("@*:*.b.example", "@x:c.b.example", True),
        ("@*:*.b.example", "@x:b.example", False),
        ("@x:[::1]:8448", "@x:[::1]:8448", True),
    ],
)
def test_a_pattern_of_people_fits_whole_ids_only(glob: str, user_id: str, fits: bool) -> None:  # noqa: FBT001
    assert bool(people_pattern(glob, OWN).fullmatch(user_id)) == fits


@pytest.mark.parametrize(
    ("glob", "room_id", "fits"),
    [
        ("*", "!any:where", True),
        ("*", "!roomversion12hash", True),
        ("!AbC:x.example", "!AbC:x.example", True),
        ("!AbC:x.example", "!abc:x.example", False),
        ("!*:x.example", "!abc:X.example", True),
        ("!*:x.example", "!a:y.example:x.example", False),
        ("!hash*", "!hash12", True),
        ("!hash*", "!hash12:x.example", False),
    ],
)
def test_a_pattern_of_rooms_fits_whole_ids_only(glob: str, room_id: str, fits: bool) -> None:  # noqa: FBT001
    assert bool(room_pattern(glob).fullmatch(room_id)) == fits


@pytest.mark.parametrize(
    "glob", ["", "anna", "@", "@:x", "@anna", "anna:x", "@anna:", "@a b:x", "@a:x y", "@a:*", "@\n:x"]
)
def test_what_is_no_pattern_of_people_is_refused(glob: str) -> None:
    with pytest.raises(ValueError, match=r"^(not|does)"):
        people_pattern(glob, OWN)


@pytest.mark.parametrize("glob", ["", "room", "!", "#alias:x", "!a:", "**"])
def test_what_is_no_pattern_of_rooms_is_refused(glob: str) -> None:
    with pytest.raises(ValueError, match=r"^(not|does)"):
        room_pattern(glob)


@pytest.mark.parametrize("glob", ["", "*", "**", "*.*", "a b", "@x:y", "x/y", "a:b"])
def test_everybody_and_nonsense_are_no_foreign_servers(glob: str) -> None:
    with pytest.raises(ValueError, match=r"^(not|does)"):
        server_pattern(glob)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":*?"), min_size=1))
def test_an_id_without_stars_is_a_pattern_for_itself_alone(local: str) -> None:
    pattern = people_pattern(f"@{local}:x.example", OWN)
    assert pattern.fullmatch(f"@{local}:x.example")
    assert not pattern.fullmatch(f"@{local}x:x.example")
    assert not pattern.fullmatch(f"@x{local}:x.example")
