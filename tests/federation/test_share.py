"""A study crosses from hospital A to hospital B, whole; nobody of a hospital that was not approved gets any of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.federation.conftest import Trusts


async def test_a_share_crosses_whole_and_is_proved_at_the_other_hospital(trusts: Trusts) -> None:
    clinician, registrar = await trusts.a.person("clinician"), await trusts.b.person("registrar")
    async with trusts.a.running(foreign=(trusts.b.homeserver.server_name,)):
        ward = await trusts.ward(clinician, registrar)
        receipt = await ward.share()
    assert {(one["encrypted"], one["readable"], one["shield"]) for one in receipt.events} == {(True, True, "none")}
    assert len(receipt.previews) == 3
    assert [(one["verified"], one["instances"]) for one in receipt.parcels] == [(True, 3)]


async def test_somebody_of_a_hospital_off_the_list_stops_the_share_and_is_named(trusts: Trusts) -> None:
    clinician, registrar = await trusts.a.person("clinician"), await trusts.b.person("registrar")
    async with trusts.a.running():
        ward = await trusts.ward(clinician, registrar)
        answer = await ward.ask("!share study")
        await asyncio.sleep(1)
    assert f"{registrar.user_id} is from another organisation" in answer.body
    assert "[R05]" in answer.body
    assert [event.msgtype for event in registrar.events if event.sender == ward.bot and event.msgtype] == ["m.notice"]


async def test_an_invitation_to_somebody_of_a_hospital_off_the_list_stops_the_share_too(trusts: Trusts) -> None:
    clinician, registrar = await trusts.a.person("clinician"), await trusts.b.person("registrar")
    async with trusts.a.running():
        ward = await trusts.ward(clinician)
        await clinician.invite(ward.room, registrar.user_id)
        answer = await ward.ask("!share study")
    assert f"{registrar.user_id} is invited, from another organisation" in answer.body
    assert "[R06]" in answer.body
