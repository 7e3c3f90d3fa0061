"""What is large is asked about before anything is sent; what of a study goes is chosen by words behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bot import corridor
from commands.kit import large
from ledger import finds, shares
from ledger.states import ShareState
from tests.commands.test_note import opened as unpacked
from tests.fakes import dicom
from tests.fakes.session import ANNA, BEN

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.shares import Share
    from tests.fakes.house import House

CT = "1.2.840.10008.5.1.4.1.1.2"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
#: In these tests as little as one thin series is large.
LIMIT = 60_000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "UNASKED", LIMIT)
    monkeypatch.setattr(corridor, "UNASKED", LIMIT)


def stack(folder: Path, number: int, description: str, gap: float, count: int, *, name: str = "ct") -> None:
    """A series of slices of 40 x 40."""
    for place in range(count):
        ds = dicom.image(
            SOPClassUID=CT,
            StudyInstanceUID=dicom.uid(name),
            SeriesInstanceUID=dicom.uid(name, str(number)),
            SOPInstanceUID=dicom.uid(name, str(number), str(place)),
            Modality="CT",
            StudyDescription="CT Thorax",
            SeriesNumber=number,
            SeriesDescription=description,
            InstanceNumber=place + 1,
            Rows=40,
            Columns=40,
            PixelData=np.full((40, 40), place, "<u2").tobytes(),
            ImagePositionPatient=[0, 0, place * gap],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[1, 1],
        )
        dicom.save(ds, folder / name / f"{number}-{place}")


def thorax(folder: Path, name: str = "ct") -> str:
    """Ten thick and twenty thin slices: 120 kB."""
    stack(folder, 2, "Thorax 5.0", 5.0, 10, name=name)
    stack(folder, 3, "Thorax 0.8", 0.8, 20, name=name)
    return dicom.uid(name)


async def opened(house: House) -> list[Share]:
    return await shares.every(house.ledger)


def sent(house: House) -> list[str]:
    """Names of the files in the room."""
    return [one.content["filename"] for one in house.session.posted if one.content.get("msgtype") == "m.file"]


async def test_a_large_study_is_asked_about_with_size_files_and_time_and_nothing_is_sent(house: House) -> None:
    thorax(house.folder)
    house.speed = 10_000.0
    async with house.running():
        [question] = await house.ask("!share study")
    head, how, *ways = question.splitlines()
    assert head.startswith("CT Thorax, 20 Nov 2026 · B**** A**, 1963, NHS *** *** 0018 · 30 images, ")
    assert how == "That is large. Nothing is sent until you type a number:"
    assert [way.partition(":")[0] for way in ways] == [
        "1. all of it",
        "2. without the thin slices",
        "3. thin slices",
        "4. series 2, Thorax 5.0",
        "5. series 3, Thorax 0.8",
    ]
    assert ways[0].endswith("30 images, 0.1 MB, 1 ZIP file, about 15 s")
    assert await opened(house) == []


async def test_before_the_first_upload_times_are_said_for_known_links(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        [question] = await house.ask("!share study")
    assert "about 5 s at 10 Mbit/s or about 5 s at 100 Mbit/s" in question


async def test_the_number_is_the_agreement_and_counts_once(house: House) -> None:
    uid = thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
        await house.ask("1")
        assert await house.ask("1") == []
    [share] = await opened(house)
    assert (share.study_instance_uid, share.state) == (uid, ShareState.DELIVERED)
    assert sent(house) == ["DICOM.ZIP"]


async def test_two_agreements_at_once_count_once(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
        await house.hear("1")
        await house.hear("1")
        await house.quiet()
    assert len(await opened(house)) == 1


async def test_a_restart_does_not_lose_the_question(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
    await house.ledger.close()
    async with house.open(), house.running():
        await house.ask("1")
        [share] = await opened(house)
        assert share.state is ShareState.DELIVERED


async def test_nobody_elses_number_is_the_agreement(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study", sender=ANNA)
        assert await house.ask("1", sender=BEN) == []
        house.clock.now += finds.LIFETIME + 1
        assert await house.ask("1", sender=ANNA) == []
    assert await opened(house) == []


async def test_asking_again_is_no_agreement(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
        [again] = await house.ask("!share study")
    assert "That is large." in again
    assert await opened(house) == []


async def test_a_study_that_has_grown_since_is_asked_about_again(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
        stack(house.folder, 4, "Later", 0.8, 20)
        house.source._scanned_at = float("-inf")
        [again] = await house.ask("1")
    assert "4. series 2" in again
    assert await opened(house) == []


async def test_several_studies_that_are_large_together_are_asked_about_together(house: House) -> None:
    thorax(house.folder)
    dicom.ankle(house.folder, "ann", views=1)
    async with house.running():
        await house.ask("!share study")
        [question] = await house.ask("1, 2")
        assert await opened(house) == []
        assert [line[:5] for line in question.splitlines()[1:]] == ["1. CT", "2. CR"]
        await house.ask("1, 2")
    assert [one.state for one in await opened(house)] == [ShareState.DELIVERED] * 2


@pytest.mark.parametrize(
    ("number", "images", "only"),
    [("2", 10, "without the thin slices"), ("3", 20, "thin slices"), ("4", 10, "series 2")],
)
async def test_less_can_be_chosen_from_the_question(house: House, number: str, images: int, only: str) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
        said = await house.ask(number)
    assert said[0].splitlines()[-1].startswith(f"{images} images, ")
    assert said[0].endswith(f" · only {only}")
    assert said[-1].splitlines()[0] == said[0].splitlines()[0].replace("Share", "* Share")


async def test_series_that_are_chosen_together_go_in_one_share(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
        await house.ask("4 and 5")
    [share] = await opened(house)
    assert share.plan["options"]["series"] == [2, 3]


async def test_two_ways_to_send_one_study_are_a_mistake(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
        [answer] = await house.ask("1, 4")
    assert answer.endswith("[T36]")
    assert await opened(house) == []


async def test_what_is_small_enough_is_not_asked_about(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        said = await house.ask("!share study series 2")
    [share] = await opened(house)
    assert share.state is ShareState.DELIVERED
    assert said[0].endswith(" · only series 2")


async def test_options_stay_with_a_question_until_its_number_is_typed(house: House) -> None:
    thorax(house.folder)
    thorax(house.folder, "other")
    async with house.running():
        await house.ask("!share study thick --pdi")
        await house.ask("1")
    [share] = await opened(house)
    assert (share.plan["options"]["thick"], share.plan["options"]["pdi"]) == (True, True)


async def test_options_typed_with_the_number_count_instead(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study")
        await house.ask("!share study 1 series 2")
    [share] = await opened(house)
    assert share.plan["options"]["series"] == [2]


@pytest.mark.parametrize(
    ("typed", "code"), [("series 7", "D30"), ("key", "D32"), ("series 2 thin", "D31"), ("--fast", "T30")]
)
async def test_what_is_not_in_the_study_is_said_and_nothing_is_sent(house: House, typed: str, code: str) -> None:
    thorax(house.folder)
    async with house.running():
        [answer] = await house.ask(f"!share study {typed}")
    assert answer.endswith(f"[{code}]")
    assert await opened(house) == []


def mark(folder: Path, *places: int, name: str = "ct") -> None:
    """A key object selection of thin slices."""
    ds = dicom.image(
        SOPClassUID=KEY_OBJECTS,
        StudyInstanceUID=dicom.uid(name),
        SeriesInstanceUID=dicom.uid(name, "keys"),
        SOPInstanceUID=dicom.uid(name, "keys", "1"),
        Modality="KO",
        SeriesNumber=99,
    )
    for keyword in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"):
        delattr(ds, keyword)
    title = dicom.Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "113000", "DCM", "Of Interest"
    ds.ConceptNameCodeSequence, ds.ValueType, ds.ContentSequence = [title], "CONTAINER", []
    for place in places:
        item, image = dicom.Dataset(), dicom.Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CT, dicom.uid(name, "3", str(place))
        item.RelationshipType, item.ValueType, item.ReferencedSOPSequence = "CONTAINS", "IMAGE", [image]
        ds.ContentSequence.append(item)
    dicom.save(ds, folder / name / "keys")


async def test_key_images_alone_go_with_what_marks_them(house: House) -> None:
    thorax(house.folder)
    mark(house.folder, 4, 11)
    async with house.running():
        said = await house.ask("!share study key")
    [share] = await opened(house)
    assert share.state is ShareState.DELIVERED
    assert said[-1].splitlines()[2].startswith("3 files, ")
    assert share.plan["first"] == sorted(dicom.uid("ct", "3", str(place)) for place in (4, 11))


async def test_the_part_with_the_key_images_comes_first(house: House) -> None:
    thorax(house.folder)
    mark(house.folder, 15)
    house.part_bytes = 16_384 + 60_000
    async with house.running():
        await house.ask("!share study")
        await house.ask("1")
    [share] = await opened(house)
    assert share.plan["first"] == [dicom.uid("ct", "3", "15")]
    assert len(sent(house)) > 1


async def test_more_key_images_than_go_unasked_are_not_sent(house: House) -> None:
    thorax(house.folder)
    mark(house.folder, *range(20))
    async with house.running():
        said = await house.ask("!share study key")
    [share] = await opened(house)
    assert share.state is ShareState.FAILED
    assert said[-1].endswith("more than was said before. Send the command again. [D33]")
    assert sent(house) == []


async def test_a_view_shows_no_more_than_the_share(house: House) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study series 2")
        [answer] = await house.ask("!view 1 series 3")
    assert "series 3" in answer
    assert house.session.posted[-1].content["msgtype"] == "m.notice"


async def test_the_parcel_of_a_narrowed_study_says_that_it_is_not_the_whole(house: House, tmp_path: Path) -> None:
    thorax(house.folder)
    async with house.running():
        await house.ask("!share study series 2")
    [event] = [one for one in house.session.posted if one.content.get("msgtype") == "m.file"]
    archive = unpacked(house, event, tmp_path)
    said = "This is not the whole study: series 2 only, 10 of 30 files."
    assert said in archive.read("README.TXT").decode("utf-8-sig")
    assert said in archive.read("IHE_PDI/STUDY.JS").decode("ascii")
