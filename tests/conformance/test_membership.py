"""Who can read what the bot says, and what it hears, as people come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.conftest import awake, cannot_read, come, heard, knows, reads, room_of, say
from tests.servers.people import new_account

if TYPE_CHECKING:
    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from tests.bot.matrix.conftest import Bot
    from tests.servers.people import People


async def test_both_sides_read_one_another_in_an_encrypted_room(bot: Bot, anna: Person) -> None:
    """Membership ACLs: two people in an encrypted room send, receive and decrypt everything."""
    async with awake(bot) as session:
        room = await room_of(anna, bot)
        for number in range(3):
            await anna.send(room, f"question {number}")
            await heard(bot, *(f"question {one}" for one in range(number + 1)))
            await reads(anna, await say(session, room, f"answer {number}"))


async def test_somebody_invited_gets_no_key_before_they_join(bot: Bot, anna: Person, ben: Person) -> None:
    """Membership ACLs, turned round: what is said between invitation and joining. This bot shares with members only."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, history="invited")
        await anna.invite(room, ben.user_id)
        while_invited = await say(session, room, "while invited")
        await reads(anna, while_invited)
        await ben.join(room)
        await reads(ben, await say(session, room, "after joining"))
        await cannot_read(ben, room, while_invited)


async def test_a_newcomer_reads_from_their_joining_on_and_nothing_before(bot: Bot, anna: Person, ben: Person) -> None:
    """Membership ACLs: with shared history a newcomer sees earlier events and cannot decrypt them."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, history="shared")
        before = await say(session, room, "before")
        await reads(anna, before)
        await come(ben, room, anna)
        await reads(ben, await say(session, room, "after"))
        await cannot_read(ben, room, before)


async def test_who_comes_back_cannot_read_what_was_said_meanwhile(bot: Bot, anna: Person, ben: Person) -> None:
    """Membership ACLs: left, then joined again; the messages in between stay closed."""
    async with awake(bot) as session:
        room = await room_of(anna, bot, ben, history="shared")
        await reads(ben, await say(session, room, "while here"))
        await ben.leave(room)
        meanwhile = await say(session, room, "while away")
        await reads(anna, meanwhile)
        await come(ben, room, anna)
        await reads(ben, await say(session, room, "here again"))
        await cannot_read(ben, room, meanwhile)


async def test_the_bot_itself_hears_nothing_of_the_time_when_it_was_not_in_the_room(bot: Bot, anna: Person) -> None:
    """Membership ACLs: the same for the bot, which is put out and invited again."""
    async with awake(bot):
        room = await room_of(anna, bot, history="shared")
        await anna.send(room, "while here")
        await heard(bot, "while here")
        await anna.kick(room, bot.user_id)
        await anna.send(room, "!share study while away")
        since = len(anna.events)
        await anna.invite(room, bot.user_id)
        await anna.wait(lambda event: event.state_key == bot.user_id and event.content["membership"] == "join",
                        since=since)  # fmt: skip
        await anna.send(room, "here again")
        await heard(bot, "while here", "here again")


async def test_a_new_device_reads_what_is_said_while_it_is_there(
    bot: Bot, homeserver: Homeserver, anna: Person, person: People
) -> None:
    """Membership ACLs: a new device cannot read older messages, nor, signed out and in again, those of the gap."""
    account = await new_account(homeserver, "clara")
    async with awake(bot) as session:
        phone = await person(account)
        secrets = await phone.secrets()
        room = await room_of(anna, bot, phone, history="shared")
        first = await say(session, room, "first")
        await reads(phone, first)
        desk = await person(account, secrets=secrets)
        await knows(session, desk)
        await reads(desk, await say(session, room, "second"))
        await cannot_read(desk, room, first)
        await desk.sign_out()
        gap = await say(session, room, "while signed out")
        again = await person(account, secrets=secrets)
        await knows(session, again)
        await reads(again, await say(session, room, "third"))
        await cannot_read(again, room, gap)


async def test_a_device_that_changed_between_invitation_and_joining_reads_what_comes(
    bot: Bot, homeserver: Homeserver, anna: Person, person: People
) -> None:
    """Membership ACLs: the invited person changes their device, then joins."""
    account = await new_account(homeserver, "clara")
    async with awake(bot) as session:
        old = await person(account)
        room = await room_of(anna, bot)
        await anna.invite(room, old.user_id)
        await reads(anna, await say(session, room, "while invited"))
        new = await person(account, secrets=await old.secrets())
        await old.sign_out()
        await new.join(room)
        await knows(session, new)
        await reads(new, await say(session, room, "after joining"))
