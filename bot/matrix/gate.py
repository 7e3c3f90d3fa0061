"""The one gate: what may leave for a homeserver, and nothing else. Pure, deny by default.

Each request is looked at as a whole before its first byte goes out: method, path, query, headers and body. What may
leave stands in `permitted`. Nothing of what was refused enters an error or a log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

import structlog

from bot.matrix.ciphertext import is_readable
from bot.matrix.errors import GateClosed
from bot.matrix.permitted import RULES, UPLOADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.matrix.permitted import Rule

log = structlog.get_logger()

#: Characters of identifiers that a path may hold as they are (RFC 3986).
SIGILS = "!$:@"
JSON = {"Content-Type": "application/json"}


def check(method: str, target: str, data: Any, headers: Mapping[str, str] | None, ours: Mapping[str, str]) -> None:
    """Raise `GateClosed` unless this request may leave. `ours` is the header that says who we are."""
    rule = _rule(RULES, method, target)
    if rule is None:
        raise _closed("not a known request")
    if not _headed(headers or {}, {**JSON, **ours}):
        raise _closed("headers", rule)
    if not _asked(target, rule):
        raise _closed("query", rule)
    known, body = _json(data)
    if not known or not rule.body(body):
        raise _closed("body", rule)


def check_upload(method: str, target: str, head: bytes) -> None:
    """The same for a stream of bytes that begins with `head`: ciphertext, and without a name."""
    rule = _rule(UPLOADS, method, target)
    if rule is None or not _asked(target, rule):
        raise _closed("not a known upload")
    if is_readable(head):
        raise _closed("body", rule)


def _rule(rules: Iterable[Rule], method: str, target: str) -> Rule | None:
    """The rule for this path. A path that could be written in another way is none: it could be read in another way."""
    written = target.partition("?")[0].split("/")
    try:
        segments = [unquote(part, errors="strict") for part in written]
    except ValueError:
        return None
    if any(
        part not in {quote(one, safe=""), quote(one, safe=SIGILS)} for part, one in zip(written, segments, strict=True)
    ):
        return None
    return next((rule for rule in rules if rule.method == method and rule.takes(segments)), None)


def _headed(headers: Mapping[str, str], allowed: Mapping[str, str]) -> bool:
    return all(allowed.get(name) == value for name, value in headers.items())


def _asked(target: str, rule: Rule) -> bool:
    """Whether the query has only what the rule knows, each once."""
    query = target.partition("?")[2]
    try:
        asked = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict") if query else []
    except ValueError:
        return False
    once = len(dict(asked)) == len(asked)
    return once and all(name in rule.query and rule.query[name](value) for name, value in asked)


def _json(data: Any) -> tuple[bool, Any]:
    """Whether this is one JSON value, and the value. An object that says something twice is none."""
    if data is None or (isinstance(data, str | bytes) and not data):
        return True, None
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        return True, json.loads(text, object_pairs_hook=_once, parse_constant=_never)
    except (TypeError, ValueError, RecursionError):
        return False, None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a field twice")
    return table


def _never(_: str) -> None:
    raise ValueError("no number")


def _closed(what: str, rule: Rule | None = None) -> GateClosed:
    log.error("gate_closed", what=what, endpoint=f"{rule.method} {rule.template}" if rule else "unknown")
    return GateClosed(what)
