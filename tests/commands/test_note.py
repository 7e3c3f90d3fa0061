"""`!note` and `!share --note` through the real parts; only the homeserver is in memory."""

from __future__ import annotations

import asyncio
import base64
import io
import zipfile
from typing import TYPE_CHECKING, Any

import fpdf  # noqa: F401 loading it takes seconds, which no test waits for
import pydicom
import pypdfium2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from access.policy import Policy
from bot.late_notes import LateNotes
from bot.matrix.errors import ServerAway
from bot.matrix.signatures import decoded
from delivery.bag import verify
from ledger import audit, notes
from tests.fakes import dicom
from tests.fakes.house import House, until
from tests.fakes.session import ANNA, BEN, OTHER_ROOM, ROOM, SERVER

if TYPE_CHECKING:
    from pathlib import Path

    from bot.workers import Workers
    from tests.fakes.session import Sent

PDF = "1.2.840.10008.5.1.4.1.1.104.1"


def parcels(house: House) -> list[Sent]:
    return [one for one in house.session.posted if one.content["msgtype"] == "m.file"]


def opened(house: House, event: Sent, folder: Path) -> zipfile.ZipFile:
    """The ZIP as a recipient's client has it; it keeps what its manifest promises."""
    file: dict[str, Any] = event.content["file"]
    key = base64.urlsafe_b64decode(file["key"]["k"] + "==")
    data = (
        Cipher(algorithms.AES(key), modes.CTR(decoded(file["iv"])))
        .decryptor()
        .update(house.session.media.stored[file["url"]])
    )
    path = folder / event.body
    path.write_bytes(data)
    assert verify(path).problems == ()
    return zipfile.ZipFile(io.BytesIO(data))


def documents(archive: zipfile.ZipFile) -> dict[str, pydicom.Dataset]:
    files = {name: archive.read(name) for name in archive.namelist() if name.startswith("DICOM/")}
    read = {name: pydicom.dcmread(io.BytesIO(data), force=True) for name, data in files.items()}
    return {name: one for name, one in read.items() if one.get("SOPClassUID") == PDF}


def words(document: pydicom.Dataset) -> str:
    pages = pypdfium2.PdfDocument(document.EncapsulatedDocument)
    return "\n".join(page.get_textpage().get_text_range() for page in pages).replace("\r", "")


def readme(archive: zipfile.ZipFile) -> str:
    return archive.read("README.TXT").decode("utf-8-sig").replace("\r", "")


async def test_a_note_given_with_the_share_is_a_document_of_the_study_and_plain_text_beside_it(
    house: House, tmp_path: Path
) -> None:
    uid = dicom.ankle(house.folder)
    async with house.running():
        await house.ask('!share study --note "Fell at 9. No pulse → Łukasz"', display_name="Anna Kowalska")
    [event] = parcels(house)
    archive = opened(house, event, tmp_path)
    [(name, document)] = documents(archive).items()
    assert name == "DICOM/S00002/I00001"
    assert (document.StudyInstanceUID, document.PatientName, document.Modality) == (uid, "BROWN^Ann", "DOC")
    assert document.file_meta.MediaStorageSOPInstanceUID == document.SOPInstanceUID
    for text in (words(document), readme(archive)):
        assert "Fell at 9. No pulse → Łukasz" in text
        assert f"Anna Kowalska ({ANNA}) · 15 Jan 2027, " in text
        assert "written with the share" in text
    assert "BROWN, Ann · born 12 Apr 1963 · NHS 999 000 0018" in words(document)
    assert b"Fell at 9." in archive.read("IHE_PDI/STUDY.JS")
    assert house.spooled() == []


async def test_a_note_in_the_room_of_a_share_that_is_not_packed_yet_goes_into_its_files(
    house: House, tmp_path: Path
) -> None:
    dicom.ankle(house.folder, views=1)
    house.session.media.flowing.clear()
    async with house.running():
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, house.session.media.puts))
        await house.hear("!note Fell from a ladder.\n\nAllergic to penicillin.", sender=BEN)
        await until(lambda: asyncio.sleep(0, any("Noted" in one for one in house.session.said())))
        house.session.media.flowing.set()
        await house.quiet()
    [said] = [one for one in house.session.said() if "Noted" in one]
    assert said.startswith("Noted for share 1 of BROWN, Ann · born 12 Apr 1963 · NHS 999 000 0018.")
    [event] = parcels(house)
    archive = opened(house, event, tmp_path)
    assert "Fell from a ladder.\n\n    Allergic to penicillin." in readme(archive)
    assert "written in the room of the share" in words(next(iter(documents(archive).values())))


async def test_a_note_after_the_files_follows_in_the_thread_as_a_parcel_of_its_own(
    house: House, tmp_path: Path
) -> None:
    dicom.ankle(house.folder)
    async with house.running():
        await house.ask('!share study --note "first"')
        asked = await house.hear("!note 1 second")
        await house.quiet()
        await house.ask("!note 1: third")
    first, second, third = parcels(house)
    assert [one.body for one in (first, second, third)] == ["DICOM.ZIP", "NOTES_2.ZIP", "NOTES_3.ZIP"]
    headline = house.session.posted[0].event_id
    assert second.content["m.relates_to"] == {
        "rel_type": "m.thread", "event_id": headline, "is_falling_back": True, "m.in_reply_to": {"event_id": asked}
    }  # fmt: skip
    archives = [opened(house, one, tmp_path) for one in (first, second, third)]
    assert [list(documents(one)) for one in archives] == [[f"DICOM/S00002/I0000{place}"] for place in (1, 2, 3)]
    found = [next(iter(documents(one).values())) for one in archives]
    assert len({one.SeriesInstanceUID for one in found}) == 1
    assert len({one.SOPInstanceUID for one in found}) == 3
    assert [one.InstanceNumber for one in found] == [1, 2, 3]
    assert [text in words(found[place]) for place, text in enumerate(("first", "second", "third"))] == [True] * 3
    assert "third" not in readme(archives[1])
    assert house.spooled() == []


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("!note", "[T01]"), ("!note 1", "[H32]"), ("!note 7 text", "[H01]"), ("!note " + "x" * 4001, "[H33]"),
    ],
)  # fmt: skip
async def test_a_note_that_makes_no_sense_gets_one_sentence(house: House, typed: str, code: str) -> None:
    dicom.ankle(house.folder, views=1)
    async with house.running():
        await house.ask("!share study")
        [said] = await house.ask(typed)
    assert said.endswith(code)
    assert len(parcels(house)) == 1


async def test_of_several_shares_none_is_guessed(house: House) -> None:
    for number in range(2):
        dicom.ankle(house.folder, f"study {number}", views=1)
    async with house.running():
        assert (await house.ask("!note text"))[0].endswith("[H30]")
        await house.ask("!share study")
        await house.ask("1 2")
        [said] = await house.ask("!note text")
        assert said.endswith("[H31]")
        assert (await house.ask("!note 1 text", room=OTHER_ROOM))[0].endswith("[H01]")


async def test_whoever_may_not_share_may_not_note(tmp_path: Path, workers: Workers) -> None:
    rules = [([ANNA], ["*"], ["share", "find"]), ([BEN], ["*"], ["find"])]
    (tmp_path / "strict").mkdir()
    house = House(tmp_path / "strict", workers, policy=Policy.of(SERVER, rules=rules))
    dicom.ankle(house.root / "studies", views=1)
    async with house.open(), house.running():
        await house.ask("!share study")
        [said] = await house.ask("!note 1 text", sender=BEN)
        assert said.startswith("Not noted")
        [help_] = await house.ask("!help", sender=BEN)
        assert "!note" not in help_


async def test_a_note_to_a_share_that_was_stopped_is_refused_and_nothing_stays(house: House) -> None:
    dicom.ankle(house.folder)
    house.session.media.flowing.clear()
    async with house.running():
        await house.hear('!share study --note "text"')
        await until(lambda: asyncio.sleep(0, house.session.media.puts))
        await house.hear("!cancel 1")
        await until(lambda: asyncio.sleep(0, any("is stopped" in one for one in house.session.said())))
        house.session.media.flowing.set()
        assert (await house.ask("!note 1 text"))[0].endswith("[H35]")
    assert await house.ledger.row("SELECT 1 FROM notes WHERE sealed_note IS NOT NULL") is None


async def test_a_source_that_is_away_delays_a_late_note_and_loses_nothing(house: House, tmp_path: Path) -> None:
    dicom.ankle(house.folder, views=1)
    house.session.media.faults.extend([None, None, None, ServerAway(), None, ServerAway()])
    async with house.running():
        await house.ask("!share study")
        await house.ask("!note 1 text")
    assert [one.body for one in parcels(house)] == ["DICOM.ZIP", "NOTES_1.ZIP"]


async def test_a_note_that_people_came_in_after_is_not_sent_and_it_is_said(house: House) -> None:
    dicom.ankle(house.folder, views=1)
    async with house.running():
        await house.ask("!share study")
        puts = len(house.session.media.puts)
        house.session.media.flowing.clear()
        await house.hear("!note 1 text")
        await until(lambda: asyncio.sleep(0, len(house.session.media.puts) > puts))
        house.session.change(joined=house.session.rooms[ROOM].joined | {f"@new:{SERVER}"})
        house.session.media.flowing.set()
        await house.quiet()
    assert len(parcels(house)) == 1
    assert any("joined this room since" in one for one in house.session.said())


async def test_who_wrote_a_note_is_audited_and_what_they_wrote_is_not(house: House) -> None:
    dicom.ankle(house.folder, views=1)
    async with house.running():
        await house.ask("!share study")
        await house.ask("!note 1 secretive", sender=BEN)
    events = [one.event for one in await audit.records(house.ledger) if "note" in one.event.detail]
    assert [(one.who, one.share_id) for one in events] == [(BEN, 1), (BEN, 1)]
    assert "secretive" not in str(events)
    assert await audit.verify(house.ledger) == []


async def test_a_crash_before_a_late_note_is_kept_packs_it_again_and_sends_it_once(
    tmp_path: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mortal").mkdir()
    house, reached = House(tmp_path / "mortal", workers), asyncio.Event()
    dicom.ankle(house.root / "studies", views=1)

    async def die(*_: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    async with house.open(), house.running():
        await house.ask("!share study")
    with monkeypatch.context() as patch:
        patch.setattr(LateNotes, "_entry", die)
        async with house.open(), house.running():
            await house.hear("!note 1 text")
            await asyncio.wait_for(reached.wait(), 20)
    async with house.open(), house.running():
        await house.quiet()
    assert [one.body for one in parcels(house)] == ["DICOM.ZIP", "NOTES_1.ZIP"]
    assert house.spooled() == []


async def test_a_crash_while_the_files_go_changes_nothing_in_them_and_loses_no_note(
    tmp_path: Path, workers: Workers
) -> None:
    (tmp_path / "mortal").mkdir()
    house = House(tmp_path / "mortal", workers)
    dicom.ankle(house.root / "studies", views=1)
    async with house.open(), house.running():
        await house.hear('!share study --note "first"')
        await until(lambda: asyncio.sleep(0, len(house.session.posted) >= 2))  # the headline, and the picture
        house.session.media.flowing.clear()
        await until(lambda: notes.taken(house.ledger, 1))
        await house.hear("!note 1 second")
        await until(lambda: asyncio.sleep(0, any("follows in a ZIP" in one for one in house.session.said())))
    house.session.media.flowing.set()
    async with house.open(), house.running():
        await house.quiet()
    first, second = parcels(house)
    archives = [opened(house, one, tmp_path) for one in (first, second)]
    assert [readme(one).count("first") for one in archives] == [1, 0]
    assert [readme(one).count("second") for one in archives] == [0, 1]
    found = [list(documents(one).values()) for one in archives]
    assert [[one.InstanceNumber for one in several] for several in found] == [[1], [2]]
