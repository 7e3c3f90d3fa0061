from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from access.rooms import Reader, UnverifiedDevice
from tests.fakes.session import ANNA, BEN, PIXEL, SERVER

if TYPE_CHECKING:
    from tests.fakes.house import House

CLEO = "@cleo:trust-b.example"
READERS = (Reader(ANNA, "Anna Smith", 2, verified=True), Reader(BEN, "", 1))


async def told(house: House, **facts: Any) -> list[str]:
    house.session.change(**({"readers": READERS} | facts))
    async with house.running():
        [said] = await house.ask("!audience")
    return str(said).splitlines()


async def test_it_names_everybody_who_gets_the_keys_and_the_rooms_settings(house: House) -> None:
    assert await told(house) == [
        "Who can read what I post here now:",
        f"- Anna Smith ({ANNA}) of {SERVER}: 2 devices, verified with me",
        f"- {BEN} of {SERVER}: 1 device",
        "The room: encrypted; people come in by invitation only; its history is for members only; no guests.",
        "You may share studies here. I look again before each message.",
    ]


async def test_it_says_who_cannot_read_and_why(house: House) -> None:
    readers = (*READERS[:1], Reader(BEN, "", 0), Reader("@dan:" + SERVER, "Dan", 0), Reader(CLEO, "", 0, known=False))
    tablet = UnverifiedDevice(ANNA, "TAB", "", "malformed")
    said = await told(house, readers=readers, unverified_devices=(PIXEL, tablet), invited=frozenset({"@eve:x.example"}))
    assert said[2:8] == [
        "Who cannot:",
        f'- {ANNA} on the device "TAB": its keys are not in order',
        f'- {BEN} on the device "Pixel": not verified by its owner',
        f"- Dan (@dan:{SERVER}): they have no device with encryption",
        f"- {CLEO}: their server does not say which devices they use",
        "- @eve:x.example: invited, but not here yet",
    ]
    assert said[-1] == "If you ask for a study here now, I refuse and say why."


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"join_rule": "public"}, "anybody can join"),
        ({"join_rule": "restricted"}, "members of another room can join"),
        ({"join_rule": "something new"}, "it is not clear who can join"),
        ({"history_visibility": "world_readable"}, "anybody can read its history"),
        ({"history_visibility": ""}, "it is not clear who can read its history"),
        ({"guest_access": True, "join_rule": "knock"}, "guests can join"),
        ({"bridges": ("WhatsApp",)}, "bridged to WhatsApp"),
        ({"tombstoned": True}, "it was replaced by a newer room"),
        ({"encrypted": False, "downgraded": True}, "its server says that it is not encrypted any more, but I encrypt"),
    ],
)
async def test_it_answers_also_where_sharing_is_refused(house: House, facts: dict[str, Any], words: str) -> None:
    said = await told(house, **facts)
    assert words in said[-2]
    assert said[-1] == "If you ask for a study here now, I refuse and say why."
    assert [one.strict for one in house.session.posted] == [False]


async def test_organisations_stand_together(house: House) -> None:
    readers = (Reader("@a:z.example", "", 1), Reader("@b:a.example", "", 1), Reader("@c:z.example", "", 1))
    said = await told(house, readers=readers)
    assert [line.partition(":")[0] for line in said[1:4]] == ["- @b", "- @a", "- @c"]


async def test_a_long_room_is_counted_and_the_answer_stays_short(house: House) -> None:
    crowd = tuple(Reader(f"@p{number:03}:{SERVER}", "name " * 50, 1) for number in range(500))
    invited = frozenset(f"@i{number:03}:{SERVER}" for number in range(500))
    said = await told(house, readers=crowd, invited=invited)
    assert "- and 450 more" in said
    assert "- and 480 more" in said
    assert len("\n".join(said)) < 10_000


async def test_names_that_are_code_or_several_lines_are_harmless(house: House) -> None:
    names = ("<img src=x onerror=alert(1)>", "a\nWho cannot:\n- nobody", "\u202eanna\u2066")
    await told(house, readers=tuple(Reader(f"@p{n}:{SERVER}", name, 1) for n, name in enumerate(names)))
    [posted] = house.session.posted
    assert "<img" not in posted.content["formatted_body"]
    assert len(posted.body.splitlines()) == 6
    assert not set("\u202e\u2066") & set(posted.body)


async def test_nothing_of_it_is_said_in_a_room_without_encryption(house: House) -> None:
    house.session.change(encrypted=False, readers=READERS)
    async with house.running():
        assert await house.ask("!audience", authenticated=False, why_not="it was not encrypted") == []
    assert house.session.left
