"""All that the bot ever says in clear text, where every server on the way can read it: fixed, and without content.

The gate lets nothing else pass. What a person or a study has to do with is said in encrypted messages only.
"""

from __future__ import annotations

from enum import StrEnum


class Farewell(StrEnum):
    """Why the bot leaves a room or turns an invitation down (`reason` of /leave)."""

    NOT_ENCRYPTED = "This room is not encrypted. Turn on encryption in the room's settings, then invite me again. [R01]"
    ANYBODY_JOINS = (
        "People can join this room without an invitation. "
        "Set its access to invited people only, then invite me again. [R02]"
    )
    OUTSIDERS_READ = (
        "People outside can read this room's history. "
        "Set it to members only in the room's settings, then invite me again. [R03]"
    )
    GUESTS = "Guests can join this room. Switch off guest access in the room's settings, then invite me again. [R07]"
    REPLACED = "This room was replaced by a newer one. Invite me there. [R08]"
    UNFIT = "This room's settings are not safe for studies. Look at them, then invite me again. [R00]"
    NOT_WELCOME = (
        "I follow only people whom my administrator has approved. "
        "Ask a colleague who works with me, or my administrator. [R09]"
    )


class Reaction(StrEnum):
    """What it may put under a message: signs of life, never an answer."""

    SEEN = "\N{EYES}"
    DONE = "\N{WHITE HEAVY CHECK MARK}"
    FAILED = "\N{CROSS MARK}"
    WAITING = "\N{HOURGLASS WITH FLOWING SAND}"


#: Why a device gets no room key, by code of m.room_key.withheld (Matrix, "Reporting that keys are withheld").
WITHHELD = {
    "m.unverified": "The bot sends keys only to devices that their owner has verified.",
    "m.blacklisted": "The bot's administrator has excluded this device.",
    "m.unauthorised": "This device may not read what the bot says in this room.",
    "m.unavailable": "The bot does not have this key.",
    "m.no_olm": "The bot could not reach this device with encryption.",
}
