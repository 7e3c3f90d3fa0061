"""What a user meets when something is wrong: one clear sentence, and nothing is changed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bot.demo.homeserver import Homeserver
from bot.demo.people import Person
from bot.demo.stage import PASSWORD, gathered, running_bot, write_settings
from bot.matrix.cleartext import Farewell
from config.settings import load_settings
from studies.synthetic import write_ankle

from .conftest import copy_cervical_spine

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.seen import SeenEvent
    from tests.servers.people import People

    from .conftest import Ward


async def test_mistakes_are_answered_with_what_to_do(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    async with ward.running():
        await ward.gather()
        assert "check digit" in (await ward.ask("!share study 999 000 0019")).body
        assert "No study found" in (await ward.ask("!share study 999 000 0026")).body
        assert "Did you mean !share?" in (await ward.ask("!shaer study")).body
        assert "birth date" in (await ward.ask("!find Doe")).body


async def test_a_person_who_is_not_allowed_is_told_so(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    policy = '[[rules]]\npeople = ["@somebody.else:localhost"]\nmay = ["find", "share"]\n'
    async with ward.running():
        await ward.gather()
    (ward.config.parent / "policy.toml").write_text(policy, "utf-8")
    async with ward.running():
        answer = await ward.ask("!share study")
        assert "is not allowed to do this in this room" in answer.body
        assert "[R09]" in answer.body
        assert "!share" not in (await ward.ask("!help")).body


async def test_a_room_without_encryption_hears_a_farewell_and_nothing_else(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    async with ward.running():
        room = await ward.clinician.create_room("Corridor", [ward.bot], encrypted=False)
        await ward.clinician.send(room, "!share study")
        left = await ward.clinician.wait(lambda event: _membership(event, room, ward.bot) == "leave")
        said = [event for event in await ward.clinician.timeline(room) if event.sender == ward.bot]
        assert left.content["reason"] == Farewell.NOT_ENCRYPTED
        assert {event.type for event in said} == {"m.room.member"}

        await ward.clinician.send_state(room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
        since = len(ward.clinician.events)
        await ward.clinician.invite(room, ward.bot)
        await ward.clinician.wait(lambda event: _membership(event, room, ward.bot) == "join", since=since)
        answer = await ward.ask("!help", room=room)
    assert answer.encrypted
    assert "!share study" in answer.body


def _membership(event: SeenEvent, room: str, user: str) -> str:
    return str(event.content.get("membership")) if (event.room, event.state_key) == (room, user) else ""


async def test_a_device_that_nobody_signed_stops_the_share_and_is_named(ward: Ward, person: People) -> None:
    copy_cervical_spine(ward.studies)
    careless = await person("careless", strict=False, cross_signed=False)
    async with ward.running():
        await ward.gather()
        await ward.clinician.invite(ward.room, careless.user_id)
        await careless.join(ward.room)
        answer = await ward.ask("!share study")
    assert answer.body.startswith(f"Not shared: {careless.user_id} has not set up verification.")
    assert "[R04]" in answer.body


async def test_a_folder_that_is_gone_is_said_and_comes_back(ward: Ward) -> None:
    copy_cervical_spine(ward.studies)
    away = ward.studies.with_name("away")
    async with ward.running():
        await ward.gather()
        shutil.move(ward.studies, away)
        assert "cannot be read now" in (await ward.ask("!find id: 77654033")).body
        shutil.move(away, ward.studies)
        assert "1. XR C Spine" in (await ward.ask("!find id: 77654033")).body


async def test_a_server_with_a_small_upload_limit_gets_several_parts(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    write_ankle(studies)
    async with Homeserver.start(tmp_path / "hs", max_upload_size="12M") as small:
        bot, *_ = [await small.register(name, PASSWORD) for name in ("bag", "anna", "ben")]
        config = write_settings(tmp_path / "bot", small.url, bot, studies)
        async with (
            running_bot(load_settings(config)),
            Person.start(small.url, "anna", PASSWORD) as anna,
            Person.start(small.url, "ben", PASSWORD) as ben,
        ):
            from .conftest import Ward  # noqa: PLC0415

            ward = Ward(tmp_path, config, studies, bot, anna, ben, await gathered(bot, anna, ben))
            receipt = await ward.share()
    assert [one["file"] for one in receipt.parcels] == [f"DICOM_{number}_OF_3.ZIP" for number in (1, 2, 3)]
    assert all(one["verified"] for one in receipt.parcels)


async def test_commands_sent_while_the_server_was_away_are_answered(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    copy_cervical_spine(studies)
    async with Homeserver.start(tmp_path / "hs") as server:
        bot, *_ = [await server.register(name, PASSWORD) for name in ("bag", "anna", "ben")]
        config = write_settings(tmp_path / "bot", server.url, bot, studies)
        async with running_bot(load_settings(config)), Person.start(server.url, "anna", PASSWORD) as anna:
            room = await gathered(bot, anna)
            await server.restart()
            sent = await anna.send(room, "!help")
            answer = await anna.wait(
                lambda event: (event.relates_to or {}).get("m.in_reply_to", {}).get("event_id") == sent, 90
            )
    assert "!share study" in answer.body
