"""Which identity is pinned, when a change is noted, and that a pin changed elsewhere counts at the next look."""

from __future__ import annotations

import copy
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest

from bot.matrix.trust import Trust
from config.trust import TrustLevel
from ledger.trust import EMOJI, OPERATOR
from tests.bot.matrix.test_chain import ANNA, Anna
from tests.fakes.matrix import MemoryPins


class Server:
    """What a homeserver answers to /keys/query, and how often it was asked."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked = 0
        self.while_asked: Any = lambda: None
        self.olm = SimpleNamespace(device_store=defaultdict(dict))

    async def call(self, method: str, path: str, body: Any) -> Any:
        assert (method, path.rpartition("/v3")[2], list(body)) == ("POST", "/keys/query", ["device_keys"])
        self.asked += 1
        self.while_asked()
        return copy.deepcopy(self.answer)


class Met:
    """Anna, her server, and what we make of them."""

    def __init__(self) -> None:
        self.anna = Anna()
        self.server = Server(self.anna.answer)
        self.pins = MemoryPins()
        client: Any = self.server
        self.trust = Trust(client, self.pins)
        self.news = 0
        self.trust.on_news = self.poke

    def poke(self) -> None:
        self.news += 1

    async def levels(self) -> list[TrustLevel]:
        return [device.level for device in (await self.trust.standing(ANNA)).devices]

    def becomes(self, other: Anna) -> None:
        """She has another identity from now on, and the server says that there are news."""
        self.server.answer = other.answer
        self.trust.doubt([ANNA])


@pytest.fixture
def met() -> Met:
    return Met()


async def test_a_whole_identity_is_pinned_at_first_sight(met: Met) -> None:
    assert await met.levels() == [TrustLevel.CROSS_SIGNED_TOFU]
    assert met.pins.kept[ANNA].master_key == met.anna.pin


async def test_a_master_key_that_vouches_for_nothing_is_not_pinned(met: Met) -> None:
    met.anna.answer["self_signing_keys"] = {}
    assert await met.levels() == [TrustLevel.UNVERIFIED]
    assert met.pins.kept == {}


async def test_nothing_is_pinned_when_the_persons_own_server_did_not_answer(met: Met) -> None:
    met.server.answer = met.anna.answer | {"failures": {"hospital-a.example": {"status": 503}}}
    assert await met.levels() == [TrustLevel.CROSS_SIGNED_UNTRUSTED]
    assert met.pins.kept == {}


async def test_a_server_that_is_away_is_no_change(met: Met) -> None:
    await met.levels()
    met.server.answer = {"device_keys": {}, "failures": {"hospital-a.example": {}}}
    met.trust.doubt([ANNA])
    assert (await met.trust.standing(ANNA)).known is False
    assert met.pins.kept[ANNA].changed_to is None


async def test_a_changed_identity_is_noted_and_told(met: Met) -> None:
    await met.levels()
    other = Anna()
    met.becomes(other)
    before = met.news
    assert await met.levels() == [TrustLevel.CROSS_SIGNED_UNTRUSTED]
    assert met.pins.kept[ANNA].changed_to == other.pin
    assert met.news == before + 1


async def test_a_new_master_key_that_vouches_for_nothing_is_an_identity_gone(met: Met) -> None:
    await met.levels()
    other = Anna()
    other.answer["self_signing_keys"] = {}
    met.becomes(other)
    assert await met.levels() == [TrustLevel.UNVERIFIED]
    assert met.pins.kept[ANNA].changed_to == ""


async def test_a_pin_that_another_process_changed_counts_at_the_next_look_without_asking_the_server(met: Met) -> None:
    await met.levels()
    other = Anna()
    met.becomes(other)
    await met.levels()
    asked = met.server.asked
    await met.pins.verified(ANNA, other.pin, OPERATOR)
    assert await met.levels() == [TrustLevel.CROSS_SIGNED_VERIFIED]
    assert met.server.asked == asked


async def test_a_verification_counts_at_the_next_look(met: Met) -> None:
    assert await met.levels() == [TrustLevel.CROSS_SIGNED_TOFU]
    await met.trust.verified(ANNA, met.anna.pin, EMOJI)
    assert await met.levels() == [TrustLevel.CROSS_SIGNED_VERIFIED]
    assert met.server.asked == 1


async def test_a_pin_that_is_gone_from_the_file_trusts_nobody_until_they_are_met_again(met: Met) -> None:
    await met.levels()
    del met.pins.kept[ANNA]
    assert await met.levels() == [TrustLevel.CROSS_SIGNED_UNTRUSTED]


async def test_an_answer_that_is_older_than_the_news_is_not_kept(met: Met) -> None:
    met.server.while_asked = lambda: met.trust.doubt([ANNA])
    await met.levels()
    met.server.while_asked = lambda: None
    await met.levels()
    assert met.server.asked == 2
    await met.levels()
    assert met.server.asked == 2


async def test_those_of_whom_there_are_news_are_named_once(met: Met) -> None:
    met.trust.doubt([ANNA, "@ben:x"])
    assert met.trust.doubted() == {ANNA, "@ben:x"}
    assert met.trust.doubted() == set()
