"""`!view` through the real parts: ledger, spool, workers, outbox, guard; only the homeserver is in memory."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from PIL import Image

from access.policy import Policy
from bot.matrix.errors import ServerAway
from bot.matrix.signatures import decoded
from ledger import audit, views
from ledger.audit import AuditKind
from ledger.outbox import transaction_id
from tests.fakes import dicom
from tests.fakes.house import House, until
from tests.fakes.session import ANNA, BEN, OTHER_ROOM, PIXEL, ROOM, SERVER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.workers import Workers
    from tests.fakes.session import Sent

CT = "1.2.840.10008.5.1.4.1.1.2"
CARA = "@cara:trust-b.example"


def stack(folder: Path, slices: int = 24) -> None:
    """A CT of the chest, each slice of one value: slice n has 10 n Hounsfield units."""
    for number in range(1, slices + 1):
        pixels = np.full((64, 64), 1024 + 10 * number, "<u2")
        pixels[0] = 0
        slice_ = dicom.image(
            SOPClassUID=CT, SOPInstanceUID=dicom.uid("ct", str(number)), SeriesInstanceUID=dicom.uid("ct", "series"),
            StudyInstanceUID=dicom.uid("ct"), Modality="CT", BodyPartExamined="CHEST", InstanceNumber=number,
            Rows=64, Columns=64, PixelData=pixels.tobytes(), RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40,
            WindowWidth=400, ImagePositionPatient=[0, 0, number], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )  # fmt: skip
        dicom.save(slice_, folder / "ct" / str(number))


def cine(folder: Path, frames: int = 8) -> None:
    """An ultrasound that grows brighter."""
    pixels = np.repeat(np.linspace(10, 200, frames).astype("u1"), 48 * 40).reshape(frames, 48, 40)
    clip = dicom.image(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1", SOPInstanceUID=dicom.uid("us", "1"), Modality="US",
        StudyInstanceUID=dicom.uid("us"), SeriesInstanceUID=dicom.uid("us", "series"), NumberOfFrames=frames,
        BitsAllocated=8, BitsStored=8, HighBit=7, PixelData=pixels.tobytes(), FrameTime=50,
    )  # fmt: skip
    dicom.save(clip, folder / "us" / "1")


def opened_file(house: House, file: dict[str, Any]) -> bytes:
    """What a recipient's client makes of an EncryptedFile."""
    key = base64.urlsafe_b64decode(file["key"]["k"] + "==")
    decryptor = Cipher(algorithms.AES(key), modes.CTR(decoded(file["iv"]))).decryptor()
    return decryptor.update(house.session.media.stored[file["url"]])


def picture(house: House, event: Sent) -> Image.Image:
    return Image.open(io.BytesIO(opened_file(house, event.content["file"])))


def middle(image: Image.Image) -> int:
    """The level a third from the top, where no words stand."""
    return int(np.asarray(image.convert("L"))[image.height // 3, image.width // 2])


async def shared(house: House, make: Any = dicom.ankle, **fields: Any) -> None:
    make(house.folder)
    await house.ask("!share study", **fields)


async def seen(house: House, text: str, **fields: Any) -> Sent:
    """The one answer to a view."""
    before = len(house.session.posted)
    await house.ask(text, **fields)
    [answer] = house.session.posted[before:]
    return answer


@pytest.fixture(autouse=True)
async def running(house: House) -> object:
    async with house.running():
        yield


async def test_a_picture_comes_into_the_thread_below_the_first_message_of_its_share(house: House) -> None:
    await shared(house)
    command = await house.hear("!view 1")
    await house.quiet()
    answer = house.session.posted[-1]
    assert answer.content["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": house.session.posted[0].event_id,
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": command},
    }
    assert answer.content["msgtype"] == "m.image"
    assert answer.content["filename"] == "view-1.jpg"
    lines = answer.body.splitlines()
    assert lines[0].startswith("X-ray of right ankle, AP view")
    assert lines[1] == "BROWN, Ann · born 12 Apr 1963 · NHS 999 000 0018"
    assert lines[2].startswith("Share 1 · Right ankle · AP · series 1 · image 1 · W ")
    assert answer.strict
    assert house.spooled() == []


async def test_without_a_number_the_only_share_of_the_room_is_meant(house: House) -> None:
    await shared(house)
    assert "Share 1 ·" in (await seen(house, "!view invert")).body


async def test_of_several_shares_none_is_guessed_not_even_by_the_thread(house: House) -> None:
    """Hazard: a picture of another patient than the one that is talked about."""
    await shared(house)
    await house.ask("!share study acc:XR26-1")
    asked = await seen(house, "!view bone", relates_to_event=house.session.posted[0].event_id)
    assert asked.body == "Tell me of which share, like: !view 2 bone. The last ones here: 2, 1. [H24]"
    assert "Share 1 ·" in (await seen(house, "!view 1 bone")).body


@pytest.mark.parametrize(
    ("typed", "level"),
    [
        ("image 12", round((120 - 40 + 0.5) / 399 * 255 + 127.5)),
        ("image 12 lung", round((120 + 600 + 0.5) / 1499 * 255 + 127.5)),
        ("image 12 1000/120", 128),
        ("image 12 100/500", 0),
        ("image 12 100/500 invert", 255),
        ("series 1 image 12 zoom 4x at 50,50 1000/120", 128),
    ],
)
async def test_the_window_is_what_was_asked_for(house: House, typed: str, level: int) -> None:
    await shared(house, stack)
    assert abs(middle(picture(house, await seen(house, f"!view 1 {typed}"))) - level) <= 3


async def test_the_caption_says_the_window_in_words_and_numbers(house: House) -> None:
    await shared(house, stack)
    assert (await seen(house, "!view 1 image 12 lung zoom 2x")).body.startswith("2 times larger: Lung window: ")


async def test_full_is_a_lossless_png_of_every_pixel(house: House) -> None:
    await shared(house)
    answer = await seen(house, "!view 1 image 1 full")
    assert answer.content["info"]["mimetype"] == "image/png"
    assert answer.content["filename"] == "view-1.png"
    image = picture(house, answer)
    assert image.format == "PNG"
    assert (answer.content["info"]["w"], answer.content["info"]["h"]) == image.size


async def test_cine_is_a_clip_with_a_still_poster(house: House) -> None:
    await shared(house, cine)
    answer = await seen(house, "!view 1 cine")
    assert answer.content["info"]["mimetype"] == "image/gif"
    assert answer.content["info"]["org.matrix.msc4230.is_animated"] is True
    clip = picture(house, answer)
    assert (clip.format, getattr(clip, "n_frames", 1), clip.info["duration"]) == ("GIF", 8, 50)
    levels = []
    for number in range(8):
        clip.seek(number)
        levels.append(middle(clip))
    assert levels == sorted(levels)
    poster = Image.open(io.BytesIO(opened_file(house, answer.content["info"]["thumbnail_file"])))
    assert (poster.format, getattr(poster, "n_frames", 1)) == ("JPEG", 1)


async def test_a_stack_can_be_scrolled_as_a_clip(house: House) -> None:
    await shared(house, stack)
    assert getattr(picture(house, await seen(house, "!view 1 cine 1000/120")), "n_frames", 1) == 24


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("series 7", "N02"),
        ("image 99", "N03"),
        ("cine series 1", "N05"),
        ("brain", "N06"),
        ("bome", "T20"),
    ],
)
async def test_what_is_not_there_is_said_and_nothing_is_shown(house: House, typed: str, code: str) -> None:
    await shared(house, lambda folder: dicom.ankle(folder, views=1))
    answer = await seen(house, f"!view 1 {typed}")
    assert answer.content["msgtype"] == "m.notice"
    assert answer.body.endswith(f"[{code}]")


async def test_a_damaged_image_is_one_sentence_and_the_next_view_goes_on(house: House) -> None:
    await shared(house)
    broken = house.folder / "ankle" / "2"
    data = broken.read_bytes()
    broken.write_bytes(data[:-200])
    answer = await seen(house, "!view 1 image 2")
    assert answer.content["msgtype"] == "m.notice"
    broken.write_bytes(data)
    assert (await seen(house, "!view 1 image 1")).content["msgtype"] == "m.image"


async def test_an_image_that_two_series_have_is_asked_about(house: House) -> None:
    dicom.ankle(house.folder)
    extra = dicom.image(
        StudyInstanceUID=dicom.uid("ankle"), SeriesInstanceUID=dicom.uid("other"), SeriesNumber=2, InstanceNumber=2
    )
    dicom.save(extra, house.folder / "ankle" / "4")
    await house.ask("!share study")
    assert (await seen(house, "!view 1 image 2")).body == (
        "Image 2 is in several series: 1, 2. Say which, like: series 1 image 2 [N04]"
    )
    assert (await seen(house, "!view 1 series 2 image 2")).content["msgtype"] == "m.image"


@pytest.mark.parametrize("typed", ["!view 1", "!view 7"])
async def test_a_share_of_another_room_cannot_be_viewed(house: House, typed: str) -> None:
    await shared(house)
    answer = await seen(house, typed, room=OTHER_ROOM)
    assert answer.body.endswith("[H01]")


async def test_where_nothing_was_shared_it_says_so(house: House) -> None:
    assert (await seen(house, "!view")).body.endswith("[H21]")


async def test_a_share_that_was_stopped_shows_no_more(house: House) -> None:
    dicom.ankle(house.folder)
    house.session.media.flowing.clear()
    await house.hear("!share study")
    await until(lambda: asyncio.sleep(0, house.session.media.puts))
    await house.hear("!cancel 1")
    await until(lambda: asyncio.sleep(0, any("is stopped" in one for one in house.session.said())))
    house.session.media.flowing.set()
    await house.quiet()
    assert (await seen(house, "!view 1")).body.endswith("[H22]")


async def test_a_view_is_answered_while_the_share_is_still_being_uploaded(house: House) -> None:
    dicom.ankle(house.folder)
    await house.hear("!share study")
    await until(lambda: asyncio.sleep(0, len(house.session.posted) >= 4))
    house.session.media.flowing.clear()
    await house.hear("!view 1 image 3 invert")

    async def waits() -> bool:
        return len(house.session.media.puts) > 0 and not await views.wanted(house.ledger)

    await until(waits)
    house.session.media.flowing.set()
    await house.quiet()
    assert any("Inverted" in one for one in house.session.said())


@pytest.fixture
async def joint(tmp_path: Path, workers: Workers) -> AsyncIterator[House]:
    """A house whose rooms may hold people of another trust, who may neither find nor share."""
    (tmp_path / "joint").mkdir()
    house = House(tmp_path / "joint", workers, policy=Policy.of(SERVER, foreign_servers=["trust-b.example"]))
    async with house.open(), house.running():
        yield house


def comes_in(house: House, person: str) -> None:
    house.session.change(joined=house.session.rooms[ROOM].joined | {person})


async def test_whoever_was_there_when_it_was_shared_may_look_closer(joint: House) -> None:
    comes_in(joint, CARA)
    await shared(joint)
    assert (await seen(joint, "!view 1 bone", sender=CARA)).content["msgtype"] == "m.image"
    [help_] = await joint.ask("!help", sender=CARA)
    assert "!view" in help_
    assert "!share" not in help_


async def test_a_guest_shows_nothing_to_people_who_came_later_and_somebody_who_may_share_does(joint: House) -> None:
    await shared(joint)
    comes_in(joint, CARA)
    refused = await seen(joint, "!view 1 bone", sender=CARA)
    assert refused.body.startswith(f"Not viewed: {CARA} came into this room after share 1.")
    assert (await seen(joint, "!view 1 bone", sender=ANNA)).content["msgtype"] == "m.image"


async def test_a_guest_sees_no_image_that_was_never_shared(joint: House) -> None:
    comes_in(joint, CARA)
    await shared(joint, lambda folder: dicom.ankle(folder, views=2))
    dicom.ankle(joint.folder, views=3)
    await joint.source.rescan()
    assert (await seen(joint, "!view 1 image 3", sender=CARA)).body.endswith("[H25]")
    assert (await seen(joint, "!view 1 image 3", sender=ANNA)).content["msgtype"] == "m.image"


async def test_a_room_that_is_no_longer_safe_gets_a_reason_in_place_of_the_picture(house: House) -> None:
    await shared(house)
    house.session.change(unverified_devices=(PIXEL,))
    answer = await seen(house, "!view 1")
    assert answer.content["msgtype"] == "m.notice"
    assert "Not viewed" in answer.body


async def test_whoever_joins_before_the_answer_goes_out_does_not_get_it(house: House) -> None:
    await shared(house)
    house.session.media.flowing.clear()
    before, puts = len(house.session.posted), len(house.session.media.puts)
    await house.hear("!view 1")
    await until(lambda: asyncio.sleep(0, len(house.session.media.puts) > puts))
    house.session.change(joined=house.session.rooms[ROOM].joined | {f"@new:{SERVER}"})
    house.session.media.flowing.set()
    await house.quiet()
    [answer] = house.session.posted[before:]
    assert answer.content["msgtype"] == "m.notice"
    assert "joined this room since" in answer.body


async def test_one_person_waits_for_a_few_pictures_and_not_for_more(house: House) -> None:
    await shared(house)
    before = len(house.session.posted)
    for _ in range(9):
        await house.hear("!view 1")
    await house.quiet()
    answers = house.session.posted[before:]
    assert len(answers) == 9
    assert {one.content["msgtype"] for one in answers} <= {"m.image", "m.notice"}


async def test_a_server_that_is_away_delays_the_answer_and_does_not_double_it(house: House) -> None:
    await shared(house)
    house.session.media.faults.extend([ServerAway(), None, ServerAway()])
    house.session.faults.extend([ServerAway()])
    assert (await seen(house, "!view 1")).content["msgtype"] == "m.image"


async def test_every_picture_is_audited_with_who_asked(house: House) -> None:
    await shared(house)
    await seen(house, "!view 1 bone", sender=BEN)
    accesses = [
        one.event for one in await audit.records(house.ledger) if one.event.kind is AuditKind.INSTANCES_ACCESSED
    ]
    assert [(one.who, one.share_id, one.room_id) for one in accesses] == [(BEN, 1, ROOM)]
    assert await audit.verify(house.ledger) == []


async def test_help_explains_how_to_view(house: House) -> None:
    [text] = await house.ask("!help view")
    assert text.startswith("!view [what]: Show a picture of a share")
    for word in ("series 3", "bone", "zoom 2x", "full", "cine"):
        assert word in text


def dies_at_commit(house: House, number: int, reached: asyncio.Event) -> None:
    """After the `number`-th commit from now on nothing goes on."""
    begin, commits = house.ledger.transaction, 0

    @contextlib.asynccontextmanager
    async def transaction() -> AsyncIterator[Any]:
        nonlocal commits
        async with begin() as tx:
            yield tx
        commits += 1
        if commits >= number:
            reached.set()
            await asyncio.Event().wait()

    house.ledger.transaction = transaction  # type: ignore[method-assign]


def dies_at_send(house: House, moment: str, reached: asyncio.Event) -> None:
    """The answer did not reach the server, or it did and nobody here knows."""

    async def die(when: str, _: int) -> None:
        if when == moment:
            reached.set()
            await asyncio.Event().wait()

    house.session.hook = die


@pytest.mark.parametrize("moment", [1, 2, 3, 4, 5, "before", "after"])
async def test_a_crash_at_any_moment_loses_no_answer_and_doubles_none(
    tmp_path: Path, workers: Workers, moment: int | str
) -> None:
    """Commits: the message came in, it was answered, the picture was kept, its two files were uploaded."""
    (tmp_path / "mortal").mkdir()
    house = House(tmp_path / "mortal", workers)
    async with house.open(), house.running():
        await shared(house, lambda folder: dicom.ankle(folder, views=1))
    before, reached = set(house.session.events), asyncio.Event()
    async with house.open(), house.running():
        if isinstance(moment, int):
            dies_at_commit(house, moment, reached)
        else:
            dies_at_send(house, moment, reached)
        hearing = asyncio.create_task(house.hear("!view 1 invert", event_id="$view"))
        await asyncio.wait_for(reached.wait(), 10)
        hearing.cancel()
    house.session.hook = None
    async with house.open(), house.running():
        house.dispatcher.poke()
        await house.quiet()
        assert await audit.verify(house.ledger) == []
    assert set(house.session.events) - before == {transaction_id("$view", "view")}
    assert house.spooled() == []
