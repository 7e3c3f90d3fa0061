"""Parcels made of real and synthetic files, unpacked into a folder, and a browser that opens their page."""

from __future__ import annotations

import base64
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from delivery.parcel import Packing
from delivery.parts import frames_budget
from delivery.spool import Spool
from delivery.viewer.site import Note, Site
from rendering.errors import CannotShow
from rendering.quicklook import quick_look
from studies.synthetic import write_ankle, write_ct
from tests.browser.browser import DESKTOP, Browser
from tests.delivery.material import gathered, opened, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from delivery.parcel import Look
    from rendering.quicklook import QuickPlan
    from tests.delivery.material import Found

LIMIT = 1 << 32
NOTE = Note(
    "Note for the registrar",
    "Fell off a kerb at 08:15.\nTender over the lateral malleolus, cannot bear weight.",
    "Sr N. Okafor, ENP",
    "24 Nov 2026 09:41",
    "typed in the room",
)
PICTURE = """
(() => {
  const canvas = document.querySelector('[data-pane="1"] canvas');
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const levels = [];
  for (let i = 0; i < data.length; i += 32768) {
    levels.push(String.fromCharCode(...data.subarray(i, i + 32768).filter((_, at) => at % 4 < 3)));
  }
  return [canvas.height, canvas.width, btoa(levels.join(""))];
})()
"""


@dataclass(frozen=True)
class Bag:
    """A parcel as its recipient has it."""

    found: Found
    zip: Path
    folder: Path

    @property
    def page(self) -> Path:
        return self.folder / "INDEX.HTM"


class Screen:
    """The viewer of one bag, open in the browser."""

    def __init__(self, browser: Browser, page: Path, options: Mapping[str, Any] = DESKTOP) -> None:
        self.browser = browser
        browser.open(page, options)
        self.settled()

    def settled(self) -> None:
        """Until the picture that is asked for stands there, or the words why it does not."""
        self.browser.wait(
            "globalThis.viewer && viewer.panes.every((one) => one.element.hidden || !one.scheduled &&"
            " one.shown?.frame === one.frame && (one.shown.pixels || one.message.textContent))"
        )

    def press(self, *keys: str) -> None:
        self.browser.press(*keys)
        self.settled()

    def run(self, statement: str) -> None:
        self.browser.ask(f"{{ {statement} }}")
        self.settled()

    def pixels(self) -> NDArray[np.uint8]:
        """Rows x columns x 3 of the canvas, which has the frame's own pixels when it is shown 1:1."""
        self.press("o")
        rows, columns, data = self.browser.ask(PICTURE)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(rows, columns, 3)

    def text(self, selector: str) -> str:
        return str(self.browser.ask(f"document.querySelector({selector!r}).textContent"))

    @property
    def lacking(self) -> str:
        """Why a dropped file is shown as a quick look all the same."""
        return str(self.browser.ask("viewer.pane.shown.pixels?.lacking ?? ''"))

    @property
    def index(self) -> int:
        return int(self.browser.ask("viewer.pane.index"))

    @property
    def marks(self) -> list[str]:
        return list(self.browser.ask("[...document.querySelectorAll('text.mark')].map((one) => one.textContent)"))


def bagged(
    found: Found,
    folder: Path,
    *,
    notes: tuple[Note, ...] = (),
    budget: int | None = None,
    withdrawn: Mapping[str, str] | None = None,
) -> Bag:
    """The study in one parcel with its viewer, packed as the bot packs it, and unpacked."""
    folder.mkdir(parents=True, exist_ok=True)
    spool, part = Spool(folder / "spool", 1 << 32), whole(found.study)
    room = budget or frames_budget(part, LIMIT) or 0
    site = Site(found.study, part, notes, budget=room, withdrawn=withdrawn or {})
    with spool.seal() as sink:
        packing = Packing(found.study, part, sink, site=site)
        for instance, path in found.files:
            packing.add(instance, path, looked(site.plan(instance, path)))
        parcel = packing.finish()
    path = opened(parcel, spool, folder / "DICOM.ZIP")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "unpacked")
    return Bag(found, path, folder / "unpacked")


def looked(plan: QuickPlan | None) -> Look:
    try:
        return plan and quick_look(plan)
    except CannotShow as error:
        return f"No quick look: {error.reason}."


def study_of(paths: Iterable[Path]) -> Found:
    [found] = gathered(paths)
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    started = Browser()
    yield started
    started.close()


@pytest.fixture(scope="session")
def ankle(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    folder = tmp_path_factory.mktemp("ankle")
    return bagged(study_of(write_ankle(folder / "source")), folder, notes=(NOTE,))


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """Sixty slices, of which quick looks travel."""
    folder = tmp_path_factory.mktemp("ct")
    return bagged(study_of(write_ct(folder / "source", slices=60, rows=256)), folder, budget=1_500_000)
