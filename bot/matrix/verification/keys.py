"""The keys that a person's server states now, and our signature under one that was compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.matrix.chain import judge, table, whole_identity
from bot.matrix.errors import NotAuthentic
from bot.matrix.guard import client_path
from bot.matrix.signatures import public, sign
from bot.matrix.verification.sas import Party

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.matrix.guard import GuardedClient
    from bot.matrix.identity import Identity
    from bot.matrix.verification.note import Note


@dataclass(frozen=True, slots=True)
class Stated:
    """A device for which the stated identity of its owner vouches. Whether that identity is the pinned one or not."""

    party: Party
    curve25519: str
    display_name: str
    #: The whole master key object.
    identity: Mapping[str, Any]

    def may_have_written(self, note: Note) -> bool:
        """Whether this device may have written a message: as it says, and if it was encrypted, as that proves."""
        held = (self.curve25519, self.party.ed25519)
        proved = any((claim.sender_key, claim.ed25519) == held and not claim.forwarded for claim in note.claims)
        return note.from_device in {"", self.party.device_id} and (proved or not note.encrypted)


async def look(client: GuardedClient, user_id: str) -> dict[str, Stated]:
    """Ask anew for somebody's devices. Raises `ServerAway`."""
    return read(user_id, await client.call("POST", client_path("keys", "query"), {"device_keys": {user_id: []}}))


def read(user_id: str, answer: Mapping[str, Any]) -> dict[str, Stated]:
    """From the answer to /keys/query. Pure.

    A device that is called like a key of its owner's identity is left out: MACs name keys by such words.
    """
    master = whole_identity(user_id, answer)
    if master is None:
        return {}
    identity = table(table(answer.get("master_keys")).get(user_id))
    return {
        device.device_id: Stated(
            Party(user_id, device.device_id, device.ed25519, master), device.curve25519, device.display_name, identity
        )
        for device in judge(user_id, answer, master).good
        if device.device_id != master
    }


async def vouch(client: GuardedClient, ours: Identity, theirs: Stated) -> None:
    """Sign their master key with our user-signing key, for all our own devices to see (Matrix, "Cross-signing")."""
    user_id, key = theirs.party.user_id, theirs.party.master
    signature = {f"ed25519:{public(ours.user_signing)}": sign(theirs.identity, ours.user_signing)}
    stated = {name: value for name, value in theirs.identity.items() if name != "unsigned"}
    signed = stated | {"signatures": {ours.user_id: signature}}
    answer = await client.call("POST", client_path("keys", "signatures", "upload"), {user_id: {key: signed}})
    if table(answer).get("failures"):
        raise NotAuthentic("the server does not take our signature")
