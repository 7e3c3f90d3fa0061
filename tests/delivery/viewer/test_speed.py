"""How quick a stack is in the hand. The best of three counts: other tests run beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from studies.synthetic import write_ct
from tests.delivery.viewer.conftest import Bag, Screen, bagged, study_of

if TYPE_CHECKING:
    from tests.browser.browser import Browser

#: Every frame of the screen, the next picture, if the last one stands there: pictures a second.
SCROLL = """
new Promise((done) => {
  const { pane } = viewer, began = performance.now();
  pane.go(0);
  const step = () => {
    if (pane.shown.frame === pane.frame && pane.shown.pixels) {
      if (pane.index === pane.frames.length - 1) return done((1000 * pane.index) / (performance.now() - began));
      pane.go(pane.index + 1);
    }
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})
"""


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """100 slices of 512 x 512, with as much for quick looks as 600 of them have each."""
    folder = tmp_path_factory.mktemp("slices")
    found = study_of(write_ct(folder / "source", slices=100))
    return bagged(found, folder, budget=found.study.size // 5)


def test_the_first_picture_stands_there_within_a_second(browser: Browser, slices: Bag) -> None:
    taken = []
    for _ in range(3):
        Screen(browser, slices.page)
        taken.append(browser.ask("performance.now()"))
    assert min(taken) < 1000


@pytest.mark.parametrize("whole", [False, True], ids=["quick looks", "dropped files"])
def test_a_stack_scrolls_at_thirty_pictures_a_second(browser: Browser, slices: Bag, *, whole: bool) -> None:
    Screen(browser, slices.page)
    if whole:
        browser.call("choose", "input[type=file]", str(slices.folder))
        browser.wait("viewer.value.textContent.includes('every pixel')")
    assert max(browser.ask(SCROLL) for _ in range(3)) >= 30
