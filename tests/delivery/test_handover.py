from __future__ import annotations

import asyncio
import contextlib
import io
import zipfile
from typing import TYPE_CHECKING

import pydicom
import pytest

from delivery.errors import SpoolFull
from delivery.handover import NAMED, TOO_LARGE, UNSHOWN, Handover, Posting, Progress
from delivery.parcel import Parcel
from delivery.spool import Spool
from rendering.errors import CannotShow
from rendering.guides import KEY_OBJECTS, Guide, read_guide
from rendering.preview import Preview, PreviewPlan, render
from rendering.told import Told, told
from studies.errors import InstanceMissing
from studies.sources.folder import FolderSource
from studies.synthetic import write_ankle, write_document, write_marks, write_report, write_selection
from tests.fakes import dicom
from tests.fakes.house import CIPHER

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

MUCH = 50_000_000


async def in_this_process(plan: PreviewPlan) -> Preview:
    return render(plan)


async def here(path: Path) -> Guide | None:
    return read_guide(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "studies"


@pytest.fixture
async def source(folder: Path, tmp_path: Path) -> AsyncIterator[FolderSource]:
    folder.mkdir()
    opened = FolderSource("radiology", folder, tmp_path / "index.db", CIPHER)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 100_000_000)


async def handover(source: FolderSource, spool: Spool, uid: str, notes: list[Progress] | None = None) -> Handover:
    study = await source.study(uid)
    told = (lambda _: None) if notes is None else notes.append
    return Handover(study, source, spool=spool, render=in_this_process, read=here, on_progress=told)


async def every(walk: AsyncGenerator[Posting, None]) -> list[Posting]:
    async with contextlib.aclosing(walk):
        return [one async for one in walk]


async def test_previews_come_in_reading_order_whatever_the_files_order(
    source: FolderSource, spool: Spool, folder: Path
) -> None:
    for number, view in enumerate(["LL", "OBLIQUE", "AP"], start=1):
        dicom.save(dicom.image(SOPInstanceUID=dicom.uid(view), InstanceNumber=number, ViewPosition=view), folder / view)
    postings = await every((await handover(source, spool, dicom.uid("study"))).previews(()))
    assert [(one.step, one.number) for one in postings] == [
        (f"preview view/{dicom.uid('AP')}", 1),
        (f"preview view/{dicom.uid('OBLIQUE')}", 2),
        (f"preview view/{dicom.uid('LL')}", 3),
    ]
    assert all(isinstance(one.item, Preview) and one.item.data.startswith(b"\xff\xd8") for one in postings)


async def test_kept_previews_are_not_made_again(source: FolderSource, spool: Spool, folder: Path) -> None:
    uid = dicom.ankle(folder)
    first, second, third = await every((await handover(source, spool, uid)).previews(()))
    made = []

    async def counted(plan: PreviewPlan) -> Preview:
        made.append(plan.key)
        return render(plan)

    again = Handover(await source.study(uid), source, spool=spool, render=counted, read=here)
    assert [one.step for one in await every(again.previews({first.step, third.step}))] == [second.step]
    assert [f"preview {key}" for key in made] == [second.step]


async def test_what_has_no_pixels_is_named_in_one_line(source: FolderSource, spool: Spool, folder: Path) -> None:
    uid = dicom.ankle(folder, views=1)
    dicom.report(folder)
    *_, last = await every((await handover(source, spool, uid)).previews(()))
    assert last.step == UNSHOWN
    assert str(last.item).splitlines() == [
        "No preview of these; they are in the DICOM files all the same:",
        f"Image 9 ({dicom.uid('ankle', 'sr')}): a structured report: there is nothing to read in it",
    ]


async def test_key_images_come_first_as_marked_and_documents_have_their_pages(
    source: FolderSource, spool: Spool, folder: Path
) -> None:
    views = write_ankle(folder)
    for write in (write_marks, write_selection, write_report, write_document):
        write(folder)
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in views]
    study = str(headers[0].StudyInstanceUID)
    postings = await every((await handover(source, spool, study)).previews(()))
    ap, mortise, lateral = (f"preview view/{one.SOPInstanceUID}" for one in headers)
    steps = [one.step for one in postings]
    assert steps[0].startswith(f"{mortise}/")
    assert steps[1:4] == [mortise, lateral, ap]
    assert [step.rpartition("/")[2] for step in steps[4:]] == ["1", "1"]  # the report and the letter; nothing is left
    assert postings[0].notes[0].startswith("Oblique lucency")
    assert await every((await handover(source, spool, study)).previews(set(steps))) == []


async def test_a_guide_that_cannot_be_read_is_named_and_everything_is_shown(
    source: FolderSource, spool: Spool, folder: Path
) -> None:
    uid = dicom.ankle(folder, views=1)
    dicom.report(folder, SOPClassUID=KEY_OBJECTS)
    first, last = await every((await handover(source, spool, uid)).previews(()))
    assert first.step == f"preview view/{dicom.uid('ankle', 'AP')}"
    assert "a selection of key images" in str(last.item)


async def test_a_reader_that_crashes_costs_the_guide_only(source: FolderSource, spool: Spool, folder: Path) -> None:
    uid = dicom.ankle(folder, views=1)
    dicom.report(folder, SOPClassUID=KEY_OBJECTS)

    async def crash(path: Path) -> Guide | None:
        raise CannotShow("decoding it fails", "P21")

    walk = Handover(await source.study(uid), source, spool=spool, render=in_this_process, read=crash)
    assert len(await every(walk.previews(()))) == 2


async def test_once_named_nothing_is_made_again(source: FolderSource, spool: Spool, folder: Path) -> None:
    uid = dicom.ankle(folder)
    dicom.report(folder)
    assert await every((await handover(source, spool, uid)).previews({UNSHOWN})) == []


async def test_a_file_that_cannot_be_shown_is_named_once_however_many_frames_it_has(
    source: FolderSource, spool: Spool, folder: Path
) -> None:
    uid = dicom.ankle(folder, views=1, NumberOfFrames=12, Modality="XA")

    async def refuse(plan: PreviewPlan) -> Preview:
        raise CannotShow("its picture is damaged")

    broken = Handover(await source.study(uid), source, spool=spool, render=refuse, read=here)
    [named] = await every(broken.previews(()))
    assert str(named.item).splitlines()[1:] == [f"Image 1 ({dicom.uid('ankle', 'AP')}): its picture is damaged"]


async def test_what_a_contact_sheet_could_not_show_is_noted_with_the_sheet(
    source: FolderSource, spool: Spool, folder: Path
) -> None:
    for number in range(1, 6):
        ds = dicom.image(Modality="CT", InstanceNumber=number, SOPInstanceUID=dicom.uid(f"slice {number}"))
        if number == 4:
            ds.PixelData = ds.PixelData[:100]
        dicom.save(ds, folder / str(number))
    [sheet, _] = await every((await handover(source, spool, dicom.uid("study"))).previews(()))
    assert isinstance(sheet.item, Preview)
    assert len(sheet.notes) == 1
    assert sheet.notes[0].startswith(f"Image 4 ({dicom.uid('slice 4')}): ")


async def test_a_very_long_list_of_files_is_cut_and_counted(source: FolderSource, spool: Spool, folder: Path) -> None:
    for number in range(NAMED + 5):
        dicom.report(folder / str(number), SOPInstanceUID=dicom.uid(f"report {number}"))
    [named] = await every((await handover(source, spool, dicom.uid("ankle"))).previews(()))
    lines = str(named.item).splitlines()
    assert len(lines) == NAMED + 2
    assert lines[-1] == "and 5 more"


async def test_a_small_study_is_one_zip_that_holds_every_file(source: FolderSource, spool: Spool, folder: Path) -> None:
    uid = dicom.ankle(folder)
    dicom.report(folder)
    [posting] = await every((await handover(source, spool, uid)).parcels((), MUCH))
    parcel = posting.item
    assert isinstance(parcel, Parcel)
    assert (posting.step, parcel.file_name, parcel.instances) == ("parcel 1", "DICOM.ZIP", 4)
    names = zipfile.ZipFile(io.BytesIO(b"".join(spool.open_sealed(parcel.sealed)))).namelist()
    assert {"README.TXT", "DICOMDIR", "manifest.json"} < set(names)
    assert len(names) == 3 + 4


async def test_a_study_larger_than_a_part_comes_in_parts_and_kept_ones_are_not_packed_again(
    source: FolderSource, spool: Spool, folder: Path
) -> None:
    uid = dicom.ankle(folder)
    small = 16_384 + 22_000
    work = await handover(source, spool, uid)
    parts = await every(work.parcels((), small))
    assert len(parts) > 1
    assert [one.step for one in parts] == [f"parcel {number}" for number in range(1, len(parts) + 1)]
    assert sum(one.item.instances for one in parts if isinstance(one.item, Parcel)) == 3
    rest = await every(work.parcels({"parcel 1"}, small))
    assert [one.step for one in rest] == [one.step for one in parts[1:]]


async def test_one_image_that_is_too_large_is_named_and_the_others_come(
    source: FolderSource, spool: Spool, folder: Path
) -> None:
    uid = dicom.ankle(folder, views=2)
    big = dicom.image(
        StudyInstanceUID=uid, SeriesInstanceUID=dicom.uid("big"), InstanceNumber=7, Rows=400, Columns=400,
        PixelData=bytes(320_000),
    )  # fmt: skip
    dicom.save(big, folder / "big")
    work = await handover(source, spool, uid)
    postings = await every(work.parcels((), 100_000))
    assert [one.step for one in postings] == ["parcel 1", TOO_LARGE]
    assert str(postings[-1].item).startswith("Image 7 is not sent: it has 0.32")
    assert await every(work.parcels({"parcel 1", TOO_LARGE}, 100_000)) == []


async def test_progress_is_told_with_counts(source: FolderSource, spool: Spool, folder: Path) -> None:
    notes: list[Progress] = []
    work = await handover(source, spool, dicom.ankle(folder), notes)
    await every(work.previews(()))
    await every(work.parcels((), MUCH))
    assert notes[:3] == [Progress("Preview", number, 3) for number in (1, 2, 3)]
    assert notes[3:] == [Progress("Packing", number, 3) for number in (1, 2, 3)]


async def test_a_file_that_is_gone_is_the_sources_error(source: FolderSource, spool: Spool, folder: Path) -> None:
    work = await handover(source, spool, dicom.ankle(folder))
    (folder / "ankle" / "2").unlink()
    with pytest.raises(InstanceMissing):
        await every(work.previews(()))
    with pytest.raises(InstanceMissing):
        await every(work.parcels((), MUCH))


async def test_a_full_spool_is_said_and_nothing_is_left_in_it(
    source: FolderSource, tmp_path: Path, folder: Path
) -> None:
    small = Spool(tmp_path / "small", 1000)
    work = await handover(source, small, dicom.ankle(folder))
    with pytest.raises(SpoolFull):
        await every(work.parcels((), MUCH))
    assert list((tmp_path / "small").iterdir()) == []


@pytest.mark.parametrize("after", [0.0, 0.005, 0.02, 0.05])
async def test_a_packing_that_is_called_off_leaves_nothing_in_the_spool(
    source: FolderSource, spool: Spool, folder: Path, tmp_path: Path, after: float
) -> None:
    uid = dicom.ankle(folder)
    big = dicom.image(
        StudyInstanceUID=uid, SeriesInstanceUID=dicom.uid("big"), Rows=4000, Columns=2000, PixelData=bytes(16_000_000)
    )
    dicom.save(big, folder / "big")
    work = await handover(source, spool, uid)
    walk = work.parcels((), MUCH)
    packing = asyncio.ensure_future(anext(walk))
    await asyncio.sleep(after)
    packing.cancel()
    await asyncio.wait([packing])
    if not packing.cancelled():  # packed faster than it could be called off: then it is the caller's
        item = packing.result().item
        assert isinstance(item, Parcel)
        spool.discard(item.sealed.name)
    assert list((tmp_path / "spool").iterdir()) == []


async def test_a_report_is_told_as_text_before_its_page_and_once(
    source: FolderSource, spool: Spool, folder: Path
) -> None:
    views = write_ankle(folder)
    write_report(folder)
    uid = str(pydicom.dcmread(views[0], stop_before_pixels=True).StudyInstanceUID)
    read = []

    async def tell(path: Path) -> Told:
        read.append(path)
        return told(path)

    work = Handover(await source.study(uid), source, spool=spool, render=in_this_process, read=here, tell=tell)
    postings = await every(work.previews(()))
    text, page = postings[-2:]
    assert text.step.removeprefix("report ") in page.step
    head, whose, _, *lines = str(text.item).splitlines()
    assert head == "Report · series 6 · Diagnostic imaging report · 2026-03-02 · verified"
    assert "NHS 999 000 0018" in whose
    assert [lines[0], lines[3]] == ["FINDINGS", "CONCLUSIONS"]
    assert text.step not in {one.step for one in await every(work.previews({text.step}))}
    await every(work.parcels((), MUCH))
    assert len(read) == 1
