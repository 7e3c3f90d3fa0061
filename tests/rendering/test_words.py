"""What is burnt in is ours: a body part is recognised however it is written, and never copied."""

from __future__ import annotations

import pytest

from rendering import presets, words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ANKLE", "ankle"),
        ("Ankle RT", "ankle"),
        ("L ANKLE", "ankle"),
        ("RIGHT ANKLE JOINT", "ankle"),
        ("L SPINE", "lumbar spine"),
        ("L-SPINE", "lumbar spine"),
        ("T_SPINE", "thoracic spine"),
        ("RADIUSULNA", "forearm"),
        ("UP EXM", "upper limb"),
        ("TIB/FIB", "lower leg"),
        ("R", ""),
        ("SMITH ANKLE", ""),
        ("", ""),
    ],
)
def test_a_body_part_is_recognised_or_left_out(written: str, said: str) -> None:
    assert words.body_part(written) == said


def test_windows_are_for_parts_that_have_a_name() -> None:
    known = set(words._PARTS.values())
    for some in (presets._HEAD, presets._NECK, presets._CHEST, presets._SPINE, presets._BONY):
        assert some <= known
