"""The bot on a real homeserver, with people who have strict clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bot.matrix.conftest import room_with, until

if TYPE_CHECKING:
    from tests.bot.matrix.conftest import Bot
    from tests.servers.people import People


async def test_a_strict_person_and_the_bot_read_each_other_without_a_shield(bot: Bot, person: People) -> None:
    anna = await person("anna")
    async with bot.running() as session:
        room = await room_with(bot, anna, person)
        await anna.send(room, "!help")
        await until(lambda: bot.inbox.bodies)
        sent = await session.send(room, {"msgtype": "m.notice", "body": "I can share studies."}, "txn-1")
        seen = await anna.wait(lambda event: event.event_id == sent)
    (message,) = bot.inbox.messages
    assert (message.body, message.why_not) == ("!help", "")
    assert message.clinician is not None
    assert (message.clinician.user_id, message.clinician.device_id) == (anna.user_id, anna.device_id)
    assert (seen.body, seen.trusted, seen.sender_device) == ("I can share studies.", True, session.device_id)
    assert message.session_id
    assert message.message_index == 0
