"""Whatever breaks between bot and homeserver: a share arrives once, whole and readable, or is refused with a word.

The whole bot stands behind a proxy; a strict client judges. Faults of single requests on a session alone stand in
tests/bot/matrix/test_faults.py.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from bot.app import built
from bot.demo.people import Person
from bot.demo.receipt import STOPPED
from bot.demo.stage import write_settings
from bot.matrix import guard
from bot.matrix.patience import Patience
from config.errors import TryLater
from config.settings import load_settings
from tests.acceptance.conftest import Ward, copy_cervical_spine
from tests.bot.matrix.conftest import make_bot, room_with
from tests.servers import proxy as faults
from tests.servers.people import new_account
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from bot.matrix.session import MatrixSession
    from tests.servers.proxy import Rule

QUICK = Patience(attempts=6, first_pause=0.02, longest_pause=0.1, longest_limit=5)
#: So often each step fails in each way.
TIMES = 2
FAULTS: dict[str, Any] = {
    "500": faults.status(500),
    "html 502": faults.html(502),
    "503": faults.status(503),
    "html 504": faults.html(504),
    "408": faults.status(408),
    "429, body": faults.status(429, "M_LIMIT_EXCEEDED", retry_after_ms=50),
    "429, header": faults.limited("0"),
    "request lost": faults.drop_request,
    "answer lost": faults.drop_response,
    "answer cut": faults.cut_response,
    "slow": faults.slow(0.1),
    "no JSON": faults.answered(b'{"event_id": "$'),
    "JSON of another form": faults.answered(b'"well"'),
    "an answer to something else": faults.answered(b'[{"well": []}]'),
}
#: A share's whole way.
STEPS = {
    "sync": r"GET .*/sync",
    "the room": r"GET .*/state",
    "device keys": r"POST .*/keys/query",
    "one-time keys": r"POST .*/keys/claim",
    "room keys": r"PUT .*/sendToDevice/m.room.encrypted",
    "message": r"PUT .*/send/m.room.encrypted",
    "address of a file": r"POST .*/media/v1/create",
    "file": r"PUT .*/media/v3/upload",
}
#: A start's, on a new account and then on a known one.
FIRST_START = {
    "login": r"POST .*/login",
    "own keys": r"POST .*/keys/query",
    "upload of keys": r"POST .*/keys/upload",
    "upload of the identity": r"POST .*/keys/device_signing/upload",
    "upload of signatures": r"POST .*/keys/signatures/upload",
}
LATER_START = {"who am I": r"GET .*/account/whoami", "own keys": r"POST .*/keys/query"}


@dataclass
class Clinic:
    """A ward whose bot runs behind the proxy."""

    ward: Ward
    proxy: Proxy
    session: MatrixSession

    async def forget(self) -> None:
        """The next share asks for everybody's devices anew, and begins a new channel with the registrar's."""
        for device in (await self.session.trust.standing(self.ward.registrar.user_id)).devices:
            self.session.client.olm.session_store._entries.pop(device.curve25519, None)
        self.session.trust.doubt_everybody()

    def fail(self, steps: dict[str, str], fault: Any, times: int) -> list[Rule]:
        self.proxy.rules.clear()
        return [self.proxy.fail(pattern, fault, times) for pattern in steps.values()]

    def posted(self) -> Counter[str]:
        """What the bot has said to the registrar in this room, once for each event."""
        said = [one for one in self.ward.registrar.events if one.sender == self.ward.bot and one.room == self.ward.room]
        return Counter(one.content.get("filename") or one.body[:16] for one in said if one.msgtype and not one.edits)


@pytest.fixture(scope="module")
async def clinic(homeserver: Homeserver, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    directory = tmp_path_factory.mktemp("clinic")
    studies = directory / "studies"
    studies.mkdir()
    copy_cervical_spine(studies)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy.start(homeserver.url))
        bot = await new_account(homeserver, "carrierbag")
        config = write_settings(directory / "bot", proxy.url, bot.user_id, studies, password=bot.password)
        people = []
        for name in ("clinician", "registrar"):
            who = await new_account(homeserver, name)
            people.append(await stack.enter_async_context(Person.start(homeserver.url, who.name, who.password)))
        app = await stack.enter_async_context(built(load_settings(config)))
        app._session.client.patience = QUICK
        task = asyncio.create_task(app.run(lambda: None))
        stack.push_async_callback(ended, task)
        yield Clinic(Ward(directory, config, studies, bot.user_id, *people), proxy, app._session)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_share_arrives_once_and_readable_although_every_step_fails_in_this_way(
    clinic: Clinic, fault: str
) -> None:
    ward = clinic.ward
    clinic.proxy.rules.clear()
    await ward.gather()
    await clinic.forget()
    rules = clinic.fail(STEPS, FAULTS[fault], TIMES)
    receipt = await asyncio.wait_for(ward.share(), 60)
    assert {(one["readable"], one["shield"]) for one in receipt.events} == {(True, "none")}
    assert [(one["instances"], one["verified"]) for one in receipt.parcels] == [(3, True)]
    assert set(clinic.posted().values()) == {1}
    assert {f"preview-{number}.jpg" for number in (1, 2, 3)} | {"DICOM.ZIP"} <= set(clinic.posted())
    assert [rule.met for rule in rules] == [TIMES] * len(STEPS)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_start_gets_over_every_step_that_fails_in_this_way(
    homeserver: Homeserver, clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(guard, "Patience", partial(replace, QUICK))
    async with Proxy.start(homeserver.url) as proxy:
        bot = make_bot(proxy.url, await new_account(homeserver, "bot"), tmp_path / "state")
        for steps in (FIRST_START, LATER_START):
            proxy.rules.clear()
            rules = [proxy.fail(pattern, FAULTS[fault]) for pattern in steps.values()]
            await opened(bot)
            assert [rule.met for rule in rules] == [1] * len(steps)
        async with bot.running() as session:
            room = await room_with(bot, clinic.ward.clinician)
            sent = await session.send(room, {"msgtype": "m.notice", "body": "Here."}, "one")
            assert (await clinic.ward.clinician.wait(lambda event: event.event_id == sent)).trusted
            assert await clinic.ward.clinician.devices(bot.user_id) == {session.device_id: True}


async def opened(bot: Any) -> None:
    """Start it, again as long as it says that it may be tried again: as its supervisor does."""
    for _ in range(5):
        with suppress(TryLater):
            async with bot.session():
                return
    raise AssertionError("it does not start")


@pytest.mark.parametrize(
    ("step", "fault", "word"),
    [
        ("file", faults.status(413, "M_TOO_LARGE"), "M07"),
        ("file", faults.status(403, "M_FORBIDDEN"), "M06"),
        ("address of a file", faults.status(403, "M_FORBIDDEN"), "M06"),
        ("address of a file", faults.status(400, "M_UNKNOWN"), "M30"),
    ],
)
async def test_what_fails_for_good_is_told_in_a_word(clinic: Clinic, step: str, fault: Any, word: str) -> None:
    clinic.proxy.rules.clear()
    await clinic.ward.gather()
    clinic.fail({step: STEPS[step]}, fault, 1000)
    receipt = await asyncio.wait_for(clinic.ward.share(), 60)
    assert STOPPED in receipt.events[-1]["body"]
    assert word in receipt.events[-1]["body"]
    assert receipt.parcels == receipt.previews == []


def test_there_are_enough_of_them() -> None:
    assert len(FAULTS) * len(STEPS) * TIMES >= 40
    assert len(FAULTS) * (len(FIRST_START) + len(LATER_START)) >= 40
