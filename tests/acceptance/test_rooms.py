"""Rooms that change, on a real homeserver: looked at before every message, and each refusal names what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers import proxy as faults
from tests.servers.proxy import Proxy

from .conftest import copy_cervical_spine

if TYPE_CHECKING:
    from bot.demo.homeserver import Homeserver
    from tests.servers.people import People

    from .conftest import Ward

CHANGES = [
    ("m.room.history_visibility", {"history_visibility": "world_readable"}, "people outside can read", "R03"),
    ("m.room.join_rules", {"join_rule": "public"}, "without an invitation", "R02"),
    ("m.room.join_rules", {"join_rule": "restricted", "allow": []}, "without an invitation", "R02"),
    ("uk.half-shot.bridge", {"protocol": {"id": "wa", "displayname": "WhatsApp"}}, "bridged to WhatsApp", "R11"),
    ("m.bridge", {"protocol": {"id": "irc"}, "bridgebot": "@x:y"}, "bridged to irc", "R11"),
]


async def test_what_changes_in_a_room_is_seen_at_the_next_command_and_named(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    async with ward.running():
        for kind, content, words, code in CHANGES:
            await ward.gather()
            await ward.clinician.send_state(ward.room, kind, content)
            answer = (await ward.ask("!share study")).body
            assert answer.startswith("Not shared: "), kind
            assert words in answer, kind
            assert f"[{code}]" in answer, kind
            assert "Archibald" not in answer


async def test_an_invited_program_stops_sharing_and_is_named(ward: Ward, homeserver: Homeserver) -> None:
    copy_cervical_spine(ward.studies)
    program = await homeserver.register("clerk-bot", "password of a program")
    async with ward.running():
        await ward.gather()
        await ward.clinician.invite(ward.room, program)
        answer = (await ward.ask("!share study")).body
    assert answer.startswith(f"Not shared: {program} is a program that could pass on what is posted here.")
    assert "[R11]" in answer


async def test_an_encryption_that_is_taken_away_is_refused_in_an_encrypted_answer(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    async with ward.running():
        await ward.gather()
        await ward.ask("!help")
        await ward.clinician.send_state(ward.room, "m.room.encryption", {"algorithm": "none"})
        answer = await ward.ask("!share study")
    assert answer.encrypted
    assert "[R14]" in answer.body


async def test_who_joins_while_a_share_is_under_way_does_not_get_the_rest(
    ward: Ward, homeserver: Homeserver, person: People
) -> None:
    copy_cervical_spine(ward.studies)
    late = await person("late")
    async with Proxy.start(homeserver.url) as proxy:
        ward.config.write_text(ward.config.read_text("utf-8").replace(homeserver.url, proxy.url), "utf-8")
        async with ward.running():
            await ward.gather()
            proxy.fail("PUT .*/media/v3/upload", faults.slow(3), times=99)
            await ward.clinician.send(ward.room, "!share study")
            await ward.clinician.wait(lambda event: event.body.startswith("Share 1:"))
            await ward.clinician.invite(ward.room, late.user_id)
            await late.join(ward.room)
            stopped = await ward.clinician.wait(lambda event: event.body.startswith("Share 1 is stopped"), 60)
    assert f"{late.user_id} has joined this room since this was asked for." in stopped.body
    assert "[R12]" in stopped.body
    assert not [event for event in late.events if event.content.get("msgtype") in {"m.image", "m.file"}]


async def test_the_audience_is_who_gets_the_keys(ward: Ward, person: People) -> None:
    async with ward.running():
        await ward.gather()
        careless = await person("careless", strict=False, cross_signed=False)
        await ward.clinician.invite(ward.room, careless.user_id)
        waiting = (await ward.ask("!audience")).body
        await careless.join(ward.room)
        answer = (await ward.ask("!audience")).body
    able, _, unable = answer.partition("Who cannot:")
    assert f"({ward.clinician.user_id}) of localhost: 1 device\n" in able
    assert f"({ward.registrar.user_id}) of localhost: 1 device\n" in able
    assert f"{careless.user_id}: invited, but not here yet" in waiting
    assert f"{careless.user_id} on the device" in unable
    assert "its owner has not set up verification" in unable
