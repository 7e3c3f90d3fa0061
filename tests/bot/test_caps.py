from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.caps import MARGIN, Caps
from config.settings import load_settings
from delivery.speed import Way

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = """
policy_file = "policy.toml"
[matrix]
homeserver = "https://matrix.example.org"
user_id = "@carrierbag:example.org"
password_file = "password"
[state]
directory = "state"
[[sources]]
kind = "folder"
name = "radiology"
path = "studies"
[delivery]
opens = ["htj2k", "jpeg-ls"]
part_bytes = "50 MB"
[[destinations]]
server = "Trust-B.example"
part_bytes = "20 MB"
opens = ["jpeg-ls"]
[[destinations]]
server = "trust-c.example:8448"
part_bytes = "90 MB"
[[destinations]]
server = "trust-d.example"
opens = []
"""
ANNA, BEN, CARA, DAN = "@anna:example.org", "@ben:trust-b.example", "@c:trust-c.example:8448", "@d:trust-d.example"


@pytest.mark.parametrize(
    ("limit", "audience", "most"),
    [
        (None, [], 50_000_000),
        (30_000_000, [ANNA], 30_000_000 - MARGIN),
        (100_000_000, [ANNA, DAN], 50_000_000),
        (100_000_000, [ANNA, BEN], 20_000_000 - MARGIN),
        (10_000_000, [ANNA, BEN], 10_000_000 - MARGIN),
        (None, [CARA], 50_000_000),
        (None, ["@x:TRUST-B.EXAMPLE"], 20_000_000 - MARGIN),
        (None, ["@x:sub.trust-b.example"], 50_000_000),
    ],
)
async def test_the_smallest_of_what_we_want_our_server_takes_and_others_told_us_counts(
    limit: int | None, audience: list[str], most: int, tmp_path: Path
) -> None:
    path = tmp_path / "carrierbag.toml"
    path.write_text(EXAMPLE)

    async def asked() -> int | None:
        return limit

    assert await Caps(load_settings(path), asked).part_bytes(audience) == most


@pytest.mark.parametrize(
    ("audience", "ways"),
    [
        ([], set()),
        ([ANNA], {Way.JPEG_LS, Way.HTJ2K}),
        ([ANNA, CARA], {Way.JPEG_LS, Way.HTJ2K}),
        ([ANNA, BEN], {Way.JPEG_LS}),
        ([ANNA, BEN, DAN], set()),
    ],
)
def test_only_what_everybody_can_open_is_used(audience: list[str], ways: set[Way], tmp_path: Path) -> None:
    """Hazard: the registrar's PACS cannot read what was sent, and the pictures are not there when they are needed."""
    path = tmp_path / "carrierbag.toml"
    path.write_text(EXAMPLE)

    async def asked() -> int | None:
        return None

    assert Caps(load_settings(path), asked).opens(audience) == ways
