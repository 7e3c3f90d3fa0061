"""Encrypted files: up from disk as they are, down to disk after proof that they are what was encrypted.

The ciphertext is made elsewhere (its key, IV and SHA-256 come with it), is streamed, and carries no name: the server
sees a length and a time.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from bot.matrix import gate
from bot.matrix.chain import table
from bot.matrix.ciphertext import HEAD
from bot.matrix.errors import NotGenuine, RateLimited, ServerAway, ServerRefused, UploadTooLarge, refusal
from bot.matrix.guard import path
from bot.matrix.patience import SERVER_ERROR, TOO_MANY_REQUESTS, insist, is_json, retry_after
from bot.matrix.signatures import decoded, unpadded
from bot.matrix.wire import parsed, said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from aiohttp import ClientResponse

    from bot.matrix.guard import GuardedClient
    from config.errors import CarrierbagError

log = structlog.get_logger()

CHUNK = 1024 * 1024
TOO_LARGE = 413
CONFLICT = 409
REFUSED = 400
OK = 200
KEY_BYTES, IV_BYTES, DIGEST_BYTES = 32, 16, 32
#: No bound on the whole, one on silence: a large file on a slow line is no failure.
PATIENT = ClientTimeout(total=None, sock_connect=30, sock_read=300)
UNSUPPORTED = frozenset({"M_UNRECOGNIZED", "M_NOT_FOUND"})


class Media:
    """The homeserver's media repository. For exactly-once: keep what `create` returned, `put` as often as needed."""

    def __init__(self, client: GuardedClient) -> None:
        self._client = client
        self._http: ClientSession | None = None

    async def close(self) -> None:
        """End all connections."""
        if self._http is not None:
            await self._http.close()

    async def upload_limit(self) -> int | None:
        """The largest upload in bytes (`m.upload.size`), None when the server does not say."""
        answer = table(await self._client.call("GET", path("client", "v1", "media", "config")))
        limit = answer.get("m.upload.size")
        return limit if isinstance(limit, int) else None

    async def create(self) -> str | None:
        """Reserve an mxc:// URI (MSC2246). None when the server cannot or will not now: use `upload` then."""
        try:
            answer = await self._client.call("POST", path("media", "v1", "create"), {})
        except ServerRefused as refused:
            if refused.errcode not in UNSUPPORTED:
                raise
            return None
        except RateLimited:  # at most five may be pending
            return None
        return said(answer, "content_uri")

    async def put(self, mxc: str, file: Path, size: int, progress: Callable[[int], None] | None = None) -> None:
        """Fill a reserved URI with `size` bytes of ciphertext. Again is no error: what is there stays.

        `progress` hears the bytes sent so far of the running attempt. Raises `UploadTooLarge`, `ServerAway`.
        """
        target = path("media", "v3", "upload", *split(mxc))
        response = await insist(
            partial(self._stream, "PUT", target, file, size, progress), self._client.patience, self._client.on_wait
        )
        if response.status != CONFLICT:
            await _accepted(response)

    async def upload(self, file: Path, size: int, progress: Callable[[int], None] | None = None) -> str:
        """Upload without a reserved URI and return its mxc://. A repetition leaves a second, useless copy there."""
        target = path("media", "v3", "upload")
        response = await insist(
            partial(self._stream, "POST", target, file, size, progress), self._client.patience, self._client.on_wait
        )
        await _accepted(response)
        return said(table(parsed(await response.read())), "content_uri")

    async def download(self, file: Mapping[str, Any], out: Path) -> int:
        """Fetch and decrypt an EncryptedFile (spec, "Sending encrypted attachments") to `out`; its size in bytes.

        `out` comes into being only when the hash of the ciphertext is right. Raises `NotGenuine`, `ServerAway`.
        """
        key, iv, digest = _secrets(file)
        partial_file = out.with_name(out.name + ".partial")
        try:
            size = await self._fetch(file, partial_file, key, iv, digest)
            partial_file.replace(out)
        finally:
            partial_file.unlink(missing_ok=True)
        return size

    async def _fetch(self, file: Mapping[str, Any], out: Path, key: bytes, iv: bytes, digest: bytes) -> int:
        target = self._client.homeserver + path("client", "v1", "media", "download", *split(file["url"]))
        seen, decryptor, size = hashlib.sha256(), Cipher(AES(key), CTR(iv)).decryptor(), 0
        try:
            async with self._session.get(target, headers=self._client.authorization) as response:
                if response.status != OK:
                    raise await _refused_download(response)
                with out.open("wb") as stream:
                    async for chunk in response.content.iter_chunked(CHUNK):
                        seen.update(chunk)
                        size += stream.write(decryptor.update(chunk))
        except (ClientError, TimeoutError) as error:
            raise ServerAway from error
        if seen.digest() != digest:
            raise NotGenuine
        return size

    async def _stream(
        self, method: str, target: str, file: Path, size: int, progress: Callable[[int], None] | None
    ) -> ClientResponse:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            **self._client.authorization,
        }
        head = await asyncio.to_thread(_head, file)
        gate.check_upload(method, target, head)
        body = _chunks(file, progress)
        return await self._session.request(method, self._client.homeserver + target, data=body, headers=headers)

    @property
    def _session(self) -> ClientSession:
        if self._http is None:
            self._http = ClientSession(timeout=PATIENT)
        return self._http


def encrypted_file(mxc: str, key: bytes, iv: bytes, sha256: bytes) -> dict[str, Any]:
    """The EncryptedFile object (v2): `key` 32 bytes, `iv` 16 (8 random, 8 zero), `sha256` of the ciphertext."""
    jwk = {
        "kty": "oct",
        "alg": "A256CTR",
        "ext": True,
        "key_ops": ["encrypt", "decrypt"],
        "k": base64.urlsafe_b64encode(key).decode().rstrip("="),
    }
    return {"v": "v2", "url": mxc, "key": jwk, "iv": unpadded(iv), "hashes": {"sha256": unpadded(sha256)}}


def split(mxc: Any) -> tuple[str, str]:
    """Server name and media id of an mxc:// URI. Raises `NotGenuine` when it is none."""
    scheme, _, rest = mxc.partition("mxc://") if isinstance(mxc, str) else ("x", "", "")
    server, _, media_id = rest.partition("/")
    if scheme or not server or not media_id or "/" in media_id:
        raise NotGenuine
    return server, media_id


def _secrets(file: Mapping[str, Any]) -> tuple[bytes, bytes, bytes]:
    """Key, IV and SHA-256, each of its proper length."""
    try:
        key = base64.urlsafe_b64decode(file["key"]["k"] + "==")
        iv, digest = decoded(file["iv"]), decoded(file["hashes"]["sha256"])
        right = (file["v"], file["key"]["alg"], len(key), len(iv), len(digest))
    except (KeyError, TypeError, ValueError):
        raise NotGenuine from None
    if right != ("v2", "A256CTR", KEY_BYTES, IV_BYTES, DIGEST_BYTES):
        raise NotGenuine
    return key, iv, digest


async def _accepted(response: ClientResponse) -> None:
    if response.status == TOO_LARGE:
        raise UploadTooLarge
    if response.status >= REFUSED:
        raise refusal(response.status, parsed(await response.read()))


async def _refused_download(response: ClientResponse) -> CarrierbagError:
    body = await response.read()
    if response.status >= SERVER_ERROR or not is_json(body):
        return ServerAway()
    if response.status == TOO_MANY_REQUESTS:
        return RateLimited(await retry_after(response))
    return refusal(response.status, parsed(body))


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(HEAD)


async def _chunks(file: Path, progress: Callable[[int], None] | None) -> AsyncIterator[bytes]:
    sent = 0
    with file.open("rb") as stream:
        while chunk := await asyncio.to_thread(stream.read, CHUNK):
            yield chunk
            sent += len(chunk)
            if progress is not None:
                progress(sent)
