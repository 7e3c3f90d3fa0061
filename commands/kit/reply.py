"""What a command says: plain text first, HTML made from it, everything foreign escaped."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

#: What can be typed, at the beginning of a line: it stands out from what is said about it.
_TYPED = re.compile(r"^![a-z][^:\n]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to the person who asked. `step` names it among all that this command says."""

    step: str
    text: str
    #: Goes only when every device in the room is cross-signed. False for words that hold nothing of a study.
    strict: bool = True


def message(text: str, *, reply_to: str = "", thread: str = "", mentions: tuple[str, ...] = ()) -> dict[str, Any]:
    """The content of an m.notice (Matrix, m.room.message): notices never trigger other bots."""
    content: dict[str, Any] = {
        "msgtype": "m.notice",
        "body": text,
        "format": "org.matrix.custom.html",
        "formatted_body": _html(text),
        "m.mentions": {"user_ids": list(mentions)} if mentions else {},
    }
    return content | related(reply_to, thread)


def _html(text: str) -> str:
    return _TYPED.sub(r"<b>\g<0></b>", html.escape(text, quote=False)).replace("\n", "<br>")


def related(reply_to: str, thread: str = "") -> dict[str, Any]:
    """What an event answers, and the thread that it stands in, by their event ids (Matrix, Threading; Rich replies).

    Clients without threads show it as an answer.
    """
    relation: dict[str, Any] = {"m.in_reply_to": {"event_id": reply_to}} if reply_to else {}
    if thread:
        relation |= {"rel_type": "m.thread", "event_id": thread, "is_falling_back": True}
    return {"m.relates_to": relation} if relation else {}


def edit(text: str, event_id: str) -> dict[str, Any]:
    """The content that replaces an earlier message of ours (Matrix, event replacements)."""
    new = message(text)
    return message(f"* {text}") | {
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }
