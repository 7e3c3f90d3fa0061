"""Whatever the server, a member of the room or a stranger does: only clinicians' own, new words are commands.

The whole bot runs behind a homeserver that lies. The groups of `words.py` and `keys.py` are one kind of attack each, in
all its forms; between them clinicians type genuine commands. Judged by what the bot began, searched and answered.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from bot.demo.people import Person, log_in
from bot.demo.stage import gathered, write_settings
from bot.matrix import reading
from ledger import shares
from tests.acceptance.conftest import copy_cervical_spine
from tests.bot.matrix.conftest import Raw
from tests.security import keys, words
from tests.security.evil import EvilServer, Lies
from tests.security.impostor import Impostor
from tests.security.target import COMMAND, SHARE, Target, event, offer_keys, speaking
from tests.servers.peer import Peer
from tests.servers.people import new_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.demo.homeserver import Homeserver

#: People whom the bot obeys; Mallory is a member of the room all the same.
POLICY = '[[rules]]\npeople = ["@anna-*:localhost", "@ben-*:localhost"]\nmay = ["find", "share"]\n'


@pytest.fixture
async def target(homeserver: Homeserver, tmp_path: Path) -> AsyncIterator[Target]:
    """Everybody signed in; the bot waits behind the evil server."""
    studies = tmp_path / "studies"
    studies.mkdir()
    copy_cervical_spine(studies)
    bot, registered = [await new_account(homeserver, name) for name in ("carrierbag", "anna")]
    async with AsyncExitStack() as stack:
        evil = await stack.enter_async_context(EvilServer.start(homeserver.url))
        evil.begin()
        config = write_settings(tmp_path / "bot", evil.url, bot.user_id, studies, password=bot.password)
        (config.parent / "policy.toml").write_text(POLICY, "utf-8")
        anna = await stack.enter_async_context(Person.start(homeserver.url, registered.name, registered.password))
        http = await stack.enter_async_context(ClientSession())
        ben, mallory = [await by_hand(homeserver, http, name) for name in ("ben", "mallory")]
        yield Target(config, bot.user_id, evil, anna, ben, mallory)


async def by_hand(homeserver: Homeserver, http: ClientSession, name: str) -> Peer:
    account = await new_account(homeserver, name)
    peer = await Peer.settle(Raw(homeserver.url, await log_in(homeserver.url, account.name, account.password), http))
    await offer_keys(peer)
    return peer


async def test_no_spoofed_or_replayed_command_is_accepted_and_every_genuine_one_is(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "KEY_WITHIN", 0.5)  # seconds
    async with target.running():
        await come_together(target)
        await what_is_genuine_is_accepted_in_the_same_ways(target)
        for group in (*words.GROUPS, *keys.GROUPS):
            await group(target)
            assert await target.accepted() == [], group.__name__
            await target.command()
    async with target.running():
        await words.replayed(target)
        assert await target.accepted() == [], "after a restart"
        await target.command()
    await without_its_token(target)
    async with target.running():
        await target.command()
        assert await target.accepted() == []
        assert await shares.every(target.ledger) == []
        assert await target.searched() == len(target.genuine)
    print(f"{len(target.tries)} tries, none accepted; {len(target.genuine)} genuine commands, all answered")  # noqa: T201
    assert len(target.tries) >= 200
    assert len(target.genuine) >= 40


async def come_together(target: Target) -> None:
    target.room, target.other_room = [await gathered(target.user_id, target.anna) for _ in range(2)]
    for peer in (target.ben, target.mallory):
        for room in (target.room, target.other_room):
            await target.anna.invite(room, peer.user_id)
            await peer.raw.join(room)
    target.said = await speaking(target.ben, target)
    await target.command()


async def what_is_genuine_is_accepted_in_the_same_ways(target: Target) -> None:
    """So that no try fails for another reason than its lie."""
    ben = target.ben.user_id
    told = event(ben, target.said.seal(COMMAND))
    await target.evil.tell(Lies([(target.room, told)]))
    tablet = await Impostor.of(target, ben, "TABLET")
    device = tablet.device(target.ben.self_signing)
    target.evil.about_keys[:] = [lambda known: known["device_keys"].get(ben, {}).update(TABLET=device)]
    said = event(ben, tablet.said.seal(COMMAND))
    await target.evil.tell(Lies([(target.room, said)], to_device=[tablet.key], changed=[ben]))
    await target.answered(told["event_id"], said["event_id"])
    await keys.honest(target)


async def without_its_token(target: Target) -> None:
    """The place in the server's story is lost: what the server tells then is history, and history is no command."""
    backlog = [event(target.ben.user_id, target.said.seal(SHARE)) for _ in range(10)]
    again = [event(target.ben.user_id, one["content"]) for one in backlog]
    target.forget_token()
    telling = asyncio.create_task(target.attempt("in the backlog", *backlog))
    async with target.running():
        await telling
        await target.attempt("from the backlog", *again)
        await words.replayed(target)
        assert await target.accepted() == [], "without a token"
        await target.command()
