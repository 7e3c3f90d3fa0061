from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
import zipfile
from collections import Counter
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from bot import content, corridor, progress
from bot.matrix.errors import NotPermitted, ServerAway, UploadTooLarge
from bot.matrix.signatures import decoded
from delivery.speed import Way
from ledger import audit, outbox, shares
from ledger.audit import AuditKind
from ledger.errors import ShareMoved
from ledger.outbox import Entry
from ledger.states import ShareState
from studies.synthetic import write_ct
from tests.fakes import dicom
from tests.fakes.house import House, until
from tests.fakes.session import ANNA, PIXEL, ROOM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.workers import Workers
    from tests.fakes.session import Sent


def opened_file(house: House, file: dict[str, Any]) -> bytes:
    """What a recipient's client makes of an EncryptedFile."""
    key = base64.urlsafe_b64decode(file["key"]["k"] + "==")
    decryptor = Cipher(algorithms.AES(key), modes.CTR(decoded(file["iv"]))).decryptor()
    return decryptor.update(house.session.media.stored[file["url"]])


def of_kind(house: House, msgtype: str) -> list[Sent]:
    return [one for one in house.session.posted if one.content["msgtype"] == msgtype]


async def state(house: House, number: int = 1) -> ShareState:
    return (await house.share(number)).state


async def reaches(house: House, wanted: ShareState) -> None:
    async def reached() -> bool:
        share = await shares.get(house.ledger, 1)
        return share is not None and share.state is wanted

    await until(reached)


async def posted(house: House, count: int = 1) -> None:
    await until(lambda: asyncio.sleep(0, len(house.session.posted) >= count))


async def test_one_share_goes_from_the_command_to_delivered(house: House) -> None:
    uid = dicom.ankle(house.folder)
    async with house.running():
        await house.ask("!share study")
    assert await state(house) is ShareState.DELIVERED

    kinds = [one.content["msgtype"] for one in house.session.posted]
    assert kinds == ["m.notice", "m.image", "m.image", "m.image", "m.file", "m.notice"]
    pictures = of_kind(house, "m.image")
    assert [("AP" in one.body, "oblique" in one.body, "lateral" in one.body) for one in pictures] == [
        (True, False, False), (False, True, False), (False, False, True)
    ]  # fmt: skip
    assert all("BROWN, Ann · born 12 Apr 1963 · NHS 999 000 0018" in one.body for one in pictures)
    assert all(opened_file(house, one.content["file"]).startswith(b"\xff\xd8") for one in pictures)
    assert all(opened_file(house, one.content["info"]["thumbnail_file"])[:2] == b"\xff\xd8" for one in pictures)

    [parcel] = of_kind(house, "m.file")
    archive = zipfile.ZipFile(io.BytesIO(opened_file(house, parcel.content["file"])))
    received = [pydicom.dcmread(io.BytesIO(archive.read(name)), force=True) for name in archive.namelist()]
    images = {one.SOPInstanceUID: one for one in received if one.get("StudyInstanceUID") == uid}
    for path in (house.folder / "ankle").iterdir():
        source = pydicom.dcmread(path)
        assert images[source.SOPInstanceUID].PixelData == source.PixelData

    last = house.session.posted[-1]
    assert last.is_edit
    assert last.content["m.relates_to"]["event_id"] == house.session.posted[0].event_id
    assert last.body.endswith("Sent: 3 previews, 1 ZIP file with the DICOM files.")
    assert house.spooled() == []


async def test_every_step_is_in_the_audit_trail_and_the_chain_holds(house: House) -> None:
    dicom.ankle(house.folder)
    async with house.running():
        await house.ask("!share study XR26-1")
    details = [one.event.detail for one in await audit.records(house.ledger) if one.event.share_id == 1]
    moves = [detail for detail in details if "->" in detail]
    assert moves == ["opened -> previewing", "previewing -> delivering", "delivering -> delivered"]
    exports = [one.event for one in await audit.records(house.ledger) if one.event.detail.startswith("sent ")]
    assert len(exports) == 4
    assert {one.kind for one in exports} == {AuditKind.EXPORT}
    assert await audit.verify(house.ledger) == []


async def test_a_large_study_comes_in_numbered_whole_zips(house: House) -> None:
    dicom.ankle(house.folder)
    house.part_bytes = 16_384 + 22_000
    async with house.running():
        await house.ask("!share study")
    parcels = of_kind(house, "m.file")
    assert len(parcels) > 1
    assert [one.body for one in parcels] == [
        f"DICOM_{number}_OF_{len(parcels)}.ZIP" for number in range(1, len(parcels) + 1)
    ]
    assert house.session.posted[-1].body.endswith(f"{len(parcels)} ZIP files with the DICOM files.")


@pytest.mark.parametrize(
    ("typed", "syntax"),
    [
        ("!share study", JPEGLSLossless),
        ("!share study --as-stored", ExplicitVRLittleEndian),
        ("!share study --pdi", ExplicitVRLittleEndian),
    ],
)
async def test_files_are_compressed_for_those_who_can_open_it_unless_somebody_says_no(
    house: House, typed: str, syntax: str
) -> None:
    write_ct(house.folder / "ct", slices=3, seed=1, rows=64)
    house.opens = (Way.JPEG_LS,)
    async with house.running():
        await house.ask(typed)
    [parcel] = of_kind(house, "m.file")
    archive = zipfile.ZipFile(io.BytesIO(opened_file(house, parcel.content["file"])))
    told = json.loads(archive.read("manifest.json"))["instances"]
    assert [one["transfer_syntax_uid"] for one in told] == [syntax] * 3
    sources = {str(pydicom.dcmread(path).SOPInstanceUID): path for path in (house.folder / "ct").rglob("*.dcm")}
    for one in told:
        received = pydicom.dcmread(io.BytesIO(archive.read(one["file"])))
        assert (received.pixel_array == pydicom.dcmread(sources[one["sop_instance_uid"]]).pixel_array).all()


async def test_what_cannot_be_shown_is_named_in_one_line_and_delivered_all_the_same(house: House) -> None:
    dicom.ankle(house.folder, views=2)
    broken = house.folder / "ankle" / "2"
    ds = pydicom.dcmread(broken)
    ds.PixelData = ds.PixelData[:100]
    dicom.save(ds, broken)
    dicom.report(house.folder)
    async with house.running():
        await house.ask("!share study")
    assert await state(house) is ShareState.DELIVERED
    assert len(of_kind(house, "m.image")) == 1
    [named] = [text for text in house.session.said() if text.startswith("No preview")]
    assert [line.partition(" (")[0] for line in named.splitlines()[1:]] == ["Image 2", "Image 9"]
    [parcel] = of_kind(house, "m.file")
    archive = zipfile.ZipFile(io.BytesIO(opened_file(house, parcel.content["file"])))
    assert len([name for name in archive.namelist() if not name.startswith("IHE_PDI/")]) == 4 + 3


async def test_a_study_of_a_report_alone_is_delivered_without_a_picture(house: House) -> None:
    dicom.report(house.folder)
    async with house.running():
        await house.ask("!share study")
    assert await state(house) is ShareState.DELIVERED
    assert [one.content["msgtype"] for one in house.session.posted] == ["m.notice", "m.notice", "m.file", "m.notice"]


async def test_several_shares_go_side_by_side(house: House) -> None:
    for number in range(4):
        dicom.ankle(house.folder, f"study {number}", views=1)
    async with house.running():
        await house.ask("!find Brown 12/04/1963")
        await house.ask("1 2 3 4")
    assert {one.state for one in await shares.every(house.ledger)} == {ShareState.DELIVERED}
    assert len(of_kind(house, "m.file")) == 4


# What a crash leaves, and how it goes on


async def undisturbed(house: House) -> set[str]:
    """The transaction ids of one share without any crash."""
    async with house.open(), house.running():
        await house.ask("!share study", event_id="$command")
        return set(house.session.events)


def study_for_crashes(house: House) -> None:
    house.folder.mkdir(parents=True)
    dicom.ankle(house.folder, views=2)
    dicom.report(house.folder)
    house.part_bytes = 16_384 + 22_000


async def crashed(house: House, session_dies: Callable[[House, asyncio.Event], None]) -> None:
    """Run until the moment, then end every task where it stands."""
    reached = asyncio.Event()
    session_dies(house, reached)
    async with house.open(), house.running():
        if not await shares.every(house.ledger):
            await house.hear("!share study", event_id="$command")
        await asyncio.wait_for(reached.wait(), 10)


async def gone_on(house: House, expected: set[str]) -> None:
    """Everything is built anew, the share is finished, and everything stands in the room once."""
    house.session.hook = None
    house.session.media.flowing.set()
    async with house.open(), house.running():
        await house.quiet()
        assert await state(house) is ShareState.DELIVERED
        assert await audit.verify(house.ledger) == []
    assert set(house.session.events) == expected
    texts = Counter((one.body, one.content["msgtype"]) for one in house.session.posted)
    assert set(texts.values()) == {1}
    assert house.spooled() == []


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_after_a_crash_at_any_send_it_goes_on_and_posts_nothing_twice(
    tmp_path: Path, workers: Workers, moment: str
) -> None:
    """The event did not reach the server, or it did and nobody here knows: for each event of the share."""
    calm = House(tmp_path / "calm", workers)
    study_for_crashes(calm)
    expected = await undisturbed(calm)
    assert len(expected) >= 7
    for number in range(1, len(expected) + 1):
        house = House(tmp_path / f"{number}", workers)
        study_for_crashes(house)

        def dies(house: House, reached: asyncio.Event, number: int = number) -> None:
            async def die(when: str, count: int) -> None:
                if (when, count) == (moment, number):
                    reached.set()
                if reached.is_set():
                    await asyncio.Event().wait()

            house.session.hook = die

        await crashed(house, dies)
        await gone_on(house, expected)


async def test_after_a_crash_at_any_upload_it_goes_on_with_the_same_bytes(tmp_path: Path, workers: Workers) -> None:
    calm = House(tmp_path / "calm", workers)
    study_for_crashes(calm)
    expected = await undisturbed(calm)
    uploads = len(calm.session.media.puts)
    for number in range(1, uploads + 1):
        house = House(tmp_path / f"{number}", workers)
        study_for_crashes(house)
        media = house.session.media

        def dies(house: House, reached: asyncio.Event, number: int = number) -> None:
            media = house.session.media
            put = media.put

            async def die(mxc: str, file: Path, size: int, progress: Any = None) -> None:
                if len(media.puts) + 1 == number:
                    reached.set()
                    await asyncio.Event().wait()
                await put(mxc, file, size, progress)

            media.put = die  # type: ignore[method-assign]

        await crashed(house, dies)
        del media.put
        await gone_on(house, expected)
        assert len(media.stored) == uploads


async def test_a_crash_after_every_single_step_still_ends_well(tmp_path: Path, workers: Workers) -> None:
    """One house, and a crash at each send in turn."""
    calm = House(tmp_path / "calm", workers)
    study_for_crashes(calm)
    expected = await undisturbed(calm)
    house = House(tmp_path / "house", workers)
    study_for_crashes(house)

    def dies(house: House, reached: asyncio.Event) -> None:
        had = len(house.session.events)

        async def die(when: str, _: int) -> None:
            if when == "after" and len(house.session.events) > had:
                reached.set()
                await asyncio.Event().wait()

        house.session.hook = die

    for _ in expected:
        await crashed(house, dies)
    await gone_on(house, expected)


async def test_parts_are_the_same_after_a_restart_although_the_servers_limit_changed(
    tmp_path: Path, workers: Workers
) -> None:
    calm = House(tmp_path / "calm", workers)
    study_for_crashes(calm)
    expected = await undisturbed(calm)
    house = House(tmp_path / "house", workers)
    study_for_crashes(house)
    first_parcel = next(n for n, one in enumerate(calm.session.posted, 1) if one.content["msgtype"] == "m.file")

    def dies(house: House, reached: asyncio.Event) -> None:
        async def die(when: str, number: int) -> None:
            if when == "after" and number >= first_parcel:
                reached.set()
                await asyncio.Event().wait()

        house.session.hook = die

    await crashed(house, dies)
    house.part_bytes = 50_000_000
    await gone_on(house, expected)


async def test_a_study_that_changed_between_two_parts_is_not_sent_half_old_half_new(
    tmp_path: Path, workers: Workers
) -> None:
    house = House(tmp_path, workers)
    study_for_crashes_in = house.folder
    dicom.ankle(study_for_crashes_in)
    house.part_bytes = 16_384 + 22_000
    async with house.open(), house.running():
        parcels = 0

        async def slow(when: str, _: int) -> None:
            nonlocal parcels
            if when == "after" and (parcels := len(of_kind(house, "m.file"))) == 1:
                await asyncio.Event().wait()

        house.session.hook = slow
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, parcels == 1))
    house.session.hook = None
    dicom.report(house.folder)
    async with house.open(), house.running():
        await house.quiet()
        assert await state(house) is ShareState.FAILED
    assert house.session.said()[-1].endswith("Send the command again for all of it. [D23]")


async def test_what_was_kept_before_a_crash_and_is_refused_after_it_fails_the_share(
    tmp_path: Path, workers: Workers
) -> None:
    house = House(tmp_path, workers)
    house.folder.mkdir()
    dicom.ankle(house.folder, views=1)

    def dies(house: House, reached: asyncio.Event) -> None:
        async def die(when: str, number: int) -> None:
            if (when, number) == ("before", 2):
                reached.set()
                await asyncio.Event().wait()

        house.session.hook = die

    await crashed(house, dies)
    house.session.hook = None
    house.session.faults.append(NotPermitted())
    async with house.open(), house.running():
        await house.quiet()
        assert await state(house) is ShareState.FAILED
    assert of_kind(house, "m.image") == []
    assert house.session.said()[-1].endswith("[M06]")


# What is away, full or refused


async def test_a_folder_that_is_gone_is_waited_for_in_words_and_then_it_goes_on(house: House) -> None:
    dicom.ankle(house.folder)
    away = house.folder.with_name("away")
    async with house.running():
        house.session.media.flowing.clear()
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, bool(house.session.media.puts)))
        house.folder.rename(away)
        house.source._scanned_at = float("-inf")
        house.session.media.flowing.set()
        await reaches(house, ShareState.WAITING)
        await asyncio.sleep(0.3)
        assert await state(house) is ShareState.WAITING
        waiting = [text for text in house.session.said() if text.startswith("Waiting: ")]
        assert len(waiting) == 1, "said once, not at every try"
        assert "radiology" in waiting[0]
        assert "I keep your place and try until" in waiting[0]
        away.rename(house.folder)
        await house.quiet()
    assert await state(house) is ShareState.DELIVERED
    assert len(of_kind(house, "m.image")) == 3


async def test_what_stays_away_too_long_is_given_up_in_words(house: House) -> None:
    dicom.ankle(house.folder)
    async with house.running():
        house.session.media.flowing.clear()
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, bool(house.session.media.puts)))
        shutil.rmtree(house.folder)
        house.source._scanned_at = float("-inf")
        house.session.media.flowing.set()
        await reaches(house, ShareState.WAITING)
        house.clock.now += corridor.PATIENCE + 1
        await house.quiet()
    assert await state(house) is ShareState.FAILED
    assert house.session.said()[-1].startswith("Share 1 is stopped: ")
    assert house.spooled() == []
    house.folder.mkdir()


async def test_a_full_spool_is_waited_for_in_words(house: House) -> None:
    dicom.ankle(house.folder)
    house.spool._quota = 1000
    async with house.running():
        await house.hear("!share study")
        await reaches(house, ShareState.WAITING)
        await posted(house, 2)
        assert "No space left for outgoing images" in house.session.said()[-1]
        assert house.session.said()[-1].endswith("[D01]")
        house.spool._quota = 10_000_000
        await house.quiet()
    assert await state(house) is ShareState.DELIVERED
    assert house.spooled() == []


async def test_an_upload_that_the_server_finds_too_large_ends_the_share_in_words(house: House) -> None:
    dicom.ankle(house.folder, views=1)
    house.session.media.faults.extend([None, None, UploadTooLarge()])
    async with house.running():
        await house.ask("!share study")
    assert await state(house) is ShareState.FAILED
    said = house.session.said()[-1]
    assert "larger than the homeserver accepts" in said
    assert said.endswith("[M07]")
    assert said.count("[M07]") == 1
    assert house.spooled() == []


@pytest.mark.parametrize("after", [0, 1, 2, 3])
async def test_a_device_that_is_not_verified_at_the_time_of_sending_stops_the_share_in_words(
    house: House, after: int
) -> None:
    """Hazard: somebody's new, unverified device must get nothing, whenever it appears."""
    dicom.ankle(house.folder)

    async def appears(when: str, number: int) -> None:
        if when == "before" and number == after + 1:
            house.session.change(unverified_devices=(PIXEL,))

    house.session.hook = appears
    async with house.running():
        await house.ask("!share study")
    assert await state(house) is ShareState.FAILED
    assert len([one for one in house.session.posted if one.strict]) == after
    assert 'a device that is not verified ("Pixel")' in house.session.said()[-1]
    assert house.session.said()[-1].count("[R04]") == 1
    assert house.session.posted[-1].strict is False
    assert house.spooled() == []


async def test_who_left_the_room_does_not_go_on_sharing_there(house: House) -> None:
    dicom.ankle(house.folder)

    async def leaves(when: str, number: int) -> None:
        if (when, number) == ("after", 2):
            house.session.change(joined=house.session.rooms[ROOM].joined - {ANNA})

    house.session.hook = leaves
    async with house.running():
        await house.ask("!share study")
    assert await state(house) is ShareState.FAILED
    assert len(of_kind(house, "m.image")) == 1


async def test_the_chat_server_away_for_a_while_changes_nothing(house: House) -> None:
    dicom.ankle(house.folder)
    house.session.faults.extend([ServerAway(), None, ServerAway(), ServerAway(), None] * 2)
    house.session.facts_faults.extend([None, ServerAway()] * 4)
    house.session.media.faults.extend([ServerAway(), None] * 3)
    async with house.running():
        await house.ask("!share study")
    assert await state(house) is ShareState.DELIVERED
    assert len(house.session.posted) == 6


async def test_the_ledgers_disk_full_for_a_while_stops_nobody(house: House) -> None:
    dicom.ankle(house.folder)
    async with house.running():
        house.session.media.flowing.clear()
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, bool(house.session.media.puts)))
        await house.ledger._writer.execute_fetchall("PRAGMA query_only = ON")
        house.session.media.flowing.set()
        await asyncio.sleep(0.3)
        await house.ledger._writer.execute_fetchall("PRAGMA query_only = OFF")
        await house.quiet()
    assert await state(house) is ShareState.DELIVERED


async def test_a_bug_of_ours_ends_that_share_in_words_and_no_other(house: House) -> None:
    dicom.ankle(house.folder, "one", views=1)
    dicom.ankle(house.folder, "two", views=1, AccessionNumber="XR26-2")
    async with house.running():
        pictures, house.corridor._pictures = house.corridor._pictures, None  # type: ignore[assignment]
        await house.ask("!share study XR26-1")
        house.corridor._pictures = pictures
        await house.ask("!share study XR26-2")
    assert [await state(house, number) for number in (1, 2)] == [ShareState.FAILED, ShareState.DELIVERED]
    assert "Share 1 is stopped: Something went wrong on our side. [B20]" in house.session.said()


# What is stopped by its requester


@pytest.mark.parametrize("part_bytes", [50_000_000, 16_384 + 22_000])
@pytest.mark.parametrize("uploads", [1, 3, 7])
async def test_after_a_cancel_nothing_more_is_posted_and_nothing_is_left(
    house: House, uploads: int, part_bytes: int
) -> None:
    """The upload that is under way never ends by itself; the next picture or part is made already."""
    dicom.ankle(house.folder)
    house.part_bytes = part_bytes
    media = house.session.media
    put = media.put

    async def stuck(mxc: str, file: Path, size: int, progress: Any = None) -> None:
        if len(media.puts) + 1 >= uploads:
            media.flowing.clear()
        await put(mxc, file, size, progress)

    media.put = stuck  # type: ignore[method-assign]
    async with house.running():
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, len(media.puts) >= uploads))
        await asyncio.sleep(0.2)
        before = len(house.session.posted)
        await house.hear("!cancel")
        await house.quiet()
        await until(lambda: asyncio.sleep(0, not house.corridor._walking and not house.spooled()))
        await until(lambda: asyncio.sleep(0, not house.outbox._lanes))
    assert await state(house) is ShareState.CANCELLED
    new = [one.body for one in house.session.posted[before:] if not one.is_edit]
    assert new == ["Share 1 is stopped. What was already posted stays in the room."]
    assert await outbox.queued(house.ledger) == []


async def test_a_share_after_a_cancelled_one_goes_its_way(house: House) -> None:
    dicom.ankle(house.folder, views=1)
    async with house.running():
        house.session.media.flowing.clear()
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, bool(house.session.media.puts)))
        await house.hear("!cancel")
        await reaches(house, ShareState.CANCELLED)
        house.session.media.flowing.set()
        await house.ask("!share study")
    assert await state(house, 2) is ShareState.DELIVERED


async def test_what_was_made_for_a_share_that_moved_on_meanwhile_is_neither_kept_nor_left(house: House) -> None:
    async with house.ledger.transaction() as tx:
        share = await shares.open_share(
            tx, room_id=ROOM, requested_by=ANNA, command_event_id="$c", study_instance_uid="1.2", source="radiology"
        )
    async with house.ledger.transaction() as tx:
        await shares.move(tx, share, ShareState.CANCELLED)
    made = content.attachment(content.FILE, house.spool.seal_bytes(b"picture"), content.JPEG)
    entry = Entry("t1", ROOM, "preview 1", "m.room.message", {}, share_id=share.id, attachments=(made,))
    with pytest.raises(ShareMoved):
        await house.corridor._keep(share, entry)
    assert await outbox.queued(house.ledger) == []
    assert house.spooled() == []


# How far it is


async def test_progress_is_one_message_that_is_edited_with_counts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = progress.ProgressMessage.__init__
    monkeypatch.setattr(
        progress.ProgressMessage, "__init__", lambda self, show, **given: made(self, show, pause=0.02, **given)
    )
    dicom.ankle(house.folder, views=1)
    house.session.media.flowing.clear()
    async with house.running():
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, any("Preview 1 of 1" in text for text in house.session.said())))
        house.session.media.flowing.set()
        await until(lambda: asyncio.sleep(0, len(house.session.media.puts) == 2))
        await reaches(house, ShareState.DELIVERING)
        await house.quiet()
    first = house.session.posted[0]
    edits = [one for one in house.session.posted if one.is_edit]
    assert {one.content["m.relates_to"]["event_id"] for one in edits} == {first.event_id}
    assert all(one.body.startswith(f"* {first.body}") for one in edits)
    assert house.session.posted[-1].body.endswith("with the DICOM files.")


async def test_a_share_that_was_stopped_does_not_go_on_saying_how_far_it_is(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = progress.ProgressMessage.__init__
    monkeypatch.setattr(
        progress.ProgressMessage, "__init__", lambda self, show, **given: made(self, show, pause=0.02, **given)
    )
    dicom.ankle(house.folder, views=1)
    house.session.media.flowing.clear()
    async with house.running():
        await house.hear("!share study")
        await until(lambda: asyncio.sleep(0, any("Preview 1 of 1" in text for text in house.session.said())))
        await house.hear("!cancel")
        await house.quiet()
        await until(lambda: asyncio.sleep(0, not house.corridor._walking))
        stopped = ShareState.CANCELLED.sentence
        await until(lambda: asyncio.sleep(0, any(text.endswith(stopped) for text in house.session.said())))
        await asyncio.sleep(0.1)
    assert [one for one in house.session.posted if one.is_edit][-1].body.endswith(stopped)


async def test_progress_that_cannot_be_shown_harms_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = progress.ProgressMessage.__init__
    monkeypatch.setattr(
        progress.ProgressMessage, "__init__", lambda self, _, **given: made(self, broken, pause=0.001, **given)
    )

    async def broken(_: str) -> None:
        raise RuntimeError

    dicom.ankle(house.folder, views=1)
    async with house.running():
        await house.ask("!share study")
    assert await state(house) is ShareState.DELIVERED
