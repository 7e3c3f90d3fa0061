"""The bot and matrix-js-sdk verify each other: both directions, both ways of travelling, and what goes wrong."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.demo.people import Person
from bot.matrix.megolm import Claim
from bot.matrix.verification.errors import NobodyToVerify, NothingToCompare, NotWelcome, TooMany
from bot.matrix.verification.flow import State
from config.errors import TryLater
from tests.bot.matrix.conftest import make_bot, room_with, until
from tests.bot.matrix.verification.conftest import believes, direct_room, reaches, reception, seen_in, shown
from tests.servers import proxy as faults
from tests.servers.people import new_account
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from bot.matrix.verification.case import Verification
    from tests.bot.matrix.conftest import Bot, Raw
    from tests.bot.matrix.verification.conftest import Reception
    from tests.servers.people import People


@pytest.fixture(scope="module")
async def ben(homeserver: Homeserver) -> AsyncIterator[Person]:
    """Somebody else."""
    registered = await new_account(homeserver, "ben")
    async with Person.start(homeserver.url, registered.name, registered.password) as signed_in:
        yield signed_in


async def ask(person: Person, here: Reception, way: str, ben: Person) -> None:
    """The person asks the bot."""
    if way == "room":
        await person.verify(here.bot.user_id, room=await direct_room(here.bot, person))
    else:
        await room_with(here.bot, person, ben)
        await person.verify(here.bot.user_id, device=here.session.device_id)
    await reaches(person, here.bot.user_id, "ready")


async def be_asked(person: Person, here: Reception, way: str, ben: Person) -> None:
    """The bot asks the person: in their direct room, or where there is none, each device."""
    await (direct_room(here.bot, person) if way == "room" else room_with(here.bot, person, ben))
    begun = await here.desk.begin(person.user_id)
    assert bool(begun.room_id) == (way == "room")
    assert begun.we_asked
    await reaches(person, here.bot.user_id, "requested")
    await person.verify_step(here.bot.user_id, "accept")


WAYS = pytest.mark.parametrize("way", ["room", "device"])


@WAYS
@pytest.mark.parametrize("who", ["they ask", "we ask"])
async def test_both_are_verified_after_both_have_compared(
    receiving: Any, anna: Person, ben: Person, way: str, who: str
) -> None:
    async with receiving() as here:
        us = here.bot.user_id
        if who == "they ask":
            await ask(anna, here, way, ben)
            await anna.verify_step(us, "start")
        else:
            await be_asked(anna, here, way, ben)
        theirs, ours = await reaches(anna, us, "emoji"), await here.to_compare()
        assert shown(ours) == theirs["emoji"]
        assert (ours.user_id, ours.device_id) == (anna.user_id, anna.device_id)
        await anna.verify_step(us, "confirm")
        assert (await here.level(anna)) == "cross-signed-tofu"
        assert not (await anna.identity(us))["verified"]
        done = await here.desk.confirm(ours.number, match=True, by="test")
        await until(lambda: here.desk.open[-1].state is State.DONE)
        await reaches(anna, us, "done")
        assert await believes(anna, us)
        assert (await here.level(anna)) == "cross-signed-verified"
        assert not done.trouble
        assert not (await signature_is_missing(here, anna))


async def signature_is_missing(here: Reception, person: Person) -> bool:
    """Whether our user-signing key's signature stands under their master key on the server."""
    answer = await here.session.client.call(
        "POST", "/_matrix/client/v3/keys/query", {"device_keys": {person.user_id: []}}
    )
    return here.bot.user_id not in answer["master_keys"][person.user_id]["signatures"]


@WAYS
async def test_the_person_confirms_last(receiving: Any, anna: Person, ben: Person, way: str) -> None:
    async with receiving() as here:
        us = here.bot.user_id
        await ask(anna, here, way, ben)
        await anna.verify_step(us, "start")
        await reaches(anna, us, "emoji")
        ours = await here.to_compare()
        assert (await here.desk.confirm(ours.number, match=True, by="test")).state is State.COMPARING
        assert (await here.level(anna)) == "cross-signed-tofu"
        with pytest.raises(NothingToCompare):
            await here.desk.confirm(ours.number, match=True, by="test")
        await anna.verify_step(us, "confirm")
        await reaches(anna, us, "done")
        assert (await here.ended()).state is State.DONE
        assert (await here.level(anna)) == "cross-signed-verified"


async def compared(here: Reception, person: Person, ben: Person, way: str = "device") -> Verification:
    """The person has asked and both see emoji."""
    await ask(person, here, way, ben)
    await person.verify_step(here.bot.user_id, "start")
    await reaches(person, here.bot.user_id, "emoji")
    return await here.to_compare()


@WAYS
async def test_when_our_operator_says_no_nobody_is_verified(
    receiving: Any, anna: Person, ben: Person, way: str
) -> None:
    async with receiving() as here:
        ours = await compared(here, anna, ben, way)
        ended = await here.desk.confirm(ours.number, match=False, by="test")
        assert (ended.state, ended.code, ended.by_us) == (State.ENDED, "m.mismatched_sas", True)
        assert (await reaches(anna, here.bot.user_id, "cancelled"))["code"] == "m.mismatched_sas"
        assert await here.level(anna) == "cross-signed-tofu"
        assert not (await anna.identity(here.bot.user_id))["verified"]


@WAYS
@pytest.mark.parametrize(("step", "code"), [("mismatch", "m.mismatched_sas"), ("cancel", "m.user")])
async def test_when_they_say_no_nothing_can_be_confirmed(  # noqa: PLR0917
    receiving: Any, anna: Person, ben: Person, way: str, step: str, code: str
) -> None:
    async with receiving() as here:
        ours = await compared(here, anna, ben, way)
        await anna.verify_step(here.bot.user_id, step)
        ended = await here.ended()
        assert (ended.code, ended.by_us) == (code, False)
        with pytest.raises(NothingToCompare):
            await here.desk.confirm(ours.number, match=True, by="test")
        assert await here.level(anna) == "cross-signed-tofu"


async def test_an_operator_can_call_it_off(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving() as here:
        ours = await compared(here, anna, ben)
        await here.desk.end(ours.number)
        assert (await reaches(anna, here.bot.user_id, "cancelled"))["code"] == "m.user"


async def test_they_can_decline(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving() as here:
        await room_with(here.bot, anna, ben)
        await here.desk.begin(anna.user_id)
        await reaches(anna, here.bot.user_id, "requested")
        await anna.verify_step(here.bot.user_id, "cancel")
        assert (await here.ended()).code == "m.user"


async def test_after_ten_minutes_both_are_told(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving() as here:
        ours = await compared(here, anna, ben)
        here.clock.ahead = 601
        here.desk.hear(None)
        assert (await reaches(anna, here.bot.user_id, "cancelled"))["code"] == "m.timeout"
        with pytest.raises(NothingToCompare):
            await here.desk.confirm(ours.number, match=True, by="test")
        here.clock.ahead = 1000
        here.desk.hear(None)
        await until(lambda: not here.desk.open)


@WAYS
async def test_what_comes_again_changes_nothing(receiving: Any, anna: Person, ben: Person, way: str) -> None:
    async with receiving() as here:
        ours = await compared(here, anna, ben, way)
        await anna.verify_step(here.bot.user_id, "confirm")
        for note in list(here.heard):
            here.desk.hear(note)
        await here.desk.confirm(ours.number, match=True, by="test")
        await reaches(anna, here.bot.user_id, "done")
        before = here.desk.version
        for note in list(here.heard):
            here.desk.hear(note)
        here.desk.hear(None)
        await until(here.desk._notes.empty)
        async with here.desk._turn:
            assert here.desk.version == before
            assert [one.state for one in here.desk.open] == [State.DONE]


async def test_a_third_party_cannot_join_in(
    receiving: Any, anna: Person, ben: Person, stranger: Callable[..., Awaitable[Raw]]
) -> None:
    """Neither by to-device messages nor in a room, with the very same transaction id."""
    mallory = await stranger("mallory")
    async with receiving() as here:
        ours = await compared(here, anna, ben)
        flow_id = ours.flow_id
        for kind, content in (
            ("cancel", {"code": "m.user"}),
            ("mac", {"mac": {}, "keys": ""}),
            ("start", {"from_device": anna.device_id, "method": "m.sas.v1"}),
        ):
            said = {**content, "transaction_id": flow_id}
            await mallory.to_device(here.bot.user_id, f"m.key.verification.{kind}", said, here.session.device_id)
        await until(lambda: sum(note.sender == mallory.user_id for note in here.heard) == 3)
        await until(here.desk._notes.empty)
        await anna.verify_step(here.bot.user_id, "confirm")
        done = await here.desk.confirm(ours.number, match=True, by="test")
        await reaches(anna, here.bot.user_id, "done")
        assert done.flow_id == flow_id
        assert await here.level(anna) == "cross-signed-verified"


async def test_who_is_not_welcome_is_not_heard(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving(welcomes=lambda user: user != anna.user_id) as here:
        await room_with(here.bot, anna, ben)
        await anna.verify(here.bot.user_id, device=here.session.device_id)
        await until(lambda: here.heard)
        await until(here.desk._notes.empty)
        assert here.desk.open == []
        with pytest.raises(NotWelcome):
            await here.desk.begin(anna.user_id)


async def test_only_a_direct_room_will_do(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving() as here:
        room = await room_with(here.bot, anna, ben)
        await anna.verify(here.bot.user_id, room=room)
        assert (await reaches(anna, here.bot.user_id, "cancelled"))["code"] == "m.user"
        said = [event for event in await ben.timeline(room) if event.type == "m.key.verification.cancel"]
        assert [event.encrypted for event in said] == [True]
        assert "direct chat" in said[0].content["reason"]


async def test_a_verification_of_two_others_is_none_of_ours(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving() as here:
        room = await room_with(here.bot, anna, ben)
        await anna.verify(ben.user_id, room=room)
        await reaches(ben, anna.user_id, "requested")
        await ben.verify_step(anna.user_id, "accept")
        await until(lambda: len(here.heard) >= 2)
        await until(here.desk._notes.empty)
        assert here.desk.open == []
        assert not any(event.sender == here.bot.user_id for event in await anna.timeline(room) if event.encrypted)


async def test_the_admin_room_cannot_be_the_one_that_is_verified(receiving: Any, anna: Person) -> None:
    """The emoji are shown there: whoever is verified must not see them."""
    async with receiving() as here:
        room = await direct_room(here.bot, anna)
        here.desk._admin_room = room
        await anna.verify(here.bot.user_id, room=room)
        assert (await reaches(anna, here.bot.user_id, "cancelled"))["code"] == "m.user"
        assert (await here.desk.begin(anna.user_id)).room_id == ""


@WAYS
async def test_the_emoji_are_never_seen_where_they_are_compared(
    receiving: Any, anna: Person, ben: Person, way: str
) -> None:
    async with receiving() as here:
        ours = await compared(here, anna, ben, way)
        await anna.verify_step(here.bot.user_id, "confirm")
        await here.desk.confirm(ours.number, match=True, by="test")
        await reaches(anna, here.bot.user_id, "done")
        rooms = await here.session.rooms_with(anna.user_id)
        everything = seen_in([event for room in rooms for event in await anna.timeline(room)])
        assert ours.flow_id in everything or way == "device"
        assert not any(word in everything for emoji in ours.emoji for word in (emoji.symbol, emoji.name))


@WAYS
async def test_a_changed_identity_can_be_verified_anew(receiving: Any, person: People, ben: Person, way: str) -> None:
    carol = await person("carol")
    async with receiving() as here:
        await here.session.trust.standing(carol.user_id)
        await carol.new_identity()
        if way == "room":
            room = await direct_room(here.bot, carol)
            await carol.send(room, "hello")
        else:
            room = await room_with(here.bot, carol, ben)
        here.session.trust.doubt([carol.user_id])
        assert await here.level(carol) == "cross-signed-untrusted"
        await carol.verify(
            here.bot.user_id, **({"room": room} if way == "room" else {"device": here.session.device_id})
        )
        await reaches(carol, here.bot.user_id, "ready")
        await carol.verify_step(here.bot.user_id, "start")
        await reaches(carol, here.bot.user_id, "emoji")
        ours = await here.to_compare()
        await carol.verify_step(here.bot.user_id, "confirm")
        await here.desk.confirm(ours.number, match=True, by="test")
        await reaches(carol, here.bot.user_id, "done")
        assert await here.level(carol) == "cross-signed-verified"
        sent = await here.session.send(room, {"msgtype": "m.notice", "body": "welcome back"}, "t1")
        assert (await carol.wait(lambda event: event.event_id == sent)).trusted


async def test_an_unproven_device_reads_the_verification_and_nothing_after_it(receiving: Any, person: People) -> None:
    """The key that it gets for the verification is not the one of what is said next."""
    carol = await person("carol")
    async with receiving() as here:
        room = await direct_room(here.bot, carol)
        await here.session.trust.standing(carol.user_id)
        await carol.new_identity()
        await carol.verify(here.bot.user_id, room=room)
        await reaches(carol, here.bot.user_id, "ready")
        sent = await here.session.send(room, {"msgtype": "m.notice", "body": "not yet"}, "t1", strict=False)
        assert (await carol.wait(lambda event: event.event_id == sent)).failure is not None
        await carol.verify_step(here.bot.user_id, "cancel")


async def test_keys_that_changed_meanwhile_are_not_believed(receiving: Any, person: People, ben: Person) -> None:
    """What was compared must be what everybody is told when both have confirmed."""
    carol = await person("carol")
    async with receiving() as here:
        ours = await compared(here, carol, ben)
        await carol.new_identity()
        await carol.verify_step(here.bot.user_id, "confirm")
        await here.desk.confirm(ours.number, match=True, by="test")
        assert (await here.ended()).code == "m.key_mismatch"
        assert await here.level(carol) != "cross-signed-verified"


async def test_who_has_no_identity_is_told_to_set_one_up(receiving: Any, person: People, ben: Person) -> None:
    carol = await person("carol", strict=False, cross_signed=False)
    async with receiving() as here:
        await room_with(here.bot, carol, ben)
        await carol.verify(here.bot.user_id, device=here.session.device_id)
        assert (await reaches(carol, here.bot.user_id, "cancelled"))["code"] == "m.user"
        with pytest.raises(NobodyToVerify):
            await here.desk.begin(carol.user_id)


async def test_one_of_two_devices_answers_and_the_other_is_told(
    receiving: Any, person: People, account: Callable[..., Any], ben: Person
) -> None:
    registered = await account("dora")
    workstation = await person(registered)
    phone = await person(registered, secrets=await workstation.secrets())
    async with receiving() as here:
        us = here.bot.user_id
        await room_with(here.bot, workstation, ben)
        await here.desk.begin(workstation.user_id)
        for device in (workstation, phone):
            await reaches(device, us, "requested")
        await phone.verify_step(us, "accept")
        assert (await reaches(workstation, us, "cancelled"))["code"] == "m.accepted"
        ours = await here.to_compare()
        assert ours.device_id == phone.device_id
        await phone.verify_step(us, "confirm")
        await here.desk.confirm(ours.number, match=True, by="test")
        await reaches(phone, us, "done")
        assert await here.level(workstation) == "cross-signed-verified"


async def test_a_newer_request_takes_the_place_of_an_older_one(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving() as here:
        older = await compared(here, anna, ben)
        newer = await here.desk.begin(anna.user_id)
        states = {one.flow_id: one.state for one in here.desk.open}
        assert states == {older.flow_id: State.ENDED, newer.flow_id: State.ASKED}


async def test_after_a_restart_the_other_app_is_told(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving() as here:
        await compared(here, anna, ben)
    async with receiving() as again:
        await anna.verify_step(again.bot.user_id, "confirm")
        assert (await reaches(anna, again.bot.user_id, "cancelled"))["code"] == "m.unknown_transaction"
        assert again.desk.open == []


async def test_nobody_can_fill_the_memory(
    receiving: Any, anna: Person, stranger: Callable[..., Awaitable[Raw]]
) -> None:
    mallory = await stranger("mallory")
    async with receiving() as here:
        now = int(time.time() * 1000)
        for number in range(25):
            content = {"from_device": "X", "methods": ["m.sas.v1"], "timestamp": now, "transaction_id": f"t{number}"}
            await mallory.to_device(here.bot.user_id, "m.key.verification.request", content, here.session.device_id)
        await until(lambda: len(here.heard) == 25)
        await until(here.desk._notes.empty)
        assert len(here.desk.open) <= 10
        with pytest.raises(TooMany):
            await here.desk.begin(mallory.user_id)
        await room_with(here.bot, anna)
        await here.desk.begin(anna.user_id)


MALFORMED: list[Any] = [
    {},
    {"transaction_id": 3},
    {"transaction_id": "t", "timestamp": 10**400, "from_device": ["x"]},
    {"transaction_id": "t", "timestamp": "now"},
    {"transaction_id": "", "methods": {}},
    {"transaction_id": "x" * 1000},
    {"transaction_id": "t", "mac": [], "keys": {}, "key": None},
]


async def test_nothing_malformed_stops_anything(
    receiving: Any, anna: Person, ben: Person, stranger: Callable[..., Awaitable[Raw]]
) -> None:
    mallory = await stranger("mallory")
    async with receiving() as here:
        ours = await compared(here, anna, ben)
        for kind in ("request", "ready", "start", "accept", "key", "mac", "done", "cancel", "nonsense"):
            for content in MALFORMED:
                await mallory.to_device(here.bot.user_id, f"m.key.verification.{kind}", content, here.session.device_id)
        await anna.verify_step(here.bot.user_id, "confirm")
        await here.desk.confirm(ours.number, match=True, by="test")
        await reaches(anna, here.bot.user_id, "done")


@pytest.mark.parametrize("timestamp", [-601, 301])
async def test_an_old_or_future_request_is_not_answered(
    receiving: Any, stranger: Callable[..., Awaitable[Raw]], timestamp: int
) -> None:
    mallory = await stranger("mallory")
    async with receiving() as here:
        at = int((time.time() + timestamp) * 1000)
        content = {"from_device": "X", "methods": ["m.sas.v1"], "timestamp": at, "transaction_id": "t"}
        await mallory.to_device(here.bot.user_id, "m.key.verification.request", content, here.session.device_id)
        await until(lambda: here.heard)
        await until(here.desk._notes.empty)
        assert here.desk.open == []


async def test_two_bots_verify_each_other_encrypted_throughout(
    receiving: Any, bot: Bot, account: Callable[..., Any], tmp_path: Path, homeserver: Homeserver
) -> None:
    """Both encrypt what they say in the room, as phones do; both may begin at once."""
    other = make_bot(homeserver.url, await account("other"), tmp_path / "other")
    async with receiving() as here, reception(other) as there:
        room = await here.session.create_room(there.bot.user_id, "Bots", marker="0" * 32, federate=False)
        await until_joined(here, room, there.bot.user_id)
        begun = await here.desk.begin(there.bot.user_id)
        assert begun.room_id == room
        ours, theirs = await here.to_compare(), await there.to_compare()
        assert ours.emoji == theirs.emoji
        assert all(note.encrypted for note in (*here.heard, *there.heard))
        await there.desk.confirm(theirs.number, match=True, by="test")
        await until(lambda: any(note.kind == "mac" for note in here.heard))
        await here.desk.confirm(ours.number, match=True, by="test")
        assert (await here.ended()).state is (await there.ended()).state is State.DONE
        for one, of in ((here, there), (there, here)):
            standing = await one.session.trust.standing(of.bot.user_id)
            assert [device.level.word for device in standing.good] == ["cross-signed-verified"]


async def until_joined(here: Reception, room: str, user_id: str) -> None:
    async with asyncio.timeout(30):
        while user_id not in (await here.session.facts(room)).joined:  # noqa: ASYNC110 - the server has no event for us
            await asyncio.sleep(0.1)


async def test_who_begins_encrypted_must_go_on_encrypted_and_on_the_same_device(
    receiving: Any, account: Callable[..., Any], tmp_path: Path, homeserver: Homeserver
) -> None:
    other = make_bot(homeserver.url, await account("other"), tmp_path / "other")
    async with receiving() as here, reception(other) as there:
        room = await here.session.create_room(there.bot.user_id, "Bots", marker="0" * 32, federate=False)
        await until_joined(here, room, there.bot.user_id)
        await here.desk.begin(there.bot.user_id)
        await here.to_compare()
        genuine = next(note for note in here.heard if note.kind == "key")
        forged = replace(genuine, kind="cancel", content={"code": "m.user"})
        other_device = Claim("another", "device", forwarded=False)
        forwarded = tuple(replace(claim, forwarded=True) for claim in genuine.claims)
        for changes in ({"encrypted": False, "claims": ()}, {"claims": (other_device,)}, {"claims": forwarded}):
            here.desk.hear(replace(forged, **changes))
        here.desk.hear(replace(forged, room_id="!elsewhere:x"))
        await until(here.desk._notes.empty)
        async with here.desk._turn:
            assert [one.state for one in here.desk.open] == [State.COMPARING]
        here.desk.hear(forged)
        assert (await here.ended()).code == "m.user"


async def test_when_somebody_else_comes_into_the_room_it_ends(receiving: Any, anna: Person, ben: Person) -> None:
    async with receiving() as here:
        room = await direct_room(here.bot, anna)
        await anna.verify(here.bot.user_id, room=room)
        await reaches(anna, here.bot.user_id, "ready")
        await anna.verify_step(here.bot.user_id, "start")
        ours = await here.to_compare()
        await anna.invite(room, ben.user_id)
        ended = await here.desk.confirm(ours.number, match=True, by="test")
        assert (ended.state, bool(ended.trouble)) == (State.ENDED, True)
        assert await here.level(anna) == "cross-signed-tofu"


FAULTS = [("signatures/upload", "done"), ("sendToDevice/m.key.verification.mac", "ended")]


@pytest.mark.parametrize(("path", "end"), FAULTS)
async def test_a_server_that_refuses_is_the_end_or_of_no_matter(  # noqa: PLR0917
    receiving: Any, bot: Bot, homeserver: Homeserver, anna: Person, ben: Person, path: str, end: str
) -> None:
    """What we believe does not hang on the server taking our signature."""
    async with Proxy.start(homeserver.url) as proxy:
        bot.account = replace(bot.account, homeserver=proxy.url)
        async with receiving() as here:
            ours = await compared(here, anna, ben)
            proxy.fail(path, faults.status(403, "M_FORBIDDEN"), times=9)
            await anna.verify_step(here.bot.user_id, "confirm")
            await here.desk.confirm(ours.number, match=True, by="test")
            assert (await here.ended()).state is (State.DONE if end == "done" else State.ENDED)
            verified = await here.level(anna) == "cross-signed-verified"
            assert verified == (end == "done")


async def test_a_ledger_that_is_away_ends_it_on_both_sides(receiving: Any, anna: Person, ben: Person) -> None:
    """Never one side verified and the other not."""
    async with receiving() as here:
        ours = await compared(here, anna, ben)

        async def away(*_: object, **__: object) -> None:
            raise TryLater("The ledger is away.", "L00")

        here.bot.pins.verified = away  # type: ignore[method-assign]
        await anna.verify_step(here.bot.user_id, "confirm")
        await here.desk.confirm(ours.number, match=True, by="test")
        ended = await here.ended()
        assert (ended.state, "ledger" in ended.trouble) == (State.ENDED, True)
        assert (await reaches(anna, here.bot.user_id, "cancelled"))["code"] == "m.user"
        assert not (await anna.identity(here.bot.user_id))["verified"]
