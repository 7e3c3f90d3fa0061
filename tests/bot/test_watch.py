"""What is told when an identity changes: to whom, once, over a crash. Real trust and ledger, a server in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bot.fingerprint import aloud
from bot.matrix.errors import ServerAway
from bot.matrix.trust import Trust
from bot.watch import Watch
from config.settings import TrustSettings
from config.state import FieldCipher
from ledger import outbox
from ledger.database import Database
from ledger.trust import OPERATOR, Pins
from tests.bot.matrix.test_chain import ANNA, Anna
from tests.bot.matrix.test_pinning import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ledger.outbox import Entry

BOT = "@carrierbag:hospital-a.example"
ADMINS, WARD, CLINIC = "!admins:a", "!ward:a", "!clinic:a"


@dataclass
class Neighbours:
    """A session as the watch sees it: rooms shared with everybody, and devices on our own account."""

    trust: Trust
    rooms: list[str] = field(default_factory=lambda: [WARD, CLINIC])
    strange: list[str] = field(default_factory=list)
    faults: deque[Exception] = field(default_factory=deque)
    user_id: str = BOT

    async def rooms_with(self, user_id: str) -> list[str]:
        assert user_id != BOT
        if self.faults:
            raise self.faults.popleft()
        return self.rooms

    async def strange_devices(self) -> list[str]:
        return self.strange


class Watched:
    """Anna, whom the bot has met; it can be stopped and started again on what it left."""

    def __init__(self, ledger: Database, settings: TrustSettings | None = None) -> None:
        self.anna = Anna()
        self.server = Server(self.anna.answer)
        self.ledger = ledger
        self.settings = settings
        self.pokes = 0
        self.start()

    def start(self, admin_room: str | None = ADMINS) -> None:
        client: Any = self.server
        self.trust = Trust(client, Pins(self.ledger), self.settings)
        self.session = Neighbours(self.trust)
        session: Any = self.session
        self.watch = Watch(
            ledger=self.ledger, session=session, admin_room=admin_room, after=self.poked, retry_pause=0.01
        )

    def poked(self) -> None:
        self.pokes += 1

    async def becomes(self, other: Anna) -> None:
        """She has another identity from now on, and a sync has said so."""
        self.server.answer = other.answer
        self.trust.doubt([ANNA])

    async def said(self) -> dict[str, Entry]:
        entries = await outbox.queued(self.ledger)
        assert len({entry.room_id for entry in entries}) == len(entries), "told twice"
        return {entry.room_id: entry for entry in entries}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "ledger.db", FieldCipher(bytes(32)))
    yield opened
    await opened.close()


@pytest.fixture
async def watched(ledger: Database) -> Watched:
    built = Watched(ledger)
    await built.trust.standing(ANNA)
    return built


async def test_nothing_is_said_while_nothing_has_changed(watched: Watched) -> None:
    watched.trust.doubt([ANNA, "@nobody:x"])
    await watched.watch.look()
    assert await watched.said() == {}


async def test_rooms_and_operator_are_told_before_anybody_looks(watched: Watched) -> None:
    other = Anna()
    await watched.becomes(other)
    await watched.watch.look()
    said = await watched.said()
    assert set(said) == {ADMINS, WARD, CLINIC}
    for entry in said.values():
        assert (entry.kind, entry.strict, entry.content["msgtype"]) == ("m.room.message", False, "m.notice")
        assert ANNA in entry.content["body"]
        assert "I take no commands from them" in entry.content["body"]
    assert aloud(other.pin) in said[ADMINS].content["body"]
    assert f"carrierbag trust confirm {ANNA}" in said[ADMINS].content["body"]
    assert "carrierbag" not in said[WARD].content["body"]
    assert watched.pokes == 1


async def test_a_change_is_told_once_also_after_a_restart(watched: Watched) -> None:
    await watched.becomes(Anna())
    await watched.watch.look()
    await watched.watch.look()
    watched.start()
    await watched.trust.standing(ANNA)
    watched.trust.doubt([ANNA])
    await watched.watch.look()
    assert len(await watched.said()) == 3
    assert watched.pokes == 1


async def test_a_change_that_was_noted_before_a_crash_is_told_after_it(watched: Watched) -> None:
    await watched.becomes(Anna())
    await watched.trust.standing(ANNA)
    watched.start()
    await watched.watch.look()
    assert len(await watched.said()) == 3


async def test_every_further_key_is_told(watched: Watched) -> None:
    first, second = Anna(), Anna()
    await watched.becomes(first)
    await watched.watch.look()
    await watched.becomes(second)
    await watched.watch.look()
    entries = await outbox.queued(watched.ledger)
    assert len(entries) == 6
    assert len({entry.txn_id for entry in entries}) == 6


async def test_a_key_that_comes_and_goes_is_told_once(watched: Watched) -> None:
    other = Anna()
    for identity in (other, watched.anna, other, watched.anna, other):
        await watched.becomes(identity)
        await watched.watch.look()
    assert len(await watched.said()) == 3


async def test_an_identity_that_is_gone_is_told_with_what_to_do(watched: Watched) -> None:
    gone = Anna()
    gone.answer |= {"master_keys": {}, "self_signing_keys": {}}
    await watched.becomes(gone)
    await watched.watch.look()
    said = await watched.said()
    assert all("no identity any more" in entry.content["body"] for entry in said.values())
    assert "trust confirm" not in said[ADMINS].content["body"]


async def test_a_confirmed_identity_is_not_told(watched: Watched) -> None:
    other = Anna()
    await watched.becomes(other)
    await watched.trust.standing(ANNA)
    await Pins(watched.ledger).verified(ANNA, other.pin, OPERATOR)
    await watched.watch.look()
    assert await watched.said() == {}


async def test_where_a_change_stops_nothing_only_the_operator_hears_of_it(ledger: Database) -> None:
    watched = Watched(ledger, TrustSettings(receive="unverified", send="cross-signed-untrusted"))  # type: ignore[arg-type]
    await watched.trust.standing(ANNA)
    await watched.becomes(Anna())
    await watched.watch.look()
    said = await watched.said()
    assert set(said) == {ADMINS}
    assert "this stops nothing" in said[ADMINS].content["body"]


async def test_without_an_admin_room_the_rooms_are_told_all_the_same(watched: Watched) -> None:
    await watched.becomes(Anna())
    watched.start(admin_room=None)
    watched.trust.doubt([ANNA])
    watched.session.strange = ["THIEF"]
    await watched.watch.look()
    assert set(await watched.said()) == {WARD, CLINIC}


async def test_our_own_identity_replaced_is_told_to_the_operator_alone(watched: Watched) -> None:
    pins = Pins(watched.ledger)
    await pins.met(BOT, "ours")
    await pins.met(BOT, "another")
    await watched.watch.look()
    said = await watched.said()
    assert set(said) == {ADMINS}
    assert "T04" in said[ADMINS].content["body"]


async def test_a_strange_device_is_told_once_also_after_a_restart(watched: Watched) -> None:
    for _ in range(2):
        watched.session.strange = ["THIEF"]
        await watched.watch.look()
        await watched.watch.look()
        watched.start()
    said = await watched.said()
    assert set(said) == {ADMINS}
    assert "THIEF" in said[ADMINS].content["body"]
    assert watched.pokes == 1


async def test_what_could_not_be_told_is_told_later(watched: Watched) -> None:
    watched.session.faults.append(ServerAway())
    task = asyncio.create_task(watched.watch.run())
    await watched.becomes(Anna())
    async with asyncio.timeout(10):
        while not watched.pokes:  # noqa: ASYNC110 - what tests wait for has no event
            await asyncio.sleep(0.01)
    task.cancel()
    assert len(await watched.said()) == 3


async def test_people_who_could_not_be_asked_about_are_asked_again(watched: Watched) -> None:
    def away() -> None:
        watched.server.while_asked = lambda: None
        raise ServerAway

    watched.server.while_asked = away
    await watched.becomes(Anna())
    with pytest.raises(ServerAway):
        await watched.watch.look()
    await watched.watch.look()
    assert len(await watched.said()) == 3
