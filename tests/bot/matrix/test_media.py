"""Encrypted files on a real media repository."""

from __future__ import annotations

import hashlib
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from bot.demo.homeserver import Homeserver
from bot.matrix.errors import NotGenuine, ServerAway, UploadTooLarge
from bot.matrix.media import encrypted_file, split
from bot.matrix.patience import Patience
from tests.bot.matrix.conftest import Bot, room_with
from tests.servers import proxy as faults
from tests.servers.people import new_account
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.demo.people import Person
    from bot.matrix.session import MatrixSession

QUICK = Patience(attempts=4, first_pause=0.02, longest_pause=0.1, longest_limit=0.5)


class Sealed:
    """A file as delivery leaves it in the spool."""

    def __init__(self, path: Path, size: int) -> None:
        self.plain = os.urandom(size)
        self.key, self.iv = os.urandom(32), os.urandom(8) + bytes(8)
        sealed = Cipher(AES(self.key), CTR(self.iv)).encryptor().update(self.plain)
        self.sha256 = hashlib.sha256(sealed).digest()
        self.size = size
        self.path = path
        path.write_bytes(sealed)

    def at(self, mxc: str) -> dict[str, Any]:
        return encrypted_file(mxc, self.key, self.iv, self.sha256)


@pytest.fixture
def sealed(tmp_path: Path) -> Sealed:
    return Sealed(tmp_path / "spooled", 5_000_001)


@asynccontextmanager
async def behind(bot: Bot, proxy: Proxy) -> AsyncIterator[MatrixSession]:
    bot.account = replace(bot.account, homeserver=proxy.url)
    async with bot.session() as session:
        session.client.patience = QUICK
        yield session


async def test_a_file_goes_up_and_a_person_saves_the_same_bytes(
    bot: Bot, sealed: Sealed, tmp_path: Path, anna: Person
) -> None:
    told: list[int] = []
    async with bot.running() as session:
        room = await room_with(bot, anna)
        mxc = await session.media.create()
        assert mxc is not None
        await session.media.put(mxc, sealed.path, sealed.size, told.append)
        content = {"msgtype": "m.file", "body": "DICOM.ZIP", "filename": "DICOM.ZIP", "file": sealed.at(mxc)}
        sent = await session.send(room, content | {"info": {"size": sealed.size}}, "file")
        event = await anna.wait(lambda event: event.event_id == sent)
        saved = await anna.download(event, tmp_path / "saved")
    assert saved.path.read_bytes() == sealed.plain
    assert told[-1] == sealed.size
    assert told == sorted(told)


async def test_uploading_again_leaves_what_is_there(bot: Bot, sealed: Sealed, tmp_path: Path) -> None:
    async with bot.session() as session:
        mxc = str(await session.media.create())
        for _ in range(2):
            await session.media.put(mxc, sealed.path, sealed.size)
        await session.media.download(sealed.at(mxc), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == sealed.plain


async def test_a_server_without_reserved_addresses_is_served_too(bot: Bot, sealed: Sealed, homeserver: Homeserver,
                                                                 tmp_path: Path) -> None:  # fmt: skip
    async with Proxy.start(homeserver.url) as proxy, behind(bot, proxy) as session:
        proxy.fail("POST .*/media/v1/create", faults.status(404, "M_UNRECOGNIZED"), times=99)
        assert await session.media.create() is None
        mxc = await session.media.upload(sealed.path, sealed.size)
        assert await session.media.download(sealed.at(mxc), tmp_path / "back") == sealed.size
    assert (tmp_path / "back").read_bytes() == sealed.plain


async def test_too_many_reserved_addresses_are_no_obstacle(bot: Bot, homeserver: Homeserver) -> None:
    async with Proxy.start(homeserver.url) as proxy, behind(bot, proxy) as session:
        proxy.fail(
            "POST .*/media/v1/create", faults.status(429, "M_LIMIT_EXCEEDED", retry_after_ms=86_400_000), times=99
        )
        assert await session.media.create() is None


@pytest.mark.parametrize("fault", ["502", "dropped", "answer lost"])
async def test_an_upload_survives_faults(
    bot: Bot, sealed: Sealed, homeserver: Homeserver, tmp_path: Path, fault: str
) -> None:
    fails = {"502": faults.html(), "dropped": faults.drop_request, "answer lost": faults.drop_response}
    async with Proxy.start(homeserver.url) as proxy, behind(bot, proxy) as session:
        mxc = str(await session.media.create())
        rule = proxy.fail("PUT .*/media/v3/upload", fails[fault], times=2)
        await session.media.put(mxc, sealed.path, sealed.size)
        assert rule.met == 2
        await session.media.download(sealed.at(mxc), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == sealed.plain


async def test_an_upload_gives_up_in_the_end(bot: Bot, sealed: Sealed, homeserver: Homeserver) -> None:
    async with Proxy.start(homeserver.url) as proxy, behind(bot, proxy) as session:
        proxy.fail("PUT .*/media/v3/upload", faults.html(), times=99)
        with pytest.raises(ServerAway):
            await session.media.put(str(await session.media.create()), sealed.path, sealed.size)


async def test_a_file_above_the_servers_limit_is_refused_in_a_sentence(
    new_bot: Callable[..., Bot], sealed: Sealed, tmp_path: Path
) -> None:
    async with Homeserver.start(tmp_path / "small", max_upload_size="1M") as small:
        bot = new_bot(await new_account(small, "bot"), url=small.url)
        async with bot.session() as session:
            assert await session.media.upload_limit() == 1024 * 1024
            with pytest.raises(UploadTooLarge, match="larger than the homeserver accepts"):
                await session.media.put(str(await session.media.create()), sealed.path, sealed.size)


async def test_bytes_that_the_server_has_changed_are_not_kept(bot: Bot, sealed: Sealed, tmp_path: Path) -> None:
    async with bot.session() as session:
        mxc = str(await session.media.create())
        await session.media.put(mxc, sealed.path, sealed.size)
        forged = sealed.at(mxc) | {"hashes": {"sha256": "A" * 43}}
        with pytest.raises(NotGenuine):
            await session.media.download(forged, tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("back")] == []


async def test_an_upload_carries_no_name_and_a_known_length(bot: Bot, sealed: Sealed, homeserver: Homeserver) -> None:
    seen: dict[str, str] = {}

    async def look(request: Any, proxy: Proxy) -> Any:
        seen.update(request.headers)
        assert not request.query_string
        return await proxy.forward(request)

    async with Proxy.start(homeserver.url) as proxy, behind(bot, proxy) as session:
        mxc = str(await session.media.create())
        proxy.fail("PUT .*/media/v3/upload", look)
        await session.media.put(mxc, sealed.path, sealed.size)
    assert seen["Content-Length"] == str(sealed.size)
    assert seen["Content-Type"] == "application/octet-stream"
    assert "Content-Disposition" not in seen


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"v": "v1"},
        {"key": {"k": "AAAA", "alg": "A256CTR"}},
        {"key": {"k": "A" * 43, "alg": "A128CTR"}},
        {"iv": "AAAA"},
        {"iv": 5},
        {"hashes": {}},
        {"hashes": {"sha256": "%"}},
        {"url": "https://example.org/x"},
        {"url": "mxc://localhost/a/b"},
        {"url": None},
    ],
)
async def test_a_malformed_file_is_refused_before_anything_is_fetched(
    bot: Bot, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    good = encrypted_file("mxc://localhost/AAAA", bytes(32), bytes(16), bytes(32))
    file = (good | wrong) if wrong else {}
    async with bot.session() as session:
        with pytest.raises(NotGenuine):
            await session.media.download(file, tmp_path / "back")


def test_an_encrypted_file_is_written_as_the_spec_says() -> None:
    file = encrypted_file("mxc://a/b", b"\xff" * 32, b"\x01" * 8 + bytes(8), bytes(32))
    assert file["key"]["k"] == "_" * 42 + "8"
    assert file["iv"] == "AQEBAQEBAQEAAAAAAAAAAA"
    assert (file["v"], file["hashes"]["sha256"]) == ("v2", "A" * 43)
    assert split("mxc://a/b") == ("a", "b")
