from __future__ import annotations

import pytest

from access.reasons import Reason
from commands.kit.welcome import farewell, hello


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("guests can join. Switch it off, then ask again.", "- Guests can join. Switch it off. [R07]"),
        ("@x has no key. Ask them, then send the command again.", "- @x has no key. Ask them. [R07]"),
        ("it was replaced. Go there, and ask again.", "- It was replaced. Go there. [R07]"),
        ("it is bridged. Ask in a room without.", "- It is bridged. Ask in a room without. [R07]"),
    ],
)
def test_nobody_who_has_not_asked_is_told_to_ask_again(sentence: str, told: str) -> None:
    assert told in farewell([Reason("R07", sentence)]).splitlines()
    assert told in hello([], lambda _: False, [Reason("R07", sentence)], direct=False).splitlines()


def test_who_may_do_nothing_here_is_told_whom_to_ask() -> None:
    assert "Ask your administrator" in hello([], lambda _: False, [], direct=True)
