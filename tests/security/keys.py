"""Attacks with keys: made-up devices, swapped identities, room keys under another's name.

Each function is one kind of attack in all its forms, on a running bot (`Target`). All events that it counts must not be
taken for commands.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import vodozemac

from bot.matrix.signatures import public
from tests.security.evil import Lies
from tests.security.impostor import Identity, Impostor, fingerprint, identity_key, vouched, with_key, with_signatures
from tests.security.target import SHARE, Target, event, speaking
from tests.servers.peer import Conversation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def made_up_devices(target: Target) -> None:
    """The server gives a clinician one more device, and that device speaks properly."""
    anna = target.anna.user_id
    genuine = (await honest_keys(target))["device_keys"][anna][target.anna.device_id]
    for what, form in DEVICES.items():
        impostor = await Impostor.of(target, anna)
        await under_lies(target, what, impostor, _put(anna, "EVIL", form(impostor, target, genuine)))


#: Each makes what the server says of a made-up device from it and from a genuine one.
DEVICES: dict[str, Callable[[Impostor, Target, dict[str, Any]], Any]] = {
    "signed by itself only": lambda one, _, __: one.device(),
    "signed by a made-up identity": lambda one, _, __: one.device(Identity.of(one.user_id).self_signing),
    "called verified": lambda one, _, __: one.device(unsigned={"verified": True, "device_display_name": "Anna's"}),
    "with another's signature": lambda one, _, real: with_signatures(one.device(), real["signatures"][one.user_id]),
    "without signatures": lambda one, _, __: one.device() | {"signatures": {}},
    "with signatures of another form": lambda one, _, real: one.device() | {"signatures": [real["signatures"]]},
    "signed by a colleague": lambda one, us, _: vouched(one.device(), us.ben.user_id, us.ben.self_signing),
    "vouched for by a colleague": lambda one, us, _: vouched(one.device(), one.user_id, us.ben.self_signing),
    "with the genuine fingerprint": lambda one, _, real: with_key(one.device(), "ed25519", fingerprint(real)),
    "with the genuine identity key": lambda one, _, real: with_key(one.device(), "curve25519", identity_key(real)),
    "with keys of another form": lambda one, _, __: one.device(keys={"ed25519:EVIL": [one.peer.ed25519]}),
    "no object": lambda one, _, __: [one.device()],
}


async def known_device_ids(target: Target) -> None:
    """The made-up device has an id that stands for something: a device's, or the signing key's."""
    anna = target.anna.user_id
    real = await honest_keys(target)
    genuine = real["device_keys"][anna][target.anna.device_id]
    (signing_key,) = real["self_signing_keys"][anna]["keys"].values()
    for device_id in (target.anna.device_id, signing_key):
        impostor = await Impostor.of(target, anna, device_id)
        device = impostor.device()
        await under_lies(target, "under a known id", impostor, _put(anna, device_id, device))
        impostor = await Impostor.of(target, anna, device_id)
        both = genuine | {"keys": impostor.device()["keys"]}
        await under_lies(target, "in a known device's place", impostor, _put(anna, device_id, both))


async def devices_of_others(target: Target) -> None:
    """Somebody's real device is put under a clinician's name."""
    anna, mallory = target.anna.user_id, target.mallory
    device = (await honest_keys(target))["device_keys"][mallory.user_id][mallory.raw.device_id]
    signatures = {anna: device["signatures"][mallory.user_id]}
    said = await speaking(mallory, target)
    for form in (device, device | {"user_id": anna}, device | {"user_id": anna, "signatures": signatures}):
        await lying(target, _put(anna, mallory.raw.device_id, form))
        await target.attempt("another's device", event(anna, said.seal(SHARE)))
        await honest(target)


async def changed_identities(target: Target) -> None:
    """The server swaps a clinician's cross-signing keys, and a device that those vouch for speaks."""
    anna = target.anna.user_id
    swap = Swap(anna, target.anna.device_id, target.mallory.user_id, await honest_keys(target), Identity.of(anna))
    for what in [name for name in vars(Swap) if name.startswith("to_")]:
        impostor = await Impostor.of(target, anna)
        signer = swap.fake.master if what == "to_a_master_that_signs_all" else swap.fake.self_signing

        def lie(keys: Any, what: str = what, impostor: Impostor = impostor, signer: Any = signer) -> None:
            getattr(swap, what)(keys)
            keys["device_keys"][anna]["EVIL"] = impostor.device(signer)

        await under_lies(target, what, impostor, lie)


@dataclass
class Swap:
    """What the server can say of a clinician's identity. `real` is what it should say."""

    user_id: str
    device_id: str
    colleague: str
    real: Any
    fake: Identity

    def to_another(self, keys: Any) -> None:
        self.fake.put(keys)

    def to_another_without_the_genuine_device(self, keys: Any) -> None:
        self.fake.put(keys)
        keys["device_keys"][self.user_id].pop(self.device_id)

    def to_another_signing_key(self, keys: Any) -> None:
        self.fake.put(keys, "self_signing")

    def to_an_unsigned_signing_key(self, keys: Any) -> None:
        keys["self_signing_keys"][self.user_id] = self.fake.stated("self_signing", self.fake.self_signing)

    def to_a_signing_key_with_the_genuine_signature(self, keys: Any) -> None:
        stated = self.fake.stated("self_signing", self.fake.self_signing)
        signatures = self.real["self_signing_keys"][self.user_id]["signatures"]
        keys["self_signing_keys"][self.user_id] = stated | {"signatures": signatures}

    def to_two_signing_keys(self, keys: Any) -> None:
        keys["self_signing_keys"][self.user_id]["keys"].update(self.fake.self_signing_key["keys"])

    def to_another_key_inside(self, keys: Any) -> None:
        keys["self_signing_keys"][self.user_id]["keys"] = self.fake.self_signing_key["keys"]

    def to_two_masters(self, keys: Any) -> None:
        keys["master_keys"][self.user_id]["keys"].update(self.fake.master_key["keys"])
        self.fake.put(keys, "self_signing")

    def to_no_master(self, keys: Any) -> None:
        self.fake.put(keys, "self_signing")
        keys["master_keys"].pop(self.user_id)

    def to_masters_of_another_form(self, keys: Any) -> None:
        self.fake.put(keys)
        keys["master_keys"] = list(keys["master_keys"].values())

    def to_a_master_that_signs_all(self, keys: Any) -> None:
        signing = self.fake.stated("self_signing", self.fake.master)
        keys["self_signing_keys"][self.user_id] = vouched(signing, self.user_id, self.fake.master)

    def to_a_key_for_another_use(self, keys: Any) -> None:
        self.fake.put(keys)
        keys["master_keys"][self.user_id] = self.fake.stated("user_signing", self.fake.master)

    def to_that_of_a_colleague(self, keys: Any) -> None:
        for part in ("master_keys", "self_signing_keys"):
            keys[part][self.user_id] = self.real[part][self.colleague]

    def to_that_of_a_colleague_by_another_name(self, keys: Any) -> None:
        for part in ("master_keys", "self_signing_keys"):
            keys[part][self.user_id] = copy.deepcopy(self.real[part][self.colleague]) | {"user_id": self.user_id}

    def to_one_named_like_the_genuine(self, keys: Any) -> None:
        self.fake.put(keys)
        (name,) = self.real["master_keys"][self.user_id]["keys"]
        keys["master_keys"][self.user_id]["keys"] = {name: public(self.fake.master)}


async def spoofed_room_keys(target: Target) -> None:
    """A room key whose bringer says that it is somebody else."""
    anna, mallory = target.anna.user_id, target.mallory
    genuine = (await honest_keys(target))["device_keys"][anna][target.anna.device_id]
    forms: list[tuple[str, dict[str, Any]]] = [
        (anna, {"sender": anna}),
        (mallory.user_id, {"sender": anna}),
        (anna, {}),
        (anna, {"sender": anna, "keys": {"ed25519": fingerprint(genuine)}}),
        (anna, {"sender": anna, "keys": {}}),
        (anna, {"sender": anna, "keys": None}),
        (anna, {"sender": anna, "recipient": anna}),
        (anna, {"sender": anna, "recipient": None}),
        (anna, {"sender": anna, "recipient_keys": {"ed25519": mallory.ed25519}}),
        (anna, {"sender": anna, "sender_device": target.anna.device_id}),
        (anna, {"sender": anna, "sender_device_keys": genuine}),
    ]
    claims = {"sender_key": identity_key(genuine), "device_id": target.anna.device_id}
    for sender, lies in forms:
        said = Conversation(mallory, target.room)
        channel = await mallory.open(target.user_id, target.device_id)
        told = _to_device(sender, channel.seal("m.room_key", said.room_key(), **lies))
        tries = [event(anna, said.seal(SHARE)), event(anna, said.seal(SHARE) | claims)]
        await target.attempt("room key of another", *tries, to_device=[told])
    said = Conversation(mallory, target.room)
    told = _to_device(anna, said.room_key()) | {"type": "m.room_key"}
    await target.attempt("room key in the clear", event(anna, said.seal(SHARE)), to_device=[told])


async def second_hand_keys(target: Target) -> None:
    """A room key that is passed on, with the word of whoever passes it on about whose it was."""
    anna = target.anna.user_id
    genuine = (await honest_keys(target))["device_keys"][anna][target.anna.device_id]
    for bringer, sender in ((target.mallory, anna), (target.ben, target.ben.user_id), (target.mallory, target.user_id)):
        said = Conversation(target.mallory, target.room)
        exported = vodozemac.InboundGroupSession(said.group.session_key).export_at(0).to_base64()
        content = said.room_key() | {
            "session_key": exported,
            "sender_key": identity_key(genuine),
            "sender_claimed_ed25519_key": fingerprint(genuine),
            "forwarding_curve25519_key_chain": [],
        }
        channel = await bringer.open(target.user_id, target.device_id)
        kinds = ("m.forwarded_room_key", "m.room_key")
        told = [_to_device(sender, channel.seal(kind, content, sender=sender)) for kind in kinds]
        await target.attempt("key at second hand", event(anna, said.seal(SHARE)), to_device=told)


async def another_brings_the_same_session(target: Target) -> None:
    """Somebody who holds a clinician's session gives it to the bot as their own, before or after its owner."""
    ben, mallory = target.ben, target.mallory
    for order in ((mallory, ben), (ben, mallory)):
        said = Conversation(ben, target.room)
        for bringer in order:
            await (await bringer.open(target.user_id, target.device_id)).send("m.room_key", said.room_key())
        await target.attempt("another's session as one's own", event(mallory.user_id, said.seal(SHARE)))
        other = Conversation(mallory, target.room)
        channel = await mallory.open(target.user_id, target.device_id)
        await channel.send("m.room_key", other.room_key() | {"session_id": said.group.session_id})
        forged = other.seal(SHARE) | {"session_id": said.group.session_id}
        await target.attempt("own session under another's id", event(ben.user_id, forged))
        target.said = said  # what its owner says in it goes on being a command, also after a restart


GROUPS: tuple[Callable[[Target], Awaitable[None]], ...] = (
    made_up_devices,
    known_device_ids,
    devices_of_others,
    changed_identities,
    spoofed_room_keys,
    second_hand_keys,
    another_brings_the_same_session,
)


async def under_lies(target: Target, what: str, impostor: Impostor, lie: Callable[[Any], None]) -> None:
    """The server tells the lie about devices; the impostor gives its key and speaks."""
    await lying(target, lie)
    said = event(impostor.user_id, impostor.said.seal(SHARE))
    await target.attempt(what, said, to_device=[impostor.key], changed=[impostor.user_id])
    await honest(target)


async def lying(target: Target, lie: Callable[[Any], None]) -> None:
    """From now on the server rewrites by this what it says about Anna's devices."""
    anna = target.anna.user_id
    target.evil.about_keys[:] = [lambda keys: lie(keys) if anna in keys["device_keys"] else None]
    await target.evil.tell(Lies(changed=[anna]))


async def honest(target: Target) -> None:
    """Once the bot has answered what it heard, the server tells the truth again."""
    await target.quiet()
    target.evil.about_keys.clear()
    await target.evil.tell(Lies(changed=[target.anna.user_id, target.ben.user_id]))


async def honest_keys(target: Target) -> Any:
    """What the true server says of everybody."""
    people = (target.anna.user_id, target.ben.user_id, target.mallory.user_id)
    return await target.ben.raw.call("POST", "/keys/query", {"device_keys": {user: [] for user in people}})


def _put(user_id: str, device_id: str, device: Any) -> Callable[[Any], None]:
    return lambda keys: keys["device_keys"][user_id].update({device_id: device})


def _to_device(sender: str, content: Any) -> dict[str, Any]:
    return {"type": "m.room.encrypted", "sender": sender, "content": content}
