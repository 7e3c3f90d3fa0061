"""The keys on disk: private, sealed, never in two hands, and never used when they are not what was written."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import sqlite3
import stat
import sys
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import vodozemac
from nio.crypto.sessions import derive_pickle_key

from bot.demo.stage import write_settings
from tests.bot.matrix.conftest import joined
from tests.servers import proxy as faults
from tests.servers.people import new_account
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from tests.security.subjects import Subject

    Damage = Callable[[bytearray, random.Random], None]

CORRUPTIONS = 60


async def test_the_key_store_is_private_and_sealed_with_a_key_that_nobody_knows(subject: Subject) -> None:
    async with subject.running():
        for path in subject.store.parent.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with sqlite3.connect(subject.store) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            (pickled,) = db.execute("SELECT account FROM accounts").fetchone()
    with pytest.raises(vodozemac.PickleException):
        vodozemac.Account.from_pickle(pickled.decode(), derive_pickle_key("DEFAULT_KEY"))


async def test_a_second_process_on_the_same_keys_is_refused(subject: Subject) -> None:
    async with subject.running():
        with pytest.raises(Exception, match="Another carrierbag"):
            await subject.running().__aenter__()


async def test_a_lost_key_store_of_a_known_device_is_refused(subject: Subject) -> None:
    async with subject.running():
        pass
    for path in subject.store.parent.glob(f"{subject.store.name}*"):
        path.unlink()
    with pytest.raises(Exception, match="are missing from the state directory"):
        await subject.load()


async def test_a_key_store_that_is_not_what_was_written_is_never_used_as_if_it_were(
    subject: Subject, anna: Person, ben: Person, tmp_path: Path
) -> None:
    """Of 60 damages each is noticed at the start, or has touched nothing that counts."""
    async with subject.running():
        room = await anna.create_room("Ankle clinic", [subject.user_id, ben.user_id])
        await ben.join(room)
        await anna.wait(lambda event: joined(event, room, subject.user_id))
        for person in (anna, ben):
            await person.send(room, f"hello from {person.user_id}")
            assert await subject.hears(f"hello from {person.user_id}")
        await subject.send(room, "Hello.")
    whole = tmp_path / "whole"
    shutil.copy(subject.store, whole)
    written = keys_in(await subject.load())
    damages = [(damage, seed) for seed in range(CORRUPTIONS // len(DAMAGES)) for damage in DAMAGES]
    outcomes = Counter([await outcome(subject, whole, written, *one) for one in damages])
    print(f"{subject.store.name}: {dict(outcomes)}")  # noqa: T201
    assert outcomes["as if nothing were wrong"] == 0
    assert outcomes["noticed"] > CORRUPTIONS // 4


async def outcome(subject: Subject, whole: Path, written: Any, damage: Damage, seed: int) -> str:
    """What becomes of one damage."""
    for path in subject.store.parent.glob(f"{subject.store.name}?*"):
        path.unlink()
    damaged = bytearray(whole.read_bytes())
    damage(damaged, random.Random(seed))  # noqa: S311 - the same dice each time
    subject.store.write_bytes(damaged)
    try:
        loaded = keys_in(await subject.load())
    except Exception:  # noqa: BLE001 - whatever it is, it does not run on
        return "noticed"
    return "harmless" if loaded == written else "as if nothing were wrong"


def keys_in(olm: Any) -> dict[str, Any]:
    """All that the machine would use."""
    sessions = [
        (one.room_id, one.sender_key, one.id, one.ed25519, one.export_session(one.first_known_index))
        for one in olm.inbound_group_store
    ]
    channels = [(key, one.id) for key, opened in olm.session_store.items() for one in opened]
    return {
        "account": dict(olm.account.identity_keys),
        "sessions": sorted(sessions),
        "channels": sorted(channels),
    }


def _bit(data: bytearray, dice: random.Random) -> None:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _letter(data: bytearray, dice: random.Random) -> None:
    """One letter of a key or a name that is written as it is, where no checksum of a library's looks."""
    text = dice.choice(texts_in(bytes(data)))
    at = dice.choice([found.start() for found in re.finditer(re.escape(text), data)]) + dice.randrange(1, len(text))
    data[at] = ord("A") if data[at] != ord("A") else ord("B")


def texts_in(database: bytes) -> list[bytes]:
    """Whose each session is, as the rows say it."""
    with sqlite3.connect(":memory:") as db:
        db.deserialize(database[:18] + b"\1\1" + database[20:])  # no write-ahead log in memory
        rows = db.execute("SELECT sender_key, fp_key, room_id FROM megolminboundsessions").fetchall()
        rows += db.execute("SELECT sender_key FROM olmsessions").fetchall()
    return [text.encode() for row in rows for text in row]


def _letters(data: bytearray, dice: random.Random) -> None:
    places = [at for at in range(len(data)) if chr(data[at]).isalnum()]
    for at in dice.sample(places, 20):
        data[at] = ord("A") if data[at] != ord("A") else ord("B")


def _stretch(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data) - 64)
    data[start : start + 64] = dice.randbytes(64)


def _page(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data) // 4096) * 4096
    data[start : start + 4096] = bytes(4096)


def _end(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


DAMAGES: tuple[Damage, ...] = (_bit, _letter, _letters, _stretch, _page, _end)


async def test_a_process_that_is_signed_out_ends_and_says_what_to_do(homeserver: Homeserver, tmp_path: Path) -> None:
    async with Proxy.start(homeserver.url) as proxy:
        config = await configured(homeserver, proxy.url, tmp_path)
        proxy.fail(r"GET .*/sync.*since=", faults.status(401, "M_UNKNOWN_TOKEN"), times=10_000)
        async with carrierbag(config) as running:
            _, said = await asyncio.wait_for(running.communicate(), 60)
        asked = [one for one in proxy.requests if "/sync" in one]
    assert running.returncode == 1
    assert b"signed the bot out" in said
    assert b"Traceback" not in said
    assert len(asked) == 2


async def test_a_process_without_its_key_store_ends_and_says_what_to_do(homeserver: Homeserver, tmp_path: Path) -> None:
    async with Proxy.start(homeserver.url) as proxy:
        config = await configured(homeserver, proxy.url, tmp_path)
        async with carrierbag(config), asyncio.timeout(60):
            while not any("/sync" in one for one in proxy.requests):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.1)
    for path in (config.parent / "state" / "matrix").glob("olm.db*"):
        path.unlink()
    async with carrierbag(config) as again:
        _, said = await asyncio.wait_for(again.communicate(), 60)
    assert again.returncode == 1
    assert b"are missing from the state directory" in said
    assert b"Traceback" not in said


async def configured(homeserver: Homeserver, url: str, directory: Path) -> Path:
    bot = await new_account(homeserver, "carrierbag")
    (directory / "studies").mkdir()
    return write_settings(directory / "bot", url, bot.user_id, directory / "studies", password=bot.password)


@asynccontextmanager
async def carrierbag(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`carrierbag run`, stopped with the block."""
    command = (sys.executable, "-m", "bot.cli", "run", "--config", str(config))
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()
