"""A hospital's server cannot read along: a device that it adds to somebody's account gets no key."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.demo.receipt import SENT
from bot.matrix.olm import MEGOLM, OLM
from bot.matrix.signatures import public, sign, unpadded
from tests.servers import rewriting
from tests.servers.rewriting import Rewriting

if TYPE_CHECKING:
    from tests.federation.conftest import Trusts

SPY = "SPYDEVICE"
QUERY = r"POST .*/keys/query"


async def test_a_second_login_by_the_foreign_server_stops_the_share_and_reads_nothing(trusts: Trusts) -> None:
    """Whoever runs a server can sign in as anybody there, but cannot sign the device with the person's keys."""
    clinician, registrar = await trusts.a.person("clinician"), await trusts.b.person("registrar", strict=False)
    async with trusts.a.running(foreign=(trusts.b.homeserver.server_name,)):
        ward = await trusts.ward(clinician, registrar)
        spy = await trusts.b.person("registrar", strict=False, cross_signed=False)
        answer = await ward.ask("!share study")
        assert f"{registrar.user_id} has a device that is not verified" in answer.body
        assert "[R04]" in answer.body
        await registrar.wait(lambda event: event.event_id == answer.event_id)
        unread = await spy.wait(lambda event: event.event_id == answer.event_id)
    assert unread.failure is not None
    assert [event for event in registrar.events if event.msgtype in {"m.image", "m.file"}] == []


async def test_a_device_that_our_own_server_makes_up_gets_no_key_and_stops_the_share(trusts: Trusts) -> None:
    clinician, registrar = await trusts.a.person("clinician"), await trusts.b.person("registrar")
    async with Rewriting.start(trusts.a.homeserver.url) as proxy:
        forged = signed_by_itself(registrar.user_id, Ed25519PrivateKey.generate())
        proxy.always(QUERY, rewriting.answer(lambda answer: _add_device(answer, registrar.user_id, forged)))
        async with trusts.a.running(foreign=(trusts.b.homeserver.server_name,), through=proxy.url):
            ward = await trusts.ward(clinician, registrar)
            answer = await ward.ask("!share study")
    assert f"{registrar.user_id} has a device that is not verified" in answer.body
    assert registrar.device_id in _given_keys(proxy)
    assert SPY not in _given_keys(proxy)


async def test_a_made_up_identity_in_place_of_a_known_one_gets_no_key_and_stops_the_share(trusts: Trusts) -> None:
    """The strongest that a server can do: new keys for the person, and a device properly signed with them."""
    clinician, registrar = await trusts.a.person("clinician"), await trusts.b.person("registrar")
    foreign = (trusts.b.homeserver.server_name,)
    async with trusts.a.running(foreign=foreign):
        ward = await trusts.ward(clinician, registrar)
        await ward.share()
    async with Rewriting.start(trusts.a.homeserver.url) as proxy:
        proxy.always(QUERY, rewriting.answer(lambda answer: _replace_identity(answer, registrar.user_id)))
        since = len(clinician.events)
        async with trusts.a.running(foreign=foreign, through=proxy.url):
            answer = await ward.ask("!share study")
    assert f"the identity of {registrar.user_id} has changed" in answer.body
    assert _given_keys(proxy) == {clinician.device_id}
    assert not [one for one in clinician.events[since:] if one.msgtype in {"m.image", "m.file"} or SENT in one.body]


def signed_by_itself(user_id: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The keys of a device that nobody has, well-formed and signed as the spec demands ("Device keys")."""
    curve = unpadded(secrets.token_bytes(32))
    device = {
        "user_id": user_id,
        "device_id": SPY,
        "algorithms": [OLM, MEGOLM],
        "keys": {f"ed25519:{SPY}": public(key), f"curve25519:{SPY}": curve},
    }
    return device | {"signatures": {user_id: {f"ed25519:{SPY}": sign(device, key)}}}


def _add_device(answer: Any, user_id: str, device: dict[str, Any]) -> None:
    if user_id in answer.get("device_keys", {}):
        answer["device_keys"][user_id][SPY] = device


def _replace_identity(answer: Any, user_id: str) -> None:
    if user_id not in answer.get("device_keys", {}):
        return
    device_key, master, self_signing = (Ed25519PrivateKey.generate() for _ in range(3))
    device = signed_by_itself(user_id, device_key)
    device["signatures"][user_id][f"ed25519:{public(self_signing)}"] = sign(device, self_signing)
    stated = {
        usage: _stated(user_id, usage, key) for usage, key in (("master", master), ("self_signing", self_signing))
    }
    signature = sign(stated["self_signing"], master)
    stated["self_signing"]["signatures"] = {user_id: {f"ed25519:{public(master)}": signature}}
    answer["device_keys"][user_id] = {SPY: device}
    answer["master_keys"][user_id] = stated["master"]
    answer["self_signing_keys"][user_id] = stated["self_signing"]


def _stated(user_id: str, usage: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    return {"user_id": user_id, "usage": [usage], "keys": {f"ed25519:{public(key)}": public(key)}}


def _given_keys(proxy: Rewriting) -> set[str]:
    """All devices to which anything encrypted was sent through the proxy."""
    sent = [one.body["messages"] for one in proxy.exchanges(r"PUT .*/sendToDevice/m\.room\.encrypted/")]
    return {device for messages in sent for devices in messages.values() for device in devices}
