"""All that the bot ever says in clear text, where every server on the way can read it: fixed, and without content.

The gate lets nothing else pass. What a person or a study has to do with is said in encrypted messages only.
"""

from __future__ import annotations

from enum import Enum, StrEnum


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
        "I accept invitations only from people whom my administrator has approved. "
        "Ask a colleague who works with me, or my administrator. [R09]"
    )


class Reaction(StrEnum):
    """What it may put under a message: signs of life, never an answer."""

    SEEN = "\N{EYES}"
    DONE = "\N{WHITE HEAVY CHECK MARK}"
    FAILED = "\N{CROSS MARK}"
    WAITING = "\N{HOURGLASS WITH FLOWING SAND}"


class Cancel(Enum):
    """Why a verification ends early: the code of m.key.verification.cancel, and a sentence for the other person."""

    BY_US = ("m.user", "This verification was ended by the bot's administrator.")
    REPLACED = ("m.user", "A newer verification took the place of this one.")
    NOT_DIRECT = ("m.user", "Please verify me in a direct chat: one in which nobody is but you and me.")
    NO_IDENTITY = ("m.user", "Set up verification in your app first, then verify me.")
    TIMEOUT = ("m.timeout", "The verification took longer than ten minutes. Begin again.")
    NOT_KNOWN = ("m.unknown_transaction", "I do not know this verification. Begin again.")
    METHOD = ("m.unknown_method", "I can only compare emoji or numbers, in the way that apps have done since 2023.")
    UNEXPECTED = ("m.unexpected_message", "This message does not belong here. Begin again.")
    INVALID = ("m.invalid_message", "This message is not well-formed. Begin again.")
    WRONG_KEY = ("m.key_mismatch", "The keys are not those that your server states. Begin again.")
    WRONG_COMMITMENT = ("m.mismatched_commitment", "The key is not the one that was announced. Begin again.")
    WRONG_EMOJI = ("m.mismatched_sas", "What was compared did not match: somebody may stand between us.")
    ELSEWHERE = ("m.accepted", "This verification goes on on another of your devices.")

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
