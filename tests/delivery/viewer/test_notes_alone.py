"""Notes that were written when the files were gone travel with a viewer of their own: it opens with what they say."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from delivery.notes import Enclosed, Notes, Written
from delivery.parcel import pack
from delivery.parts import Part
from delivery.spool import Spool
from delivery.viewer.site import Site
from studies.synthetic import write_ankle
from tests.browser.browser import PHONE
from tests.delivery.material import gathered, opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.browser import Browser


def test_a_parcel_of_notes_alone_opens_with_the_notes(browser: Browser, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1 << 30)
    found = gathered(write_ankle(tmp_path / "ankle"))[0]
    written = Written("@anna:trust-a.example", "Anna Kowalska", 1_800_000_000.0, "Allergic to penicillin.", "late")
    notes = Notes(12, "share 12 $abc", 1_800_000_000.0, 2, (written,))
    filed = notes.filed(found.study)
    part, enclosed = Part(1, 1, (filed.instance,)), Enclosed(notes.plain, notes.told, filed)
    with enclosed.lent(part) as files, spool.seal() as sink:
        site = Site(found.study, part, notes.told, budget=0)
        parcel = pack(filed.study, part, files, sink, site=site, notes=notes.plain)
    with zipfile.ZipFile(opened(parcel, spool, tmp_path / "NOTES_2.ZIP")) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert parcel.size < 250_000
    browser.open(tmp_path / "unpacked" / "INDEX.HTM")
    shown = str(browser.ask("document.querySelector('aside').innerText"))
    assert "Allergic to penicillin." in shown
    assert "Anna Kowalska (@anna:trust-a.example)" in shown
    assert browser.complaints == []
    browser.picture(tmp_path / "desktop.png")
    browser.open(tmp_path / "unpacked" / "INDEX.HTM", PHONE)
    assert "Allergic to penicillin." in str(browser.ask("document.querySelector('aside').innerText"))
    browser.picture(tmp_path / "phone.png")
