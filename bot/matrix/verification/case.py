"""One verification at the desk, and how it looks to whoever compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.matrix.verification.flow import State

if TYPE_CHECKING:
    from bot.matrix.verification.channel import Channel
    from bot.matrix.verification.emoji import Emoji
    from bot.matrix.verification.flow import Flow
    from bot.matrix.verification.keys import Stated


@dataclass(frozen=True, slots=True)
class Verification:
    """For the operator's eyes only: the emoji must not be seen where they are compared with."""

    number: int
    #: Unlike the number, never used again.
    flow_id: str
    user_id: str
    #: As the person calls themselves, and as they call the device; shown escaped.
    display_name: str
    device_id: str
    device_name: str
    #: "" when it goes from device to device.
    room_id: str
    we_asked: bool
    state: State
    #: Whether it waits for our human.
    to_compare: bool
    emoji: tuple[Emoji, ...]
    decimals: tuple[int, ...]
    #: Why it ended without success: the spec's code, and whether we said so. "" as long as it did not.
    code: str = ""
    by_us: bool = False
    #: What went wrong on our side, in a sentence.
    trouble: str = ""


@dataclass
class Case:
    """One verification, from its request until it can no longer be repeated."""

    number: int
    user_id: str
    flow: Flow
    channel: Channel
    room_id: str
    we_asked: bool
    display_name: str = ""
    device: Stated | None = None
    #: The other app encrypts what it says in the room: from then on it must.
    encrypted: bool = False
    #: Who confirmed, in words for the audit trail.
    by: str = ""
    trouble: str = ""
    #: As the operator was told last.
    told: Verification | None = None

    def meet(self, device: Stated, *, encrypted: bool) -> None:
        """It is with this device."""
        self.device, self.encrypted = device, encrypted
        self.flow.meet(device.party)

    @property
    def view(self) -> Verification:
        """As it is now."""
        flow, device = self.flow, self.device
        comparing = flow.state is State.COMPARING
        shown = flow.shown if comparing else None
        return Verification(
            number=self.number,
            flow_id=flow.flow_id,
            user_id=self.user_id,
            display_name=self.display_name,
            device_id=device.party.device_id if device else "",
            device_name=device.display_name if device else "",
            room_id=self.room_id,
            we_asked=self.we_asked,
            state=flow.state,
            to_compare=comparing and not flow.confirmed,
            emoji=shown.emoji if shown else (),
            decimals=shown.decimals if shown else (),
            code=flow.ending.code if flow.ending else "",
            by_us=flow.ending.by_us if flow.ending else False,
            trouble=self.trouble,
        )
