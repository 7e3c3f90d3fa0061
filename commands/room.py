"""`!room new <name>`: make a room that is fit for studies, with the person who asks in charge of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from access.policy import Action
from access.room_names import acceptable
from commands.kit.context import Context, Outcome
from commands.kit.registry import NO_WORDS, TypingMistake, Words, command
from commands.kit.reply import Reply
from config.errors import Mistake
from ledger import new_rooms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.database import Transaction

#: Rooms for one person in a day: more are a mistake, or mischief.
DAILY, DAY = 20, 86_400

EXPLAINED = """A room is safe for studies when
- it is encrypted (this cannot be switched off again),
- people come in by invitation only,
- its history is for its members only,
- guests stay out,
- everybody in it is from an approved organisation and has verified their devices.
I make one for you: type !room new and what the room is for, like: !room new Ankle clinic
A room's name is not encrypted: never a patient's name or number."""

NOT_THAT_NAME = (
    "Not made: a room's name is not encrypted, so it must not hold a patient's name or number. "
    "Choose what the room is for, without long numbers and in at most 60 characters, like: Ankle clinic [T07]"
)


@command("room", action=Action.ROOM, examples=("!room", "!room new Ankle clinic"))
async def room(
    context: Context,
    new: Annotated[str, 'the word "new" to have a room made; nothing for what makes a room safe'] = "",
    name: Annotated[Words, "what the room is for; not encrypted, so never a patient's name or number"] = NO_WORDS,
) -> Outcome:
    """Make a room that is safe for sharing."""
    if not new:
        return Outcome((Reply("explained", EXPLAINED, strict=False),))
    if new.lower() != "new" or not name:
        raise TypingMistake("Tell me what the room is for. Type: !room new <name>", "T01")
    if not acceptable(name):
        return Outcome((Reply("mistake", NOT_THAT_NAME, strict=False),))
    who = context.clinician
    if await new_rooms.asked_since(context.ledger, who.user_id, context.now - DAY) >= DAILY:
        raise Mistake(f"I make at most {DAILY} rooms a day for one person. Ask again tomorrow.", "T08")
    wish = new_rooms.WantedRoom(context.event_id, context.room.room_id, who.user_id, who.device_id, name)

    async def effect(tx: Transaction) -> Sequence[Reply]:
        await new_rooms.want(tx, wish)
        return ()

    return Outcome(effects=(effect,))


def made(name: str) -> str:
    """The answer when it stands."""
    return (
        f'I made the room "{name}" and invited you: accept the invitation in your app. '
        "Then invite your colleagues there. It is encrypted, and closed to everybody else."
    )


def not_made() -> str:
    """The answer when the server refuses."""
    return (
        "The room was not made: the chat server does not let me. Ask your administrator, or make it in your app: "
        "encrypted, and for invited people only. Then invite me. [M06]"
    )
