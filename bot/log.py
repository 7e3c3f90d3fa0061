"""Logs for the operator: UIDs and Matrix IDs yes, anything about a patient never."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from config.settings import LogSettings


def configure(settings: LogSettings) -> None:
    """Write to standard error, as lines for a person or as JSON. Libraries may speak from warnings on only."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    renderer = structlog.processors.JSONRenderer() if settings.as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.dict_tracebacks if settings.as_json else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    # nio writes message bodies and device names into its debug log, pydicom writes header values into its warnings.
    for library in ("nio", "peewee", "aiohttp", "pydicom", "PIL"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
