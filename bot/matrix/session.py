"""One signed-in, cross-signed device of the bot, and what can be said through it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Self

import structlog

from access import reasons
from bot.matrix import devicekeys, identity, making, rooms
from bot.matrix.chain import table
from bot.matrix.errors import DevicesUnknown, ForeignIdentity, NotPermitted, NotSent, ServerAway
from bot.matrix.guard import client_path
from bot.matrix.login import DIRECTORY, Account, forget, sign_in
from bot.matrix.media import Media
from bot.matrix.sharing import RoomKeys
from bot.matrix.trust import Pins, Trust
from bot.matrix.wire import said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from access.rooms import RoomFacts
    from bot.matrix.chain import Device, Standing
    from bot.matrix.cleartext import Farewell
    from bot.matrix.guard import GuardedClient
    from bot.matrix.patience import Patience
    from config.settings import TrustSettings
    from config.state import StateDirectory

    Allow = Callable[[RoomFacts], Awaitable[None]]

__all__ = ["Account", "MatrixSession", "Pins"]

log = structlog.get_logger()

#: Milliseconds after which "is typing" goes away by itself.
TYPING = 20_000
#: Seconds for which a look at a room holds until something is said in it: the server may make us wait in between. So
#: often it is looked at before the server counts as away.
FRESH, LOOKS = 30.0, 3
#: Seconds for one attempt to join.
JOINS_WITHIN = 180.0


class MatrixSession:
    """Open with `await MatrixSession.open(...)`, close with `await session.close()`, or use `async with`.

    `on_wait` of its client hears the seconds of each wait that the homeserver imposes (429).
    """

    def __init__(
        self, client: GuardedClient, pins: Pins, ours: identity.Identity, trust: TrustSettings | None = None
    ) -> None:
        self.client = client
        self.user_id: str = client.user_id
        self.device_id: str = client.device_id
        self.identity = ours
        self.trust = Trust(client, pins, trust)
        self.media = Media(client)
        self.room_keys = RoomKeys(client)
        self._speaking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    async def open(
        cls, account: Account, state: StateDirectory, pins: Pins, trust: TrustSettings | None = None
    ) -> Self:
        """Sign in, and make sure that our device's keys are on the server and vouched for by our identity.

        The caller holds `state.locked()`. Raises the fatal errors of bot/matrix/errors.py, or `ServerAway`.
        """
        client = await sign_in(account, state)
        try:
            ours = await _appear(client, account, state)
        except BaseException:
            await client.close()
            raise
        return cls(client, pins, ours, trust)

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
        allow: Allow | None = None,
        to_unproven: bool = False,
        patience: Patience | None = None,
    ) -> str:
        """Say something and return its event id. The same `txn_id` again is the same event (for 24 h in Synapse).

        Nothing is ever said in clear text: `NotSent` in a room that was never encrypted. `allow` is asked about the
        room as it is, and what it raises stops the message; the keys go to the members that it saw, and to no others.
        With `strict`, nothing is said (`NotSent`) when a member has a device that their pinned identity does not vouch
        for; `DevicesUnknown` or `KeyNotDelivered` when a member could not read it. Without (for refusals and help,
        never for patient data), those devices get no key and the message goes out. `to_unproven` gives it to them all
        the same: only for verifications, which is how a device comes to be proven. Whatever is said next has a new key.
        `patience` is for the message itself: `RateLimited` when the server makes us wait for longer.
        """
        async with self._speaking[room_id]:
            for _ in range(LOOKS):
                began = time.monotonic()
                await self._give_keys(room_id, strict=strict, allow=allow, to_unproven=to_unproven)
                if time.monotonic() - began < FRESH:
                    break
            else:
                raise ServerAway
            encrypted = self.room_keys.encrypt(room_id, event_type, content)
            return await self._put(room_id, "m.room.encrypted", txn_id, encrypted, patience)

    async def _give_keys(self, room_id: str, *, strict: bool, allow: Allow | None, to_unproven: bool) -> None:
        """Look at the room, ask whether anything may be said in it, and give its people the key."""
        facts, standings = await self._look(room_id)
        if allow is not None:
            await allow(facts)
        _refuse(facts, standings, strict=strict)
        good, excluded = _good(standings.values()), facts.unverified_devices
        if to_unproven:
            good, excluded = [device for standing in standings.values() for device in standing.devices], ()
        await self.room_keys.share(room_id, good, excluded, strict=strict, rotation=facts.rotation)

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        """Put a reaction under an event: clear text (the spec has no other), so never more than a sign of life."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await self._put(room_id, "m.reaction", f"{event_id}\0{key}", {"m.relates_to": relation})

    async def typing(self, room_id: str, *, on: bool) -> None:
        """Show or hide "is typing"."""
        body = {"typing": on, "timeout": TYPING} if on else {"typing": False}
        await self.client.call("PUT", client_path("rooms", room_id, "typing", self.user_id), body)

    async def join(self, room_id: str) -> None:
        """Accept an invitation. Raises `NotPermitted`. Over federation it takes minutes at times."""
        await self.client.call("POST", client_path("rooms", room_id, "join"), {}, seconds=JOINS_WITHIN)

    async def membership_event(self, room_id: str) -> str:
        """The event that says we are in the room: another one each time we come. "" when the server does not tell."""
        where = client_path("rooms", room_id, "state", "m.room.member", self.user_id)
        event_id = table(await self.client.call("GET", where, query={"format": "event"})).get("event_id")
        return event_id if isinstance(event_id, str) else ""

    async def create_room(self, owner: str, name: str, *, marker: str, federate: bool) -> str:
        """Make an encrypted room by invitation only, with its owner invited; its id. See bot/matrix/making.py."""
        return await making.create(self.client, owner, name, marker=marker, federate=federate)

    async def created_room(self, marker: str) -> str | None:
        """The room that an earlier `create_room` with this marker made, if it made one."""
        return await making.find(self.client, marker)

    async def leave(self, room_id: str, *, reason: Farewell | None = None) -> None:
        """Leave a room, or turn an invitation down. The reason is clear text, so it is one of a fixed few."""
        body = {"reason": reason.value} if reason else {}
        await self.client.call("POST", client_path("rooms", room_id, "leave"), body)

    async def rooms_with(self, user_id: str) -> list[str]:
        """The encrypted rooms that we share with somebody."""
        joined = table(await self.client.call("GET", client_path("joined_rooms"))).get("joined_rooms")
        found = []
        for room_id in joined if isinstance(joined, list) else []:
            with contextlib.suppress(NotPermitted):  # we were put out in this moment
                facts = await rooms.room_facts(self.client, room_id)
                found += [room_id] if user_id in facts.joined and facts.confidential else []
        return found

    async def strange_devices(self) -> list[str]:
        """Devices on our own account that are not this one. Raises `ServerAway`."""
        standing = await self.trust.standing(self.user_id)
        every = {one.device_id for one in standing.devices} | {one.device_id for one in standing.excluded}
        return sorted(every - {self.device_id})

    async def display_name(self, user_id: str) -> str:
        """Somebody's name as their server tells it, "" when they have none."""
        name = table(await self.client.call("GET", client_path("profile", user_id))).get("displayname")
        return name if isinstance(name, str) else ""

    async def _look(self, room_id: str) -> tuple[RoomFacts, dict[str, Standing]]:
        facts = await rooms.room_facts(self.client, room_id)
        self._remember(facts)
        standings = await self.trust.standings(facts.joined)
        standings.pop(self.user_id, None)  # other devices on our own account get no key
        return rooms.with_devices(facts, standings), standings

    def _remember(self, facts: RoomFacts) -> None:
        """A server that takes encryption away from a room does not make us speak in the clear there."""
        if facts.encrypted and facts.room_id not in self.client.encrypted_rooms:
            self.client.encrypted_rooms.add(facts.room_id)
            self.client.olm.remember_encrypted(facts.room_id)
        elif facts.downgraded:
            log.warning("room_lost_its_encryption", room_id=facts.room_id)

    async def _put(
        self,
        room_id: str,
        event_type: str,
        txn_id: str,
        content: Mapping[str, Any],
        patience: Patience | None = None,
    ) -> str:
        said_once = hashlib.sha256(txn_id.encode()).hexdigest()  # the server reads it: it must say nothing
        target = client_path("rooms", room_id, "send", event_type, said_once)
        answer = await self.client.call("PUT", target, content, patience=patience)
        return said(answer, "event_id")


async def _appear(client: GuardedClient, account: Account, state: StateDirectory) -> identity.Identity:
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
    return await identity.establish(client, path, state.cipher(), published, account.password)


def _refuse(facts: RoomFacts, standings: Mapping[str, Standing], *, strict: bool) -> None:
    """What holds whatever the caller allows."""
    if not strict and facts.confidential:
        return
    against = [*reasons.encryption(facts), *reasons.devices(facts)]
    if against:
        raise NotSent(against)
    unknown = next((user for user, standing in standings.items() if not standing.known), None)
    if unknown:
        raise DevicesUnknown(unknown)


def _good(standings: Iterable[Standing]) -> list[Device]:
    return [device for standing in standings for device in standing.good]
