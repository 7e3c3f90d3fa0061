"""The guard's word on each kind of entry, for each thing that may be wrong with a room in the moment of sending."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from access.policy import Policy, Refused
from bot.guard import RoomGuard
from ledger import shares
from ledger.outbox import Entry
from tests.fakes.session import ANNA, BEN, PIXEL, ROOM, SAFE, SERVER

if TYPE_CHECKING:
    from tests.fakes.house import House

POLICY = Policy.of(SERVER)
LATE = f"@late:{SERVER}"
#: What is wrong, and the code by which it is refused.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"encrypted": False}, "R01"),
    ({"encrypted": False, "downgraded": True}, "R14"),
    ({"tombstoned": True}, "R08"),
    ({"join_rule": "public"}, "R02"),
    ({"join_rule": "restricted"}, "R02"),
    ({"join_rule": "knock_restricted"}, "R02"),
    ({"history_visibility": "world_readable"}, "R03"),
    ({"join_rule": "knock", "guest_access": True}, "R07"),
    ({"bridges": ("WhatsApp",)}, "R11"),
    ({"joined": SAFE.joined | {f"@_irc_ben:{SERVER}"}}, "R11"),
    ({"joined": SAFE.joined | {"@x:elsewhere.example"}}, "R05"),
    ({"invited": frozenset({"@x:elsewhere.example"})}, "R06"),
    ({"unverified_devices": (PIXEL,)}, "R04"),
    ({"joined": SAFE.joined | {LATE}}, "R12"),
]
#: Where even harmless words would go out in the clear.
INAUDIBLE = {"R01"}


def entry(**fields: Any) -> Entry:
    return Entry("t", ROOM, "step", "m.room.message", {"body": "x"}, **fields)


async def share_of(house: House, **fields: Any) -> int:
    async with house.ledger.transaction() as tx:
        opened = await shares.open_share(
            tx,
            room_id=ROOM,
            requested_by=ANNA,
            study_instance_uid="1.2.3",
            source="radiology",
            **({"audience": SAFE.audience, "command_event_id": "$c"} | fields),
        )
    return opened.id


async def verdict(house: House, one: Entry, **facts: Any) -> str:
    """The code of the refusal, "" for none."""
    try:
        await RoomGuard(POLICY, house.ledger)(one, replace(SAFE, **facts))
    except Refused as refused:
        return refused.sentence
    return ""


@pytest.mark.parametrize(("facts", "code"), WRONG)
async def test_each_thing_that_is_wrong_stops_shares_and_answers_and_only_what_would_be_readable_else(
    house: House, facts: dict[str, Any], code: str
) -> None:
    """Hazard: a room changes between the permission and the picture."""
    number = await share_of(house)
    assert f"[{code}]" in await verdict(house, entry(share_id=number), **facts)
    assert f"[{code}]" in await verdict(house, entry(audience=SAFE.audience), **facts)
    harmless = await verdict(house, entry(strict=False), **facts)
    assert bool(harmless) == (code in INAUDIBLE)
    assert bool(await verdict(house, entry(strict=False, share_id=number), **facts)) == (code in INAUDIBLE)


async def test_a_room_as_it_was_permitted_is_spoken_in(house: House) -> None:
    number = await share_of(house)
    for one in (entry(share_id=number), entry(audience=SAFE.audience), entry(), entry(strict=False)):
        assert await verdict(house, one) == ""


async def test_a_share_is_decided_anew_for_who_asked(house: House) -> None:
    number = await share_of(house)
    assert "[R10]" in await verdict(house, entry(share_id=number), joined=SAFE.joined - {ANNA})
    assert "[R10]" not in await verdict(house, entry(audience=SAFE.audience), joined=SAFE.joined - {ANNA})


async def test_newcomers_are_named_and_those_who_were_invited_are_none(house: House) -> None:
    number = await share_of(house, audience=SAFE.audience | {LATE})
    assert await verdict(house, entry(share_id=number), joined=SAFE.joined | {LATE}) == ""
    said = await verdict(house, entry(audience=SAFE.audience - {BEN}))
    assert said.startswith(f"Not answered: {BEN} has joined this room since this was asked for.")


async def test_a_share_from_before_audiences_were_kept_goes_on_for_nobody(house: House) -> None:
    number = await share_of(house)
    async with house.ledger.transaction() as tx:
        await tx.rows("UPDATE shares SET sealed_audience = NULL")
    assert "[R12]" in await verdict(house, entry(share_id=number))


async def test_nobody_lets_themselves_into_an_audience_by_writing_to_the_file(house: House) -> None:
    """Hazard: somebody with the file but without its key adds a reader."""
    first = await share_of(house)
    second = await share_of(house, command_event_id="$d", audience=SAFE.audience | {LATE})
    async with house.ledger.transaction() as tx:
        await tx.rows(
            "UPDATE shares SET sealed_audience = (SELECT sealed_audience FROM shares WHERE id = ?) WHERE id = ?",
            second,
            first,
        )
    with pytest.raises(Exception, match=r"\[\w\d+\]"):
        await shares.get(house.ledger, first)
