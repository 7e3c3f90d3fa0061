"""The clients that judge the bot must themselves be right, before they judge anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bot.demo.people import Person, client_command
from config.errors import Mistake, TryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from tests.servers.people import Account, People


async def test_two_strict_people_read_each_other_without_a_shield(person: People) -> None:
    anna, ben = await person("anna"), await person("ben")
    room = await person.room(anna, ben)
    question = await anna.send(room, "Can you see the ankle?")
    heard = await ben.wait(lambda event: event.event_id == question)
    answer = await ben.send(room, "Yes", reply=question)
    reply = await anna.wait(lambda event: event.event_id == answer)
    assert (heard.body, heard.trusted, heard.sender_device) == ("Can you see the ankle?", True, anna.device_id)
    assert (reply.body, reply.trusted) == ("Yes", True)
    assert reply.relates_to == {"m.in_reply_to": {"event_id": question}}


async def test_a_file_arrives_as_it_was_sent(person: People, tmp_path: Path) -> None:
    anna, ben = await person("anna"), await person("ben")
    room = await person.room(anna, ben)
    sent = tmp_path / "DICOM.ZIP"
    sent.write_bytes(os.urandom(3_000_001))
    posted = await anna.send_file(room, sent, mimetype="application/zip")
    event = await ben.wait(lambda event: event.event_id == posted)
    saved = await ben.download(event, tmp_path / "received.zip")
    assert saved.bytes == 3_000_001
    assert saved.path.read_bytes() == sent.read_bytes()


async def test_a_file_with_another_hash_is_not_saved(person: People, tmp_path: Path) -> None:
    anna, ben = await person("anna"), await person("ben")
    room = await person.room(anna, ben)
    (tmp_path / "sent").write_bytes(b"an image")
    original = await anna.send_file(room, tmp_path / "sent")
    genuine = await anna.wait(lambda event: event.event_id == original)
    forged = {**genuine.content, "file": {**genuine.content["file"], "hashes": {"sha256": "A" * 43}}}
    posted = await anna.send_raw(room, "m.room.message", forged)
    event = await ben.wait(lambda event: event.event_id == posted)
    with pytest.raises(TryLater, match="hash"):
        await ben.download(event, tmp_path / "received")
    assert not (tmp_path / "received").exists()


async def test_a_strict_person_is_neither_read_by_nor_reads_an_unsigned_device(
    person: People, account: Callable[[str], Awaitable[Account]]
) -> None:
    anna, careless = await person("anna"), await person(await account("ben"), strict=False, cross_signed=False)
    room = await person.room(anna, careless)
    from_careless = await careless.send(room, "hello")
    from_strict = await anna.send(room, "hello")
    unread = await anna.wait(lambda event: event.event_id == from_careless)
    withheld = await careless.wait(lambda event: event.event_id == from_strict)
    assert unread.failure is not None
    assert withheld.failure is not None
    assert await anna.devices(careless.user_id) == {careless.device_id: False}


async def test_a_second_device_that_nobody_signed_is_seen_as_such(
    person: People, account: Callable[[str], Awaitable[Account]]
) -> None:
    anna, ben = await person("anna"), await account("ben")
    first, second = await person(ben), await person(ben, cross_signed=False)
    await person.room(anna, first)
    assert await anna.devices(first.user_id) == {first.device_id: True, second.device_id: False}


async def test_phone_and_workstation_of_one_person_are_both_trusted(
    person: People, account: Callable[[str], Awaitable[Account]]
) -> None:
    anna, ben = await person("anna"), await account("ben")
    workstation = await person(ben)
    phone = await person(ben, secrets=await workstation.secrets())
    room = await person.room(anna, workstation)
    said = await anna.send(room, "hello")
    assert await anna.devices(phone.user_id) == {workstation.device_id: True, phone.device_id: True}
    for device in (workstation, phone):
        assert (await device.wait(lambda event: event.event_id == said)).trusted


async def test_a_new_identity_signs_its_device_again(person: People) -> None:
    anna, ben = await person("anna"), await person("ben")
    room = await person.room(anna, ben)
    before = await ben.send(room, "before")
    assert (await anna.wait(lambda event: event.event_id == before)).trusted
    await ben.new_identity()
    after = await ben.send(room, "after")
    assert (await anna.wait(lambda event: event.event_id == after)).sender_device == ben.device_id
    assert await anna.devices(ben.user_id) == {ben.device_id: True}


async def test_an_invitation_is_accepted_by_itself_when_asked_for(person: People) -> None:
    anna, ben = await person("anna"), await person("ben", auto_join=True)
    room = await anna.create_room("Ankle clinic", [ben.user_id])
    joined = await anna.wait(lambda event: event.state_key == ben.user_id and event.content["membership"] == "join")
    assert joined.room == room


async def test_an_edit_names_what_it_replaces_and_the_original_stays(person: People) -> None:
    anna = await person("anna")
    room = await person.room(anna)
    first = await anna.send(room, "left ankle")
    second = await anna.edit(room, first, "right ankle")
    edit = await anna.wait(lambda event: event.event_id == second)
    timeline = {event.event_id: event for event in await anna.timeline(room)}
    assert edit.edits == first
    assert edit.content["m.new_content"]["body"] == "right ankle"
    assert timeline[first].body == "left ankle"


async def test_a_long_room_can_be_scrolled_back(person: People) -> None:
    anna = await person("anna")
    room = await person.room(anna)
    for number in range(30):
        await anna.send(room, str(number))
    bodies = [event.body for event in await anna.timeline(room, limit=40) if event.msgtype]
    assert bodies == [str(number) for number in range(30)]


async def test_a_wrong_password_is_one_sentence(
    homeserver: Homeserver, account: Callable[[str], Awaitable[Account]]
) -> None:
    anna = await account("anna")
    with pytest.raises(Mistake, match="refused the login"):
        async with Person.start(homeserver.url, anna.name, "wrong"):
            pass


def test_a_missing_client_names_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="make setup"):
        client_command(tmp_path)
