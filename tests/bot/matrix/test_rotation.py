"""How long one group session serves."""

from __future__ import annotations

from typing import Any

import pytest

from access.rooms import Rotation
from bot.matrix.rotation import rotation

WEEK = 7 * 86_400.0


@pytest.mark.parametrize(
    ("content", "seconds", "messages"),
    [
        ({}, WEEK, 100),
        ({"rotation_period_ms": 3_600_000, "rotation_period_msgs": 5}, 3600.0, 5),
        ({"rotation_period_ms": 1, "rotation_period_msgs": 1}, 0.001, 1),
        ({"rotation_period_ms": 10**15, "rotation_period_msgs": 10**9}, WEEK, 100),
        ({"rotation_period_ms": 0, "rotation_period_msgs": -1}, WEEK, 100),
        ({"rotation_period_ms": "5", "rotation_period_msgs": True}, WEEK, 100),
        ({"rotation_period_ms": None, "rotation_period_msgs": 2.5}, WEEK, 100),
    ],
)
def test_a_room_can_ask_for_new_keys_more_often_and_never_less_often(
    content: dict[str, Any], seconds: float, messages: int
) -> None:
    assert rotation(content) == Rotation(seconds, messages)
