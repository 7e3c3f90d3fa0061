"""The choice is checked against the model that it stands for: what is there first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from delivery.speed import ALWAYS, ASSUMED, UNKNOWN, Pace, Speed, Way

if TYPE_CHECKING:
    from pathlib import Path

#: Bytes a second of 10, 100 and 500 Mbit/s, and of loopback.
SLOW, HOSPITAL, FAST, LOOPBACK = 1.25e6, 12.5e6, 62.5e6, 1e9
EVERY = (*ALWAYS, Way.JPEG_LS, Way.HTJ2K)


def seen(link: float) -> Speed:
    speed = Speed()
    for _ in range(4):
        speed.uploaded(30_000_000, 0.05 + 30_000_000 / link)
    return speed


@pytest.mark.parametrize(
    ("link", "allowed", "way"),
    [
        (SLOW, EVERY, Way.JPEG_LS),
        (SLOW, ALWAYS, Way.DEFLATED),
        (HOSPITAL, (*ALWAYS, Way.JPEG_LS), Way.JPEG_LS),
        (2 * HOSPITAL, EVERY, Way.HTJ2K),
        (FAST, EVERY, Way.DEFLATED),
        (LOOPBACK, EVERY, Way.STORED),
        (SLOW, (Way.UNCOMPRESSED,), Way.UNCOMPRESSED),
    ],
)
def test_the_way_follows_the_link_and_what_the_receiver_opens(link: float, allowed: tuple[Way, ...], way: Way) -> None:
    assert seen(link).way(allowed, "CT", 8) is way


def test_nothing_known_is_taken_for_a_hospitals_uplink() -> None:
    assert Speed().link == UNKNOWN
    assert Speed().way((*ALWAYS, Way.JPEG_LS), "CT") is Way.JPEG_LS


@pytest.mark.parametrize("link", [SLOW, HOSPITAL, FAST])
def test_the_link_is_what_the_last_uploads_say(link: float) -> None:
    assert seen(link).link == pytest.approx(link, rel=0.15)


def test_small_uploads_on_a_quick_link_do_not_make_it_look_slow() -> None:
    speed = Speed()
    for _ in range(10):
        speed.uploaded(80_000, 0.03)
    assert speed.link > UNKNOWN


def test_a_link_that_became_slow_is_known_after_two_parts() -> None:
    speed = seen(LOOPBACK)
    for _ in range(2):
        speed.uploaded(50_000_000, 40)
    assert speed.way((*ALWAYS, Way.JPEG_LS), "CT", 8) is Way.JPEG_LS


def test_a_machine_that_compresses_slowly_learns_to_do_without() -> None:
    speed = seen(HOSPITAL)
    for _ in range(3):
        speed.packed(Way.JPEG_LS, "CT", 50_000_000, 15_000_000, 10)
    assert speed.way((*ALWAYS, Way.JPEG_LS), "CT", 8) is Way.DEFLATED
    assert speed.way((*ALWAYS, Way.JPEG_LS), "MR", 8) is Way.DEFLATED


def test_a_slow_machine_is_slow_at_what_it_has_not_tried_yet() -> None:
    """Else each way would be tried once, because the others look quicker."""
    speed = seen(LOOPBACK)
    speed.packed(Way.STORED, "CT", 50_000_000, 50_000_000, 2)
    assert speed.way((*ALWAYS, Way.JPEG_LS), "CT", 8) is Way.STORED


def test_radiographs_are_expected_to_shrink_less() -> None:
    assert Speed().pace(Way.JPEG_LS, "DX").ratio < Speed().pace(Way.JPEG_LS, "CT").ratio
    assert Speed().pace(Way.STORED, "DX").ratio == 1


def test_what_is_too_small_to_measure_teaches_nothing() -> None:
    speed = Speed()
    speed.packed(Way.STORED, "SR", 2000, 4000, 1)
    assert speed.pace(Way.STORED, "SR") == ASSUMED[Way.STORED]


def test_parts_overlap_and_one_part_cannot() -> None:
    pace = Pace(10, 2)
    assert pace.seconds(5, 1) == pytest.approx(0.2)
    assert pace.seconds(5, 10) == pytest.approx(0.11)


def test_the_link_outlives_a_restart_and_says_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    Speed(file).uploaded(30_000_000, 24.05)
    assert Speed(file).link == pytest.approx(SLOW, rel=0.15)
    assert len(file.read_bytes()) < 40


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"bytes_per_second": "x"}', '{"bytes_per_second": NaN}', "1"])
def test_a_file_that_makes_no_sense_is_no_file(tmp_path: Path, content: str) -> None:
    file = tmp_path / "speed.json"
    file.write_text(content)
    assert Speed(file).link == UNKNOWN


def test_a_folder_that_takes_nothing_stops_no_upload(tmp_path: Path) -> None:
    Speed(tmp_path / "not" / "there").uploaded(30_000_000, 1)


def test_a_time_is_told_only_when_something_is_known() -> None:
    assert Speed().expected(()) is None
    slow = seen(SLOW)
    assert slow.expected(()) == pytest.approx(2 * SLOW, rel=0.2)
    assert (slow.expected((Way.JPEG_LS,)) or 0) > (slow.expected(()) or 0)
