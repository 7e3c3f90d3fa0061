"""Every hospital runs its own bot: who may call it from elsewhere, and what two of them do in one room."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.servers.people import is_join

if TYPE_CHECKING:
    from bot.demo.people import Person
    from tests.federation.conftest import Trusts


async def test_a_bot_follows_an_invitation_from_elsewhere_only_if_the_inviter_is_on_the_list(trusts: Trusts) -> None:
    registrar, visitor = await trusts.b.person("registrar"), await trusts.b.person("visitor")
    foreign, bot = (trusts.b.homeserver.server_name,), trusts.a.bot
    async with trusts.a.running(foreign=foreign, people=("own", registrar.user_id)):
        followed = await registrar.create_room("Fracture clinic", [bot])
        refused = await visitor.create_room("Waiting room", [bot])
        await registrar.wait(lambda event: is_join(event, followed, bot), 60)
        await asyncio.sleep(2)
    assert not [event for event in visitor.events if is_join(event, refused, bot)]


async def test_two_bots_in_one_room_answer_people_and_never_one_another(trusts: Trusts) -> None:
    clinician = await trusts.a.person("clinician")
    a, b = trusts.a.homeserver.server_name, trusts.b.homeserver.server_name
    async with trusts.a.running(foreign=(b,)), trusts.b.running(foreign=(a,), people=("own", clinician.user_id)):
        ward = await trusts.ward(clinician)
        await clinician.invite(ward.room, trusts.b.bot)
        await clinician.wait(lambda event: is_join(event, ward.room, trusts.b.bot), 60)
        asked = [await clinician.send(ward.room, line) for line in ("!help", "!nonsense", "!status")]
        bots = (trusts.a.bot, trusts.b.bot)
        expected = sorted((bot, line) for bot in bots for line in ["", *asked])  # and each says hello
        await clinician.wait(lambda _: len(_answers(clinician, bots)) >= len(expected), 60)
        await asyncio.sleep(3)
    assert sorted(_answers(clinician, bots)) == expected


def _answers(person: Person, bots: tuple[str, ...]) -> list[tuple[str, str]]:
    """Which bot has said something in reply to which event, "" for none."""
    said = [event for event in person.events if event.sender in bots and event.msgtype]
    return [(event.sender, (event.relates_to or {}).get("m.in_reply_to", {}).get("event_id", "")) for event in said]
