"""Room keys: to the good devices of joined members, to nobody else, and proved to be delivered before we speak."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog
from nio.crypto import TrustState

from bot.matrix import withheld
from bot.matrix.chain import Device, table
from bot.matrix.errors import KeyNotDelivered
from bot.matrix.guard import client_path
from bot.matrix.olm import MEGOLM, olm_device
from bot.matrix.rotation import USUAL
from bot.matrix.shapes import OPAQUE
from bot.matrix.signatures import signed_by
from config.errors import CarrierbagError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from access.rooms import Rotation, UnverifiedDevice
    from bot.matrix.guard import GuardedClient
    from bot.matrix.trust import Trust

log = structlog.get_logger()

#: Devices in one request: keeps it small enough for every homeserver.
AT_ONCE = 50
#: Milliseconds that the homeserver may take to fetch one-time keys from other servers.
CLAIM_TIMEOUT = 10_000
#: Seconds after which we begin anew once more with a device whose Olm messages we cannot read.
AGAIN_AFTER = 3600.0

Messages = dict[str, dict[str, Any]]


class RoomKeys:
    """The outbound group session of each room, and which devices hold its key."""

    def __init__(self, client: GuardedClient) -> None:
        self._client = client
        self._olm = client.olm
        self._holders: dict[str, set[Device]] = {}
        self._told: dict[str, set[tuple[str, str]]] = {}
        self._told_no_olm: set[Device] = set()
        self._begun_anew: dict[Device, float] = {}

    async def share(
        self,
        room_id: str,
        wanted: Sequence[Device],
        excluded: Sequence[UnverifiedDevice],
        *,
        strict: bool,
        rotation: Rotation = USUAL,
    ) -> None:
        """Make sure that exactly the wanted devices can read what is encrypted for this room from now on.

        With `strict`, raises `KeyNotDelivered` naming the first device that could not be given the key; without, such
        a device goes without. Raises `ServerAway` when the homeserver does not take the keys.
        """
        session = self._session(room_id, wanted, rotation)
        holders = self._holders[room_id]
        await self._deliver(room_id, session, [device for device in wanted if device not in holders])
        left_out = [device for device in wanted if device not in holders]
        await self._tell_unreachable(left_out)
        if left_out and strict:
            raise KeyNotDelivered(left_out[0].user_id, left_out[0].display_name or left_out[0].device_id)
        await self._tell_excluded(room_id, session, excluded)
        session.shared = True

    def encrypt(self, room_id: str, event_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content of an m.room.encrypted event. Its relation stays readable, as the spec demands.

        Not by nio: it would begin another session when this one's time runs out in between.
        """
        session = self._olm.outbound_group_sessions[room_id]
        payload = json.dumps({"type": event_type, "content": dict(content), "room_id": room_id})
        ciphertext = session._session.encrypt(payload.encode()).to_base64()  # noqa: SLF001
        session.message_count += 1
        encrypted = {
            "algorithm": MEGOLM,
            "sender_key": self._olm.curve25519,
            "device_id": self._olm.device_id,
            "session_id": session.id,
            "ciphertext": ciphertext,
        }
        return encrypted | ({"m.relates_to": content["m.relates_to"]} if "m.relates_to" in content else {})

    async def open_channels(self, devices: Iterable[Device]) -> list[Device]:
        """Begin an Olm session with each device that offers a genuine one-time key; returns those."""
        claims: dict[str, dict[str, str]] = {}
        asked = {(device.user_id, device.device_id): device for device in devices}
        for user_id, device_id in asked:
            claims.setdefault(user_id, {})[device_id] = "signed_curve25519"
        body = {"one_time_keys": claims, "timeout": CLAIM_TIMEOUT}
        answer = await self._client.call("POST", client_path("keys", "claim"), body)
        offers = table(table(answer).get("one_time_keys"))
        with self._olm.transaction():
            return [
                device
                for (user_id, device_id), device in asked.items()
                if self._begin(device, table(offers.get(user_id)).get(device_id))
            ]

    async def unwedge(self, trust: Trust) -> None:
        """Begin anew with devices whose Olm messages we could not read, so that their next key reaches us.

        Only with devices of people we have met and whom we believe, and with each at most once an hour (Matrix spec,
        "Recovering from undecryptable messages").
        """
        unreadable, now = set(self._olm.unreadable), time.monotonic()
        standings = await trust.standings(await trust.met({user_id for user_id, _ in unreadable}))
        believed = [one for standing in standings.values() for one in standing.good]
        senders = [one for one in believed if (one.user_id, one.curve25519) in unreadable]
        wedged = [one for one in senders if self._begun_anew.get(one, now - AGAIN_AFTER) <= now - AGAIN_AFTER]
        if wedged:
            begun = await self.open_channels(wedged)
            await self._to_devices("m.room.encrypted", self._sealed(begun, "m.dummy", {}))
            self._begun_anew |= dict.fromkeys(begun, now)
        self._olm.unreadable -= unreadable

    def _session(self, room_id: str, wanted: Sequence[Device], rotation: Rotation) -> Any:
        """The room's session; a new one when it has served its time or somebody who holds it may read no more."""
        session = self._olm.outbound_group_sessions.get(room_id)
        holders = self._holders.get(room_id, set())
        if session is None or _served(session, rotation) or holders - set(wanted):
            self._olm.create_outbound_group_session(room_id)
            self._holders[room_id] = set()
            self._told[room_id] = set()
        return self._olm.outbound_group_sessions[room_id]

    async def _deliver(self, room_id: str, session: Any, devices: Sequence[Device]) -> None:
        strangers = [device for device in devices if not self._olm.session_store.get(device.curve25519)]
        if strangers:
            await self.open_channels(strangers)
        reachable = [device for device in devices if self._olm.session_store.get(device.curve25519)]
        content = {
            "algorithm": MEGOLM,
            "room_id": room_id,
            "session_id": session.id,
            "session_key": session.session_key,
        }
        for start in range(0, len(reachable), AT_ONCE):
            some = reachable[start : start + AT_ONCE]
            await self._to_devices("m.room.encrypted", self._sealed(some, "m.room_key", content))
            self._holders[room_id].update(some)

    def _sealed(self, devices: Iterable[Device], event_type: str, content: Mapping[str, Any]) -> Messages:
        messages: Messages = {}
        with self._olm.transaction():
            for device in devices:
                recipient = olm_device(device, TrustState.verified)
                channel = self._olm.session_store.get(device.curve25519)
                sealed = self._olm._olm_encrypt(channel, recipient, event_type, content)  # noqa: SLF001 - no other way
                messages.setdefault(device.user_id, {})[device.device_id] = sealed
        return messages

    def _begin(self, device: Device, offered: Any) -> bool:
        try:
            (key,) = offered.values()
            genuine = signed_by(key, device.user_id, device.device_id, device.ed25519)
            if genuine:
                self._olm.create_session(key["key"], device.curve25519)
        except Exception as error:  # noqa: BLE001 - a stranger's key may break anything below; it gets no session
            log.warning("no_olm_session", device_id=device.device_id, error=type(error).__name__)
            return False
        return genuine

    async def _tell_excluded(self, room_id: str, session: Any, excluded: Sequence[UnverifiedDevice]) -> None:
        """Say to each excluded device, once per session, why it cannot read."""
        told, us = self._told[room_id], self._olm.curve25519
        new = {(one.user_id, one.device_id): one for one in excluded if (one.user_id, one.device_id) not in told}
        contents = {to: withheld.unverified(one, room_id, session.id, us) for to, one in new.items()}
        if await self._tell(contents):
            told.update(new)

    async def _tell_unreachable(self, devices: Sequence[Device]) -> None:
        """Say to each device without an Olm session, once until there was one, to begin one itself."""
        self._told_no_olm -= {one for one in self._told_no_olm if self._olm.session_store.get(one.curve25519)}
        new = set(devices) - self._told_no_olm
        contents = {(one.user_id, one.device_id): withheld.no_olm(self._olm.curve25519) for one in new}
        if await self._tell(contents):
            self._told_no_olm |= new

    async def _tell(self, contents: Mapping[tuple[str, str], Mapping[str, Any]]) -> bool:
        """Whether they could be told. A courtesy: what matters is that they get no key."""
        messages: Messages = {}
        for (user_id, device_id), content in contents.items():
            if OPAQUE(device_id):  # else it has no address
                messages.setdefault(user_id, {})[device_id] = content
        try:
            if messages:
                await self._to_devices(withheld.EVENT, messages)
        except CarrierbagError as error:
            log.warning("excluded_devices_not_told", code=error.code)
            return False
        return True

    async def _to_devices(self, event_type: str, messages: Messages) -> None:
        target = client_path("sendToDevice", event_type, uuid4().hex)
        await self._client.call("PUT", target, {"messages": messages})


def _served(session: Any, rotation: Rotation) -> bool:
    """Whether the session has served its time. nio's own limits are never longer than the room's."""
    session.max_age, session.max_messages = timedelta(seconds=rotation.seconds), rotation.messages
    return bool(session.expired)
