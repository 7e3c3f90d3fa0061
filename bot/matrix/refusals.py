"""Why a key does not come: what the other app says of it (m.room_key.withheld), in words for whoever wrote. Pure.

The codes are a stranger's words, brought by a server: each chooses a sentence of ours, and nothing else of them is
kept or shown. The sender counts only for their own messages, so nobody can explain away another's.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from bot.matrix.chain import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.matrix.events import RawEvent

WITHHELD = "m.room_key.withheld"
NO_OLM = "m.no_olm"
#: Of so many people, so many refusals each are remembered: the oldest go first. Then the reason is said in general.
PEOPLE, EACH = 200, 50
#: Characters of a room's and a session's id that are kept: more is none.
LONGEST = 320

REFUSED = "your app refuses to send me the key of this message"
#: For each code of the spec ("Reporting that decryption keys are withheld"): why, and what the person can do.
CODES = {
    "m.blacklisted": (
        "your app is set to send me no keys",
        "open my profile in your app, allow my device again, and send it once more",
    ),
    "m.unverified": (
        "your app sends keys to verified devices only, and I am not verified there",
        (
            "verify me: open my profile in your app and choose Verify (your administrator sees the emoji to compare). "
            "Then send it again"
        ),
    ),
    "m.unauthorised": (
        "your app says that it is not for me, because I was not in the room when you wrote it",
        "send it again now",
    ),
    "m.unavailable": (
        "your app does not have the key of this message any more",
        "send it again",
    ),
    NO_OLM: (
        "your app could not open a secure channel to me",
        "keep your app open for a minute, and send it again; if that does not help, ask your administrator",
    ),
}
#: What helps, by why it could not be read.
ADVICE = dict(CODES.values()) | {REFUSED: "send it again; if that does not help, ask your administrator"}


class Refusals:
    """What was said of keys that do not come, bounded."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, OrderedDict[tuple[str, str], str]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(theirs) for theirs in self._said.values())

    def learn(self, event: Mapping[str, Any]) -> None:
        """Take note of a to-device event, if it is a refusal and well-formed."""
        sender, content = event.get("sender"), table(event.get("content"))
        code, room_id, session_id = content.get("code"), content.get("room_id"), content.get("session_id")
        if event.get("type") != WITHHELD or not isinstance(sender, str) or not isinstance(code, str):
            return
        if code == NO_OLM:  # of all sessions, so it names none
            self._remember(sender, ("", ""), NO_OLM)
        elif isinstance(room_id, str) and isinstance(session_id, str) and len(room_id + session_id) <= LONGEST:
            self._remember(sender, (room_id, session_id), code if code in CODES else "")

    def lifted(self, sender: str) -> None:
        """A message of this person was read: there is a channel."""
        self._said.get(sender, OrderedDict()).pop(("", ""), None)

    def why(self, event: RawEvent) -> str:
        """Why this message has no key, as its sender's app says; "" when it says nothing."""
        theirs: Mapping[tuple[str, str], str] = self._said.get(event.sender, {})
        about = (event.room_id, str(event.content.get("session_id")))
        code = theirs.get(about, theirs.get(("", "")))
        return "" if code is None else CODES.get(code, (REFUSED, ""))[0]

    def _remember(self, sender: str, about: tuple[str, str], code: str) -> None:
        theirs = self._said.setdefault(sender, OrderedDict())
        self._said.move_to_end(sender)
        theirs[about] = code
        theirs.move_to_end(about)
        if len(theirs) > EACH:
            theirs.popitem(last=False)
        if len(self._said) > PEOPLE:
            self._said.popitem(last=False)
