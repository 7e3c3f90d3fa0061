"""What arrives at the registrar's side of one share: saved, measured, and how the client saw each event."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from delivery.bag import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.demo.people import Person
    from bot.demo.seen import SeenEvent

#: Seconds for one share, however large.
PATIENCE = 1800.0
#: The words in the message that ends a share well, and in the one that ends it otherwise.
SENT, STOPPED = "\nSent: ", " is stopped: "


@dataclass(slots=True)
class Receipt:
    """Everything that the bot said in a room since the receipt was made, in `result.json`'s form."""

    person: Person
    room: str
    bot: str
    #: The result's directory; attachments go to `out / place`.
    out: Path
    place: str = "."
    say: Callable[[str], None] = lambda _: None
    previews: list[dict[str, Any]] = field(default_factory=list)
    parcels: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    first_preview: float | None = None
    last_parcel: float | None = None

    async def collect(self, since: int) -> None:
        """Until the share is done or stopped. `since` is the number of events seen before the command."""
        began = time.monotonic()
        await asyncio.to_thread((self.out / self.place).mkdir, parents=True, exist_ok=True)
        seen: set[str] = set()
        while True:
            event = await self.person.wait(lambda one: self._is_news(one, seen), timeout=PATIENCE, since=since)
            seen.add(event.event_id)
            await self._take(event, round(time.monotonic() - began, 3))
            if (event.edits and SENT in event.body) or STOPPED in event.body:
                return

    def _is_news(self, event: SeenEvent, seen: set[str]) -> bool:
        ours = event.sender == self.bot and event.room == self.room and event.event_id not in seen
        return ours and (event.failure is not None or bool(event.msgtype))

    async def _take(self, event: SeenEvent, now: float) -> None:
        self.events.append(_seen(event))
        if event.msgtype == "m.image":
            self.first_preview = self.first_preview or now
            await self._picture(event)
        elif event.msgtype == "m.file":
            self.last_parcel = now
            await self._parcel(event)
        elif not event.edits:
            self.words.append(event.body)
            self.say(event.body)

    async def _picture(self, event: SeenEvent) -> None:
        saved = await self.person.download(event, self._path(event))
        info = event.content["info"]
        self.previews.append(
            {
                "file": str(saved.path.relative_to(self.out)),
                "width": info["w"],
                "height": info["h"],
                "bytes": saved.bytes,
                "sha256": saved.sha256,
                "caption": event.body,
            }
        )
        self.say(f"The registrar sees {saved.path.name}: {event.body.partition(chr(10))[0]}")

    async def _parcel(self, event: SeenEvent) -> None:
        saved = await self.person.download(event, self._path(event))
        report = await asyncio.to_thread(verify, saved.path)
        self.parcels.append(
            {
                "file": str(saved.path.relative_to(self.out)),
                "bytes": saved.bytes,
                "sha256": saved.sha256,
                "instances": report.instances,
                "verified": report.ok,
            }
        )
        self.say(f"The registrar downloads {saved.path.name}: {saved.bytes / 1e6:.1f} MB")

    def _path(self, event: SeenEvent) -> Path:
        return self.out / self.place / str(event.content["filename"])


def _seen(event: SeenEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "type": event.type,
        "msgtype": event.msgtype,
        "encrypted": event.encrypted,
        "readable": event.failure is None,
        "shield": event.shield.colour if event.shield else None,
        "shield_reason": event.shield.reason if event.shield else None,
        "body": event.body,
    }
