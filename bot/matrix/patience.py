"""Asking until there is an answer: pauses between attempts, and an end to them.

An answer is one of the homeserver's own, in JSON. 500 and more, 408, a proxy's page, a broken connection or a cut body
are none: the same request goes out again (same transaction id, so that nothing happens twice). 429 is waited for as
long as the server says, within a bound.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiohttp import ClientConnectionError, ClientPayloadError, ClientResponse

from bot.matrix.errors import RateLimited, ServerAway
from bot.matrix.wire import parsed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()

SERVER_ERROR = 500
#: Some proxy on the way has waited long enough: as good as no answer.
TIMED_OUT = 408
TOO_MANY_REQUESTS = 429
#: Seconds to wait when a 429 does not say how long.
UNSAID = 5.0
#: Less is not believed: a server that says 0 each time would be asked without pause.
LEAST = 0.1
#: Milliseconds: more (30 years) is not meant.
SENSIBLE = 1e12


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is repeated, and how long it may be told to wait, in seconds."""

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 20.0
    longest_limit: float = 300.0

    def pause(self, failures: int) -> float:
        """Doubling, with jitter, so that many clients of a restarted server do not come back at once."""
        return min(self.first_pause * 2.0 ** (failures - 1), self.longest_pause) * random.uniform(0.7, 1.3)  # noqa: S311


async def insist(
    attempt: Callable[[], Awaitable[ClientResponse]], patience: Patience, told: Callable[[float], None]
) -> ClientResponse:
    """The first real answer, its body read. `told` hears each wait that a 429 imposes.

    Raises `ServerAway` after `patience.attempts` failures, `RateLimited` when all waits together would pass the bound.
    """
    failures, waited = 0, 0.0
    while True:
        try:
            response = await _answer(attempt)
        except (ClientConnectionError, ClientPayloadError, TimeoutError) as error:
            failures += 1
            if failures >= patience.attempts:
                raise ServerAway from error
            log.warning("homeserver_does_not_answer", failures=failures, error=type(error).__name__)
            await asyncio.sleep(patience.pause(failures))
            continue
        if response.status != TOO_MANY_REQUESTS:
            return response
        seconds = await retry_after(response)
        waited += seconds
        if waited > patience.longest_limit:
            raise RateLimited(seconds)
        told(seconds)
        await asyncio.sleep(seconds)


async def _answer(attempt: Callable[[], Awaitable[ClientResponse]]) -> ClientResponse:
    response = await attempt()
    body = await response.read()
    if response.status >= SERVER_ERROR or response.status == TIMED_OUT or not is_json(body):
        raise ClientConnectionError(f"status {response.status}, not an answer of a homeserver")
    return response


def is_json(body: bytes) -> bool:
    """Whether this is an object or array of JSON, which every answer of a homeserver is."""
    try:
        return isinstance(parsed(body), dict | list)
    except ValueError:
        return False


async def retry_after(response: ClientResponse) -> float:
    """Seconds: the header first (spec since v1.10), then the body's deprecated `retry_after_ms`."""
    header = response.headers.get("Retry-After", "")
    if header.isascii() and header.isdigit():
        return max(float(header), LEAST)
    body = parsed(await response.read())
    milliseconds = body.get("retry_after_ms") if isinstance(body, dict) else None
    if isinstance(milliseconds, int | float) and 0 <= milliseconds < SENSIBLE:
        return max(milliseconds / 1000, LEAST)
    return UNSAID
