"""matrix-nio, kept for transport and Olm, with every defect that we measured guarded (docs/decisions).

`GuardedClient` sends; `GuardedOlm` keeps the keys. Of nio's handling of sync, trust, key sharing and decryption nothing
is used: those stand in our own modules.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import structlog
from aiohttp import ClientResponse, ClientTimeout
from nio import AsyncClient, AsyncClientConfig

from bot.matrix import gate
from bot.matrix.errors import NoSense, StoreDamaged, refusal
from bot.matrix.olm import GuardedOlm, Store
from bot.matrix.patience import Patience, insist
from bot.matrix.wire import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

log = structlog.get_logger()

STORE = "olm.db"
REFUSED = 400
#: Seconds for one attempt of an ordinary request.
ANSWERS_WITHIN = 60.0
#: Of the request under way, when it has one of its own: nio's `send` has no place for it.
_patience: ContextVar[Patience | None] = ContextVar("patience", default=None)


def path(*parts: str) -> str:
    """A path of the Matrix API; each part is one segment, whatever stands in it."""
    return "/_matrix/" + "/".join(quote(part, safe="") for part in parts)


def client_path(*parts: str) -> str:
    """A path of the client-server API, version 3."""
    return path("client", "v3", *parts)


class GuardedClient(AsyncClient):  # type: ignore[misc]
    """nio's client whose every request is repeated until it is answered, within bounds."""

    olm: GuardedOlm

    def __init__(self, homeserver: str, user_id: str, device_id: str, directory: Path, key: bytes) -> None:
        # Text of 32 random bytes: nio's own default is a literal in its source.
        config = AsyncClientConfig(store=Store, store_name=STORE, pickle_key=key.hex(), store_sync_tokens=False)
        super().__init__(homeserver.rstrip("/"), user_id, device_id, str(directory), config)
        self.user_id = user_id
        #: Whether the store held our device's account when it was opened.
        self.had_account = False
        self.patience = Patience()
        self.on_wait: Callable[[float], None] = partial(_told, log)

    def load_store(self) -> None:
        """Open the store with our own Olm machine. Raises `StoreDamaged`."""
        try:
            self.store = Store(self.user_id, self.device_id, self.store_path, self.config.pickle_key, STORE)
            self.store.check()
            self.had_account = self.store.load_account() is not None
            self.olm = GuardedOlm(self.user_id, self.device_id, self.store)
            self.encrypted_rooms = self.store.load_encrypted_rooms()
        except Exception as error:
            raise StoreDamaged from error

    async def close(self) -> None:
        """End the connection and close the store."""
        await super().close()
        if self.store:
            self.store.database.close()

    async def send(  # noqa: PLR0917 - nio's signature
        self,
        method: str,
        path: str,
        data: Any = None,
        headers: dict[str, str] | None = None,
        trace_context: Any = None,
        timeout: Any = None,  # noqa: ASYNC109
    ) -> ClientResponse:
        """One request, repeated until it is answered. Raises `ServerAway` or `RateLimited`.

        Everything that nio or we ever ask of the homeserver ends here, and passes the gate: raises `GateClosed`.
        """
        gate.check(method, path, data, headers, self.authorization)
        attempt = partial(super().send, method, path, data, headers, trace_context, timeout)
        return await insist(attempt, _patience.get() or self.patience, self.on_wait)

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        seconds: float = ANSWERS_WITHIN,
        *,
        patience: Patience | None = None,
        shape: type[dict[str, Any] | list[Any]] = dict,
    ) -> Any:
        """A request of the client-server API and its JSON. Raises the errors of bot/matrix/errors.py.

        `patience` is for this request alone; an answer of another `shape` makes no sense.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", **self.authorization}
        token = _patience.set(patience)
        try:
            response = await self.send(method, target, data, headers, None, ClientTimeout(total=seconds))
        finally:
            _patience.reset(token)
        answer = parsed(await response.read())
        if response.status >= REFUSED:
            error = refusal(response.status, answer)
            log.info("homeserver_refused", method=method, status=response.status, error=type(error).__name__)
            raise error
        if not isinstance(answer, shape):
            raise NoSense
        return answer

    @property
    def authorization(self) -> dict[str, str]:
        """The header that says who we are, once we have signed in."""
        return {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}


def _told(logger: Any, seconds: float) -> None:
    logger.warning("homeserver_limits_our_rate", seconds=seconds)
