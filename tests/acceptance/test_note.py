"""Notes and reports on real parts: Synapse, and matrix-js-sdk as the client of a registrar who reads them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sqlite3
import zipfile
from typing import TYPE_CHECKING

import pydicom
import pypdfium2

from bot.demo.process import BotProcess
from studies.synthetic import write_ankle, write_report

if TYPE_CHECKING:
    from pathlib import Path

    from bot.demo.seen import SeenEvent

    from .conftest import Ward

PDF = "1.2.840.10008.5.1.4.1.1.104.1"


def notes_in(path: Path) -> str:
    """What the note's own document says."""
    with zipfile.ZipFile(path) as archive:
        files = [archive.read(name) for name in archive.namelist() if name.startswith("DICOM/")]
    [document] = [one for one in (pydicom.dcmread(io.BytesIO(file)) for file in files) if one.SOPClassUID == PDF]
    pages = pypdfium2.PdfDocument(document.EncapsulatedDocument)
    return "\n".join(page.get_textpage().get_text_range() for page in pages)


async def late_parcel(ward: Ward, since: int) -> Path:
    def is_it(event: SeenEvent) -> bool:
        return event.sender == ward.bot and event.body.startswith("NOTES_")

    event = await ward.registrar.wait(is_it, 60, since)
    assert event.trusted
    path = ward.directory / event.body
    await ward.registrar.download(event, path)
    return path


async def test_a_registrar_reads_the_note_in_the_parcel_and_the_report_in_the_chat(ward: Ward) -> None:
    write_ankle(ward.studies)
    write_report(ward.studies)
    async with ward.running():
        await ward.gather()
        receipt = await ward.share('!share study --note "Fell at 9, no pulse. Łukasz Żółć, 山田"')
        await ward.done()
        [report] = [event for event in ward.registrar.events if event.body.startswith("Report · series 6")]
        assert "Weber B fracture of the right fibula" in report.body
        since = len(ward.registrar.events)
        said = await ward.ask("!note 1 Allergic to penicillin.")
        assert said.body.startswith("Noted for share 1 of ")
        late = await late_parcel(ward, since)
    parcel = receipt.out / receipt.parcels[0]["file"]
    assert "Fell at 9, no pulse. Łukasz Żółć, 山田" in notes_in(parcel)
    with zipfile.ZipFile(parcel) as archive:
        assert "Fell at 9, no pulse. Łukasz Żółć, 山田" in archive.read("README.TXT").decode("utf-8-sig")
        viewer = archive.read("IHE_PDI/STUDY.JS").decode()
        assert "Fell at 9, no pulse." in viewer
        assert "Weber B fracture of the right fibula" in viewer
    assert "Allergic to penicillin." in notes_in(late)


async def test_a_late_note_that_a_kill_interrupts_arrives_once_and_lies_nowhere_in_clear(ward: Ward) -> None:
    write_ankle(ward.studies)
    running = await BotProcess.start(ward.config)
    await ward.gather()
    await ward.share()
    await ward.done()
    since = len(ward.registrar.events)
    await ward.registrar.send(ward.room, "!note 1 Wensleydale")
    ledger = ward.config.parent / "state" / "ledger.db"
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as watcher:
        async with asyncio.timeout(20):
            while not watcher.execute("SELECT 1 FROM notes").fetchone():  # noqa: ASYNC110 - the bot tells nobody
                await asyncio.sleep(0.002)
    await running.kill()
    running = await BotProcess.start(ward.config)
    assert "Wensleydale" in notes_in(await late_parcel(ward, since))
    await ward.ask("!status")
    await running.stop()
    assert len([one for one in ward.registrar.events if one.body.startswith("NOTES_")]) == 1
    kept = [path for path in ward.config.parent.rglob("*") if path.is_file()]
    assert not [path.name for path in kept if b"Wensleydale" in path.read_bytes()]
