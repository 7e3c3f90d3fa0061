"""The page as its reader has it: double-clicked, without a network, with a mouse, a keyboard, or a finger."""

from __future__ import annotations

import re
import shutil
import zipfile
from typing import TYPE_CHECKING

import pydicom
import pytest

from delivery.bag import verify
from studies.synthetic import write_ankle, write_document, write_report
from tests.browser.browser import DESKTOP, PHONE
from tests.delivery.viewer.conftest import NOTE, Screen, bagged, study_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.browser import Browser
    from tests.delivery.viewer.conftest import Bag

CANVAS = "document.querySelector('[data-pane=\"1\"]').getBoundingClientRect()"


def place(screen: Screen, column: float, row: float) -> tuple[float, float]:
    """Where a place of the frame lies on the screen."""
    x, y = screen.browser.ask(
        f"(() => {{ const p = new DOMPoint({column}, {row}).matrixTransform(viewer.pane.matrix());"
        f" const box = {CANVAS}; return [p.x + box.left, p.y + box.top]; }})()"
    )
    return x, y


def drag(screen: Screen, start: tuple[float, float], end: tuple[float, float]) -> None:
    screen.browser.call("mouse.move", *start)
    screen.browser.call("mouse.down")
    screen.browser.call("mouse.move", *end, {"steps": 4})
    screen.browser.call("mouse.up")
    screen.settled()


def test_it_opens_by_itself_with_every_series_and_asks_nobody(browser: Browser, ankle: Bag) -> None:
    screen = Screen(browser, ankle.page)
    assert "TESTWELL, Ada" in screen.text("header")
    assert "999 000 0018" in screen.text("header")
    assert screen.text("footer strong") == "Not for primary diagnosis"
    cards = browser.ask("[...document.querySelectorAll('.card')].map((one) => one.textContent)")
    assert len(cards) == 3
    assert browser.ask("[...document.querySelectorAll('.card img')].every((one) => one.naturalWidth > 40)")
    assert browser.requests == browser.complaints == []


def test_nothing_in_the_page_may_be_fetched_evaluated_or_written_inline(browser: Browser, ankle: Bag) -> None:
    page = ankle.page.read_text()
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert "connect-src" not in policy
    assert not re.search(r"\son\w+=|<style|<script>|style=", page)
    Screen(browser, ankle.page)
    assert browser.ask("fetch('IHE_PDI/STUDY.JS').then(() => 'read', () => 'refused')") == "refused"
    assert browser.ask("fetch('https://127.0.0.1/').then(() => 'read', () => 'refused')") == "refused"


def test_only_the_page_is_at_the_root_and_only_its_content_in_its_folder(ankle: Bag, ct: Bag) -> None:
    for bag in (ankle, ct):
        assert verify(bag.zip).ok
        names = zipfile.ZipFile(bag.zip).namelist()
        web = {name for name in names if not name.startswith("DICOM/")} - {"DICOMDIR", "README.TXT", "manifest.json"}
        assert "INDEX.HTM" in web
        assert all(re.fullmatch(r"IHE_PDI/[A-Z0-9_]{1,8}\.(JS|CSS|TXT)", name) for name in web - {"INDEX.HTM"})


def test_opened_within_the_archive_it_says_to_unpack_first(browser: Browser, ankle: Bag, tmp_path: Path) -> None:
    shutil.copy(ankle.page, tmp_path)
    browser.open(tmp_path / "INDEX.HTM")
    assert "Unpack the ZIP file first" in str(browser.ask("document.body.innerText"))


def test_quick_looks_of_a_large_study_add_no_more_than_their_budget(ct: Bag) -> None:
    members = zipfile.ZipFile(ct.zip).infolist()
    frames = sum(one.compress_size for one in members if one.filename.startswith("IHE_PDI/F"))
    assert 0.3 * 1_500_000 < frames < 1.05 * 1_500_000


@pytest.mark.parametrize("way", ["wheel", "drag", "keys"])
def test_a_stack_is_scrolled(browser: Browser, ct: Bag, way: str) -> None:
    screen = Screen(browser, ct.page)
    middle = place(screen, 128, 128)
    browser.call("mouse.move", *middle)
    if way == "wheel":
        for _ in range(5):
            browser.call("mouse.wheel", 0, 100)
    elif way == "drag":
        drag(screen, middle, (middle[0], middle[1] + 60))
    else:
        screen.press("ArrowDown", "ArrowDown", "PageDown", "ArrowUp")
    screen.settled()
    assert screen.index >= 5
    assert f"{screen.index + 1} / 60" in screen.text(".corner.tr")
    screen.press("End")
    assert screen.index == 59
    screen.press("Home")
    assert screen.index == 0


def test_the_first_slice_is_the_uppermost_and_says_where_right_and_left_are(browser: Browser, ct: Bag) -> None:
    Screen(browser, ct.page)
    letters = browser.ask("[...document.querySelectorAll('text.compass')].map((one) => one.textContent)")
    assert letters == ["L", "P", "R", "A"]
    browser.press("f")
    browser.wait("document.querySelector('text.compass').textContent === 'R'")
    browser.press("f", "r")
    browser.wait("document.querySelector('text.compass').textContent === 'A'")


def test_a_window_is_dragged_chosen_and_given_back(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page)
    assert "W 400 C 40" in screen.text(".corner.bl")
    screen.press("1")
    assert "W 1800 C 400" in screen.text(".corner.bl")
    screen.press("0", "w")
    assert "W 400 C 40" in screen.text(".corner.bl")
    start = place(screen, 100, 100)
    drag(screen, start, (start[0] + 60, start[1]))
    width = float(re.findall(r"W ([\d.]+)", screen.text(".corner.bl"))[0])
    assert width > 450
    screen.press("ArrowLeft", "x")
    assert "W 400 C 40" in screen.text(".corner.bl")


def test_inverting_turns_every_level(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page)
    plain = screen.pixels().astype(int)
    screen.press("i")
    assert (plain + screen.pixels()).min() == (plain + screen.pixels()).max() == 255


def test_a_known_distance_is_measured_to_a_tenth_of_a_millimetre(browser: Browser, ankle: Bag, ct: Bag) -> None:
    for bag, keyword, words in ((ankle, "ImagerPixelSpacing", " mm at detector"), (ct, "PixelSpacing", " mm")):
        screen = Screen(browser, bag.page)
        spacing = float(pydicom.dcmread(bag.found.files[0][1], stop_before_pixels=True)[keyword].value[0])
        screen.press("l")
        for _ in range(4):
            screen.press("+")
        columns, rows = browser.ask("viewer.pane.size.toReversed()")
        start, end = (columns * 0.45, rows * 0.45), (columns * 0.55, rows * 0.52)
        drag(screen, place(screen, *start), place(screen, *end))
        right = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5 * spacing
        [told] = screen.marks
        assert told.endswith(words)
        assert abs(float(told.split()[0]) - right) <= 0.1


def test_an_angle_takes_three_clicks(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page)
    screen.press("a")
    for column, row in ((100, 60), (100, 120), (160, 120)):
        browser.call("mouse.click", *place(screen, column, row))
    screen.settled()
    assert screen.marks == ["90.0°"]
    screen.press("Delete")
    assert screen.marks == []


def test_a_length_is_measured_by_the_keyboard_alone(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page)
    spacing, scale = browser.ask("[viewer.pane.frame.about.spacing[1], viewer.pane.scale()]")
    screen.press("l", "Enter", *["Shift+ArrowRight"] * 5, "Enter")
    assert screen.marks == [f"{50 / scale * spacing:.1f} mm"]


def test_without_a_spacing_it_says_pixels(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page)
    screen.run("delete viewer.pane.frame.about.spacing")
    screen.press("l")
    drag(screen, place(screen, 50, 50), place(screen, 90, 80))
    [told] = screen.marks
    assert told.endswith(" pixels")
    assert abs(float(told.split()[0]) - 50) < 0.6


def test_zoom_and_pan_keep_the_place_under_the_pointer(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page)
    before = place(screen, 60, 70)
    box = browser.ask(f"(() => {{ const {{ left, top }} = {CANVAS}; return [left, top]; }})()")
    screen.run(f"viewer.pane.magnify(2, {before[0] - box[0]}, {before[1] - box[1]})")
    after = place(screen, 60, 70)
    assert abs(after[0] - before[0]) < 0.5
    assert abs(after[1] - before[1]) < 0.5
    screen.press("p", "ArrowRight")
    assert place(screen, 60, 70)[0] - after[0] == pytest.approx(10, abs=0.5)


def test_two_series_stand_side_by_side_and_scroll_together(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page)
    screen.press("d", "k", "PageDown")
    assert browser.ask("viewer.panes.map((one) => one.index)") == [10, 10]
    screen.press("d")
    assert browser.ask("viewer.panes[1].element.hidden") is True


def test_cine_plays_and_stops(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page)
    browser.press("Space")
    browser.wait("viewer.pane.index > 3")
    browser.press("Space")
    screen.settled()
    stood = screen.index
    screen.settled()
    assert screen.index == stood


def test_the_note_is_read_with_its_author(browser: Browser, ankle: Bag) -> None:
    screen = Screen(browser, ankle.page)
    screen.press("n")
    browser.wait("document.querySelector('.panel article')")
    told = screen.text(".panel")
    assert all(words in told for words in (NOTE.text, NOTE.author, NOTE.when, NOTE.title))
    screen.press("Escape")
    assert browser.ask("document.querySelector('.panel').hidden") is True


def test_the_header_is_a_table_with_names(browser: Browser, ankle: Bag) -> None:
    screen = Screen(browser, ankle.page)
    screen.press("t")
    browser.wait("document.querySelector('.panel tr')")
    rows = browser.ask("[...document.querySelectorAll('.panel tr')].map((one) => [one.title, one.innerText])")
    told = {tag[:11]: words for tag, words in rows}
    assert "Rows" in told["(0028,0010)"]
    assert "TESTWELL^ADA" in told["(0010,0010)"].upper()


def test_everything_is_reached_by_the_tabulator_and_says_its_name(browser: Browser, ankle: Bag) -> None:
    Screen(browser, ankle.page)
    unnamed = browser.ask(
        "[...document.querySelectorAll('button, select, input:not([hidden]), [tabindex]')]"
        ".filter((one) => !(one.textContent.trim() || one.getAttribute('aria-label'))).length"
    )
    assert unnamed == 0
    seen = set()
    for _ in range(40):
        browser.press("Tab")
        seen.add(browser.ask("document.activeElement.id || document.activeElement.className"))
    assert {"scroll", "length", "notes", "folder", "card", "pane active"} <= seen


def test_on_a_phone_a_finger_scrolls_and_two_zoom(browser: Browser, ct: Bag) -> None:
    screen = Screen(browser, ct.page, PHONE)
    assert browser.ask("document.documentElement.scrollWidth <= innerWidth")
    middle = place(screen, 128, 128)
    browser.call("touch", "touchStart", [middle])
    for step in range(1, 6):
        browser.call("touch", "touchMove", [(middle[0], middle[1] + 20 * step)])
    browser.call("touch", "touchEnd", [])
    screen.settled()
    assert screen.index > 2
    zoom = browser.ask("viewer.pane.zoom")
    browser.call("touch", "touchStart", [(100, 400), (200, 400)])
    browser.call("touch", "touchMove", [(60, 400), (240, 400)])
    browser.call("touch", "touchEnd", [])
    screen.settled()
    assert browser.ask("viewer.pane.zoom") > 1.3 * zoom


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_control_is_too_small_for_a_finger_or_hidden_behind_another(
    browser: Browser, ankle: Bag, options: dict[str, object]
) -> None:
    Screen(browser, ankle.page, options)
    least = 40 if options is PHONE else 30
    heights = browser.ask("[...document.querySelectorAll('.bar button')].map((one) => one.offsetHeight)")
    assert min(heights) >= least
    assert browser.ask("document.querySelector('.stage').clientHeight > innerHeight / 2")


def test_a_withdrawn_image_is_named_and_not_shown_even_when_dropped(browser: Browser, tmp_path: Path) -> None:
    """Hazard: somebody else's picture, which the sender took back, is looked at."""
    found = study_of(write_ankle(tmp_path / "source"))
    gone = found.files[0][0].sop_instance_uid
    bag = bagged(found, tmp_path, withdrawn={gone: "the sender withdrew it for the patient's safety"})
    screen = Screen(browser, bag.page)
    screen.run("viewer.open(viewer.study.series[0])")
    assert screen.text(".message") == "Not shown: the sender withdrew it for the patient's safety."
    browser.call("choose", "input[type=file]", str(bag.folder))
    browser.wait("viewer.value.textContent.includes('every pixel')")
    screen.settled()
    assert screen.text(".message").startswith("Not shown:")


def test_reports_and_letters_are_read_as_pages(browser: Browser, tmp_path: Path) -> None:
    views = write_ankle(tmp_path / "source")
    found = study_of([*views[:1], write_report(tmp_path / "report"), write_document(tmp_path / "letter")])
    screen = Screen(browser, bagged(found, tmp_path).page)
    labels = []
    for place_ in range(len(found.study.series)):
        screen.run(f"viewer.open(viewer.study.series[{place_}])")
        assert browser.ask("!!viewer.pane.shown.pixels")
        labels.append(screen.text(".corner.tl"))
    assert any("Report" in one for one in labels)
    assert any("Document" in one for one in labels)
