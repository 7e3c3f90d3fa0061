"""The two ways in which messages of a verification travel: in a room of two, or from device to device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bot.matrix.errors import NotPermitted
from bot.matrix.guard import client_path
from bot.matrix.verification.note import PREFIX, REFERENCE

if TYPE_CHECKING:
    from access.rooms import RoomFacts
    from bot.matrix.guard import GuardedClient
    from bot.matrix.session import MatrixSession
    from bot.matrix.verification.flow import Step


class Channel(Protocol):
    """Says one message, once however often it is asked to. Raises the errors of the session."""

    async def say(self, step: Step) -> None:
        """Send it to the other side."""


@dataclass(frozen=True, slots=True)
class InRoom:
    """Encrypted events in a room. In a direct one they reach every device of the person, and nobody else."""

    session: MatrixSession
    room_id: str
    user_id: str
    flow_id: str
    #: False only to say that this is not the place.
    direct: bool = True

    async def say(self, step: Step) -> None:
        """Raises `NotPermitted` when somebody else has come into a direct room."""
        await self.session.send(
            self.room_id,
            step.content,
            f"{self.flow_id}\0{step.kind}",
            event_type=f"{PREFIX}{step.kind}",
            strict=False,
            allow=self._still_direct if self.direct else None,
            to_unproven=self.direct,
        )

    async def _still_direct(self, facts: RoomFacts) -> None:
        if not is_direct(facts, self.user_id):
            raise NotPermitted


@dataclass(frozen=True, slots=True)
class ToDevices:
    """To-device messages: clear text, so nothing but keys, hashes and fixed sentences."""

    client: GuardedClient
    user_id: str
    devices: tuple[str, ...]
    flow_id: str

    async def say(self, step: Step) -> None:
        """To each of the devices ("*" for all of them)."""
        content = step.content
        once = hashlib.sha256("\0".join([self.flow_id, step.kind, self.user_id, *self.devices]).encode()).hexdigest()
        messages = {self.user_id: dict.fromkeys(self.devices, content)}
        await self.client.call("PUT", client_path("sendToDevice", f"{PREFIX}{step.kind}", once), {"messages": messages})


def is_direct(facts: RoomFacts, user_id: str) -> bool:
    """Whether nobody is, or may come, here but this person and we."""
    return facts.confidential and facts.audience == {user_id} and user_id in facts.joined


def in_room(flow_id: str) -> dict[str, Any]:
    """What ties messages in a room to their request."""
    return {"m.relates_to": {"rel_type": REFERENCE, "event_id": flow_id}}


def to_device(flow_id: str) -> dict[str, Any]:
    """What ties to-device messages together."""
    return {"transaction_id": flow_id}
