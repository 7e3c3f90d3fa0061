"""A command has an author only when the keys prove it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.people import Person
from bot.matrix.errors import NotAuthentic
from bot.matrix.events import RawEvent
from bot.matrix.megolm import Claim, Decrypted, Unreadable, decrypt
from bot.matrix.reading import Reader
from bot.matrix.sender import authenticate
from tests.bot.matrix.conftest import make_bot, room_with, until
from tests.servers.people import new_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.demo.homeserver import Homeserver
    from bot.matrix.session import MatrixSession


class Heard:
    """One genuine command, as the server holds it and as we decrypt it."""

    def __init__(self, session: MatrixSession, room: str, raw: dict[str, Any], anna: Person, ben: Person) -> None:
        self.session, self.room, self.raw, self.anna, self.ben = session, room, raw, anna, ben

    @property
    def decrypted(self) -> Decrypted:
        return decrypt(self.session.client.olm, self.room, self.raw["content"])

    async def read(self, **changes: Any) -> Any:
        event = {**self.raw, **changes}
        raw = RawEvent(
            event["event_id"], self.room, event["sender"], event["type"], event["content"], event["origin_server_ts"]
        )
        return await Reader(self.session).read(raw, "token", live=True)


@pytest.fixture(scope="module")
async def heard(homeserver: Homeserver, anna: Person, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Heard]:
    bot = make_bot(homeserver.url, await new_account(homeserver, "bot"), tmp_path_factory.mktemp("bot") / "state")
    registered = await new_account(homeserver, "ben")
    ben = Person.start(homeserver.url, registered.name, registered.password, auto_join=True)
    async with bot.running() as session, ben as colleague:
        room = await room_with(bot, anna, colleague)
        event_id = await anna.send(room, "!share study")
        await until(lambda: bot.inbox.bodies)
        raw = await session.client.call("GET", f"/_matrix/client/v3/rooms/{room}/event/{event_id}")
        yield Heard(session, room, raw, anna, colleague)


async def test_a_genuine_command_has_its_author(heard: Heard) -> None:
    clinician = await authenticate(heard.session.trust, heard.anna.user_id, heard.decrypted, "Anna")
    assert (clinician.user_id, clinician.device_id) == (heard.anna.user_id, heard.anna.device_id)
    assert clinician.display_name == "Anna"


async def test_a_command_that_the_server_relabels_has_no_author(heard: Heard) -> None:
    message = await heard.read(sender=heard.ben.user_id)
    assert (message.body, message.clinician) == ("!share study", None)
    assert message.why_not == "none of your devices wrote it"


async def test_sender_key_and_device_id_of_the_event_are_not_needed_and_not_believed(heard: Heard) -> None:
    bare = {key: value for key, value in heard.raw["content"].items() if key not in {"sender_key", "device_id"}}
    lying = {**bare, "sender_key": "A" * 43, "device_id": "OTHER"}
    for content in (bare, lying):
        message = await heard.read(content=content)
        assert message.clinician.device_id == heard.anna.device_id


async def test_a_key_at_second_hand_proves_nothing(heard: Heard) -> None:
    genuine = heard.decrypted
    forwarded = replace(genuine, claims=tuple(replace(claim, forwarded=True) for claim in genuine.claims))
    with pytest.raises(NotAuthentic, match="second hand"):
        await authenticate(heard.session.trust, heard.anna.user_id, forwarded)


async def test_both_keys_of_the_device_must_fit(heard: Heard) -> None:
    genuine = heard.decrypted
    (claim,) = genuine.claims
    for wrong in (Claim(claim.sender_key, "A" * 43, forwarded=False), Claim("A" * 43, claim.ed25519, forwarded=False)):
        with pytest.raises(NotAuthentic):
            await authenticate(heard.session.trust, heard.anna.user_id, replace(genuine, claims=(wrong,)))


async def test_a_device_that_was_removed_proves_nothing(heard: Heard) -> None:
    trust = heard.session.trust
    await trust.standing(heard.anna.user_id)
    judged = trust._judged[heard.anna.user_id]
    trust._judged[heard.anna.user_id] = replace(judged, standing=replace(judged.standing, devices=()))
    clinician = await authenticate(heard.session.trust, heard.anna.user_id, heard.decrypted)
    assert clinician.device_id == heard.anna.device_id  # asked again before refusing: the server still lists it
    stranger = replace(heard.decrypted, claims=(Claim("A" * 43, "A" * 43, forwarded=False),))
    with pytest.raises(NotAuthentic):
        await authenticate(heard.session.trust, heard.anna.user_id, stranger)


async def test_a_message_of_one_room_cannot_be_moved_to_another(heard: Heard) -> None:
    with pytest.raises(Unreadable, match="key"):
        decrypt(heard.session.client.olm, "!other:localhost", heard.raw["content"])
    entries = heard.session.client.olm.inbound_group_store._entries
    entries["!other:localhost"] = entries[heard.room]
    with pytest.raises(Unreadable, match="another room"):
        decrypt(heard.session.client.olm, "!other:localhost", heard.raw["content"])
    del entries["!other:localhost"]


async def test_a_room_key_of_somebody_else_never_takes_the_place_of_its_owners(heard: Heard) -> None:
    olm = heard.session.client.olm
    (session,) = olm.group_sessions(heard.room, heard.raw["content"]["session_id"])
    index = session.first_known_index
    exported = session.export_session(index)
    rows = olm.store.load_inbound_group_sessions().get(heard.room, session.sender_key, session.id)
    assert rows.export_session(index) == exported
    # Ben, who holds the session too, passes it on as if it were his own.
    olm.inbound_group_store.add(_copy(session, sender_key="B" * 43, room=heard.room))
    olm.store.save_inbound_group_session(_copy(session, sender_key="B" * 43, room=heard.room))
    stored = olm.store.load_inbound_group_sessions()  # as after a restart: each sender's stands for itself
    assert stored.get(heard.room, session.sender_key, session.id).export_session(index) == exported
    assert stored.get(heard.room, "B" * 43, session.id).sender_key == "B" * 43
    message = await heard.read()
    assert message.clinician.user_id == heard.anna.user_id


async def test_an_edit_by_the_servers_relation_is_no_command(heard: Heard) -> None:
    relation = {"rel_type": "m.replace", "event_id": "$x"}
    assert await heard.read(content={**heard.raw["content"], "m.relates_to": relation}) is None


def _copy(session: Any, *, sender_key: str, room: str) -> Any:
    from nio.crypto import InboundGroupSession  # noqa: PLC0415

    exported = session.export_session(session.first_known_index)
    return InboundGroupSession.import_session(exported, session.ed25519, sender_key, room)
