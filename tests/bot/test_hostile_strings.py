"""Threat: strings of a DICOM header that mean something to a chat app. They are shown, whole, and mean nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import dicom

if TYPE_CHECKING:
    from tests.fakes.house import House

#: Right-to-left override, zero width space, line separators, bell, escape.
INVISIBLE = "\u202e\u200b\u2028\u2066\x07\x1b"
HOSTILE = {
    "markup": "<img src=x onerror=alert(1)>",
    "mention": "@room @anna:trust-a.example",
    "pill": '<a href="https://matrix.to/#/@anna:trust-a.example">x',
    "turned": f"kna{INVISIBLE}elba",
    "markdown": "**[x](javascript:alert)**",
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_strings_of_a_header_mean_nothing_in_what_the_bot_says(house: House, kind: str) -> None:
    text = HOSTILE[kind]
    named: dict[str, Any] = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": f"{text[:40]}^Ann"}
    dicom.ankle(house.folder, StudyDescription=text, SeriesDescription=text, **named)
    async with house.running():
        await house.ask("!find XR26-1")
        await house.ask("!share study XR26-1")
    assert len(house.session.posted) > 5
    for event in house.session.posted:
        for content in (event.content, event.content.get("m.new_content", {})):
            _harmless(content)


async def test_no_visible_character_of_a_header_is_lost(house: House) -> None:
    dicom.ankle(house.folder, StudyDescription="pH < 7 & > 5; 3 < x")
    async with house.running():
        [opened] = [said for said in await house.ask("!share study XR26-1") if said.startswith("Share 1")][:1]
    assert "pH < 7 & > 5; 3 < x" in opened


def _harmless(content: Any) -> None:
    assert content.get("m.mentions", {}) == {}
    html = content.get("formatted_body", "")
    assert "<img" not in html
    assert "<a " not in html
    assert not [one for one in INVISIBLE if one in json.dumps(content, ensure_ascii=False)]
    assert not [one for one in INVISIBLE if one in content.get("body", "")]
