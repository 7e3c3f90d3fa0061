"""One signed-in, cross-signed device of the bot, and what can be said through it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import structlog

from access import reasons
from bot.matrix import devicekeys, identity, rooms
from bot.matrix.chain import table
from bot.matrix.errors import DevicesUnknown, ForeignIdentity, NotSent
from bot.matrix.guard import client_path
from bot.matrix.login import DIRECTORY, Account, forget, sign_in
from bot.matrix.media import Media
from bot.matrix.sharing import RoomKeys
from bot.matrix.trust import Pins, Trust

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from access.rooms import RoomFacts
    from bot.matrix.chain import Device, Standing
    from bot.matrix.cleartext import Farewell
    from bot.matrix.guard import GuardedClient
    from config.state import StateDirectory

__all__ = ["Account", "MatrixSession", "Pins"]

log = structlog.get_logger()

#: Milliseconds after which "is typing" goes away by itself.
TYPING = 20_000


class MatrixSession:
    """Open with `await MatrixSession.open(...)`, close with `await session.close()`, or use `async with`.

    `on_wait` of its client hears the seconds of each wait that the homeserver imposes (429).
    """

    def __init__(self, client: GuardedClient, pins: Pins) -> None:
        self.client = client
        self.user_id: str = client.user_id
        self.device_id: str = client.device_id
        self.trust = Trust(client, pins)
        self.media = Media(client)
        self.room_keys = RoomKeys(client)
        self._speaking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    async def open(cls, account: Account, state: StateDirectory, pins: Pins) -> Self:
        """Sign in, and make sure that our device's keys are on the server and vouched for by our identity.

        The caller holds `state.locked()`. Raises the fatal errors of bot/matrix/errors.py, or `ServerAway`.
        """
        client = await sign_in(account, state)
        try:
            await _appear(client, account, state)
        except BaseException:
            await client.close()
            raise
        return cls(client, pins)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections."""
        await self.media.close()
        await self.client.close()

    async def facts(self, room_id: str) -> RoomFacts:
        """The room as it is now, with its members' excluded devices. Raises `NotPermitted`, `ServerAway`."""
        return (await self._look(room_id))[0]

    async def send(
        self,
        room_id: str,
        content: Mapping[str, Any],
        txn_id: str,
        *,
        event_type: str = "m.room.message",
        strict: bool = True,
    ) -> str:
        """Say something and return its event id. The same `txn_id` again is the same event (for 24 h in Synapse).

        With `strict`, nothing is said (`NotSent`) when the room is not encrypted or a member has a device that their
        pinned identity does not vouch for; `DevicesUnknown` or `KeyNotDelivered` when a member could not read it.
        Without (for refusals and help, never for patient data), those devices get no key and the message goes out.
        """
        async with self._speaking[room_id]:
            facts, standings = await self._look(room_id)
            if strict:
                _refuse(facts, standings)
            if facts.encrypted or room_id in self.client.encrypted_rooms:
                content = await self._encrypted(facts, standings, event_type, content, strict=strict)
                event_type = "m.room.encrypted"
            return await self._put(room_id, event_type, txn_id, content)

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        """Put a reaction under an event: clear text (the spec has no other), so never more than a sign of life."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        txn_id = hashlib.sha256(f"{event_id}\0{key}".encode()).hexdigest()
        return await self._put(room_id, "m.reaction", txn_id, {"m.relates_to": relation})

    async def typing(self, room_id: str, *, on: bool) -> None:
        """Show or hide "is typing"."""
        body = {"typing": on, "timeout": TYPING} if on else {"typing": False}
        await self.client.call("PUT", client_path("rooms", room_id, "typing", self.user_id), body)

    async def join(self, room_id: str) -> None:
        """Accept an invitation. Raises `NotPermitted`."""
        await self.client.call("POST", client_path("rooms", room_id, "join"), {})

    async def leave(self, room_id: str, *, reason: Farewell | None = None) -> None:
        """Leave a room, or turn an invitation down. The reason is clear text, so it is one of a fixed few."""
        body = {"reason": reason.value} if reason else {}
        await self.client.call("POST", client_path("rooms", room_id, "leave"), body)

    async def display_name(self, user_id: str) -> str:
        """Somebody's name as their server tells it, "" when they have none."""
        name = table(await self.client.call("GET", client_path("profile", user_id))).get("displayname")
        return name if isinstance(name, str) else ""

    async def _look(self, room_id: str) -> tuple[RoomFacts, dict[str, Standing]]:
        facts = await rooms.room_facts(self.client, room_id)
        self._remember(facts)
        standings = await self.trust.standings(facts.joined)
        ours = standings.pop(self.user_id, None)
        if ours and len(ours.excluded) + len(ours.good) > 1:
            log.warning("another_device_on_our_account")  # it gets no key
        excluded = tuple(one for standing in standings.values() for one in standing.excluded)
        return replace(facts, unverified_devices=excluded), standings

    def _remember(self, facts: RoomFacts) -> None:
        """A server that takes encryption away from a room does not make us speak in the clear there."""
        if facts.encrypted and facts.room_id not in self.client.encrypted_rooms:
            self.client.encrypted_rooms.add(facts.room_id)
            self.client.olm.remember_encrypted(facts.room_id)
        elif not facts.encrypted and facts.room_id in self.client.encrypted_rooms:
            log.warning("room_lost_its_encryption", room_id=facts.room_id)

    async def _encrypted(
        self,
        facts: RoomFacts,
        standings: Mapping[str, Standing],
        event_type: str,
        content: Mapping[str, Any],
        *,
        strict: bool,
    ) -> dict[str, Any]:
        await self.room_keys.share(facts.room_id, _good(standings.values()), facts.unverified_devices, strict=strict)
        return self.room_keys.encrypt(facts.room_id, event_type, content)

    async def _put(self, room_id: str, event_type: str, txn_id: str, content: Mapping[str, Any]) -> str:
        answer = await self.client.call("PUT", client_path("rooms", room_id, "send", event_type, txn_id), content)
        return str(answer["event_id"])


async def _appear(client: GuardedClient, account: Account, state: StateDirectory) -> None:
    """Our device on the server, and vouched for. Where it cannot be, a new device leaves before anybody sees it."""
    path = state.directory(DIRECTORY) / identity.FILE
    ours = identity.Identity.kept(client.user_id, path, state.cipher())
    published = await devicekeys.own_keys(client)
    try:
        identity.refuse_foreign(client.user_id, ours, published)
    except ForeignIdentity:
        if ours is None and devicekeys.stated(client, published) is None:
            await forget(client, account, state)
        raise
    published = await devicekeys.publish(client, published, ours.vouch if ours else None)
    await identity.establish(client, path, state.cipher(), published, account.password)


def _refuse(facts: RoomFacts, standings: Mapping[str, Standing]) -> None:
    against = [*reasons.encryption(facts), *reasons.devices(facts)]
    if against:
        raise NotSent(against)
    unknown = next((user for user, standing in standings.items() if not standing.known), None)
    if unknown:
        raise DevicesUnknown(unknown)


def _good(standings: Iterable[Standing]) -> list[Device]:
    return [device for standing in standings for device in standing.good]
