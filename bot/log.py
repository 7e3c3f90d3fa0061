"""Logs for the operator: UIDs and Matrix IDs yes, anything about a patient never."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, Any

import structlog

from config.errors import CarrierbagError

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from config.settings import LogSettings


def _places_only(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its types and places: its words and variables may hold a name or a message."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if error is not None:
        event["exception"] = "\n".join(_trace(error))
    return event


def _trace(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _trace(cause)
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{frame.filename}:{frame.lineno} in {frame.name}"
    yield f"{type(error).__name__} {error.code if isinstance(error, CarrierbagError) else ''}".strip()


def configure(settings: LogSettings) -> None:
    """Write to standard error, as lines for a person or as JSON. Libraries may speak from warnings on only."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    renderer = structlog.processors.JSONRenderer() if settings.as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _places_only,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    # nio writes message bodies and device names into its debug log, pydicom writes header values into its warnings.
    for library in ("nio", "peewee", "aiohttp", "pydicom", "PIL"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
