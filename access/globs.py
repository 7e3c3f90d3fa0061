"""The operator's patterns: "*" is any run of characters except ":", "?" is one. Pure.

A pattern matches the whole of an ID or nothing. "*" stops at ":" so that "@*:example.org" cannot be met by a made-up ID
whose server part ends in ":example.org". Localparts are compared exactly (two accounts may differ by case only), server
names without case (DNS).
"""

from __future__ import annotations

import re

_EVERYTHING = re.compile(r".+", re.DOTALL)
_SERVER = re.compile(r"[0-9A-Za-z.*?-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?", re.ASCII)


def people_pattern(glob: str, own_server: str) -> re.Pattern[str]:
    """For Matrix IDs. "own" is everybody on the bot's own server, "*" everybody. Raises ValueError."""
    if glob == "*":
        return _EVERYTHING
    if glob == "own":
        return _pattern("@", f"@*:{own_server}")
    server_pattern(glob.partition(":")[2])
    return _pattern("@", glob)


def bot_pattern(glob: str) -> re.Pattern[str]:
    """For accounts of programs: a warning, so capitals do not evade it, and without a server part it is for every
    server. Raises ValueError.
    """  # noqa: D205 - one sentence
    anywhere = "" if ":" in glob else ":.+"
    return re.compile(f"(?i:{_pattern('@', glob).pattern}{anywhere})", re.ASCII)


def account_pattern(glob: str) -> re.Pattern[str]:
    """For accounts that are exempted: a Matrix ID or a pattern of them, with its server. Raises ValueError."""
    if not glob.startswith("@"):
        raise ValueError("not an account")
    return people_pattern(glob, "")


def room_pattern(glob: str) -> re.Pattern[str]:
    """For room IDs, with a server part or (room version 12) without. "*" is every room. Raises ValueError."""
    return _EVERYTHING if glob == "*" else _pattern("!", glob)


def server_pattern(glob: str) -> re.Pattern[str]:
    """For server names in lower case. Raises ValueError; "*" alone is refused, because it would be everybody."""
    if not _SERVER.fullmatch(glob) or not any(character.isalnum() for character in glob):
        raise ValueError("not a server name")
    return re.compile(_translate(glob.lower()))


def _pattern(sigil: str, glob: str) -> re.Pattern[str]:
    local, colon, server = glob.partition(":")
    if not local.startswith(sigil) or len(local) == 1 or not local.isprintable() or " " in local:
        raise ValueError(f"does not begin with {sigil}")
    if colon and not _SERVER.fullmatch(server):
        raise ValueError("not a server name")
    return re.compile(_translate(local) + (f":(?i:{_translate(server)})" if colon else ""), re.ASCII)


def _translate(glob: str) -> str:
    return "".join({"*": "[^:]*", "?": "[^:]"}.get(character, re.escape(character)) for character in glob)
