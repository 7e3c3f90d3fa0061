"""What an operator who verifies somebody may do wrong.

Mistake
|-- NothingToCompare    the number is of no verification that waits
`-- NobodyToVerify      the person has no identity to verify
NotAllowed
`-- NotWelcome          the policy does not know the person's server
TryLater
`-- TooMany             requests within ten minutes
"""

from __future__ import annotations

from config.errors import Mistake, NotAllowed, TryLater


class NothingToCompare(Mistake):
    """It never was, is over, or was confirmed already."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Verification {number} does not wait for anybody to compare emoji (any more).", "V01")


class NobodyToVerify(Mistake):
    """No device of theirs is vouched for by an identity."""

    def __init__(self, user_id: str) -> None:
        super().__init__(
            f"{user_id} has no device that can be verified. Check the name; or ask them to set up verification in "
            "their app first.",
            "V02",
        )


class NotWelcome(NotAllowed):
    """Verification is for those who may be present where studies are shared."""

    def __init__(self, user_id: str) -> None:
        super().__init__(
            f"{user_id} is not somebody whom the policy allows to be present. Allow their server in the policy file "
            "first (foreign_servers).",
            "V03",
        )


class TooMany(TryLater):
    """Nobody fills the bot's memory with requests."""

    def __init__(self) -> None:
        super().__init__("There were too many verifications within ten minutes. Try again later.", "V04")
