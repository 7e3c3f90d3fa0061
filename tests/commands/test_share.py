from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.state import FieldCipher
from ledger import audit, finds, shares
from ledger.audit import AuditKind
from ledger.states import ShareState
from studies.sources.everywhere import Everywhere
from studies.sources.folder import FolderSource
from tests.fakes import dicom
from tests.fakes.session import ANNA, BEN, OTHER_ROOM

if TYPE_CHECKING:
    from tests.fakes.house import House


@pytest.fixture(autouse=True)
async def running(house: House) -> object:
    async with house.running():
        yield


async def shared(house: House) -> list[str]:
    """The studies of all shares, in order."""
    return [one.study_instance_uid for one in await shares.every(house.ledger)]


async def two_patients(house: House) -> tuple[str, str]:
    """Two studies, the first the newer one."""
    return (
        dicom.ankle(house.folder, "ann", views=1),
        dicom.ankle(house.folder, "bob", views=1, StudyDate="20261119", AccessionNumber="XR26-2", **dicom.BOB),
    )


async def test_the_only_study_is_shared_without_a_question(house: House) -> None:
    uid = dicom.ankle(house.folder)
    said = await house.ask("!share study")
    assert await shared(house) == [uid]
    assert said[0].startswith("Share 1: CR Ankle, 20 Nov 2026\nBROWN, Ann · born 12 Apr 1963 · NHS 999 000 0018\n")


@pytest.mark.parametrize(
    "typed", ["study", "study XR26-1", "study 999 000 0018", "XR26-1", f"study {dicom.uid('ann')}"]
)
async def test_exactly_one_match_is_shared(house: House, typed: str) -> None:
    uid = dicom.ankle(house.folder, "ann", views=1)
    await house.ask(f"!share {typed}")
    assert await shared(house) == [uid]


async def test_several_are_listed_and_asked_about_and_none_is_guessed(house: House) -> None:
    await two_patients(house)
    [question] = await house.ask("!share study")
    assert await shared(house) == []
    lines = question.splitlines()
    assert lines[0] == "2 studies of 2 patients match. I will not guess."
    assert lines[1].startswith("1. CR Ankle, 20 Nov 2026 · B**** A**, 1963, NHS *** *** 0018")
    assert lines[2].startswith("2. CR Ankle, 19 Nov 2026 · B**** B**, 1971, NHS *** *** 0026")
    assert "Type a number" in lines[3]


async def test_a_typed_number_shares_that_one(house: House) -> None:
    _, bob = await two_patients(house)
    await house.ask("!share study")
    await house.ask("2")
    assert await shared(house) == [bob]


async def test_several_numbers_share_several_each_as_its_own(house: House) -> None:
    both = await two_patients(house)
    await house.ask("!find Brown 12/04/1963")
    await house.ask("!share study")  # one was found: that is shared
    await house.ask("!share study")
    await house.ask("1 and 2")
    assert await shared(house) == [both[0], *both]
    assert {one.state for one in await shares.every(house.ledger)} == {ShareState.DELIVERED}


async def test_share_study_alone_takes_what_this_person_just_found_here(house: House) -> None:
    _, bob = await two_patients(house)
    await house.ask("!find 999 000 0026")
    await house.ask("!share study")
    assert await shared(house) == [bob]


async def test_share_study_with_a_number_takes_it_from_the_list(house: House) -> None:
    _, bob = await two_patients(house)
    await house.ask("!share study")
    await house.ask("!share study 2")
    assert await shared(house) == [bob]


async def test_a_number_without_a_list_is_talk(house: House) -> None:
    await two_patients(house)
    assert await house.ask("1") == []
    assert await shared(house) == []


async def test_a_list_is_over_after_fifteen_minutes(house: House) -> None:
    await two_patients(house)
    await house.ask("!share study")
    house.clock.now += finds.LIFETIME + 1
    assert await house.ask("1") == []
    assert await shared(house) == []


async def test_a_list_holds_until_its_fifteen_minutes_are_over(house: House) -> None:
    ann, _ = await two_patients(house)
    await house.ask("!share study")
    house.clock.now += finds.LIFETIME - 1
    await house.ask("1")
    assert await shared(house) == [ann]


async def test_a_number_of_an_old_list_never_becomes_a_patient_id(house: House) -> None:
    """Hazard: "!share study 2" after the list is over must not share the patient whose ID is "2"."""
    dicom.ankle(house.folder, views=1, PatientID="2")
    [answer] = await house.ask("!share study 2")
    assert answer.endswith("[T06]")
    assert await shared(house) == []
    await house.ask("!share study id: 2")
    assert len(await shared(house)) == 1


async def test_another_persons_list_in_the_same_room_is_not_mine(house: House) -> None:
    await two_patients(house)
    await house.ask("!share study", sender=ANNA)
    assert await house.ask("1", sender=BEN) == []
    assert await shared(house) == []


async def test_my_list_of_another_room_is_not_here(house: House) -> None:
    await two_patients(house)
    await house.ask("!share study")
    assert await house.ask("1", room=OTHER_ROOM) == []
    [answer] = await house.ask("!share study 1", room=OTHER_ROOM)
    assert answer.endswith("[T06]")
    assert await shared(house) == []


@pytest.mark.parametrize("typed", ["3", "0", "1, 3", "!share study 3"])
async def test_a_number_that_is_not_on_the_list_shares_nothing(house: House, typed: str) -> None:
    await two_patients(house)
    await house.ask("!share study")
    [answer] = await house.ask(typed)
    assert "is not on the list: it goes from 1 to 2. [T05]" in answer
    assert await shared(house) == []


async def test_after_a_wrong_number_the_list_still_stands(house: House) -> None:
    ann, _ = await two_patients(house)
    await house.ask("!share study")
    await house.ask("3")
    await house.ask("1")
    assert await shared(house) == [ann]


async def test_an_answered_question_is_not_answered_again_by_talk(house: House) -> None:
    await two_patients(house)
    await house.ask("!share study")
    await house.ask("1")
    assert await house.ask("2") == []


async def test_the_newest_ten_are_offered_when_nothing_is_said(house: House) -> None:
    for day in range(11):
        dicom.ankle(house.folder, f"day {day}", views=1, StudyDate=f"202611{day + 10}")
    [question] = await house.ask("!share study")
    lines = question.splitlines()
    assert lines[0].startswith("10 studies of 1 patient match")
    assert "20 Nov 2026" in lines[1]
    assert "11 Nov 2026" in lines[10]


async def test_by_name_at_most_five_are_offered(house: House) -> None:
    for number in range(7):
        dicom.ankle(house.folder, f"study {number}", views=1)
    [question] = await house.ask("!share study Brown 12/04/1963")
    assert question.startswith("5 studies of 1 patient match")


async def test_an_unknown_study_is_said_with_what_to_do(house: House) -> None:
    dicom.ankle(house.folder)
    [answer] = await house.ask("!share study XR26-9")
    assert answer == "No study found. Check the number, or search by family name and birth date. [Q20]"


async def test_nothing_at_all_to_share_is_said(house: House) -> None:
    [answer] = await house.ask("!share study")
    assert answer.startswith("There is no study to share.")


async def test_a_wrong_check_digit_shares_nothing(house: House) -> None:
    dicom.ankle(house.folder)
    [answer] = await house.ask("!share study 999 000 0019")
    assert "check digit" in answer
    assert await shared(house) == []


async def test_a_study_that_is_gone_since_it_was_listed_is_not_shared(house: House) -> None:
    await two_patients(house)
    await house.ask("!share study")
    (house.folder / "bob" / "1").unlink()
    house.source._scanned_at = float("-inf")
    [answer] = await house.ask("1, 2")
    assert "no such study" in answer
    assert await shared(house) == []


async def test_every_search_inside_a_share_is_audited(house: House) -> None:
    await two_patients(house)
    await house.ask("!share study")
    await house.ask("!share study XR26-9")
    await house.ask("!share study XR26-1")
    kinds = [one.event.kind for one in await audit.records(house.ledger)]
    assert kinds.count(AuditKind.QUERY) == 3


async def test_the_opening_is_audited_with_person_device_and_patient(house: House) -> None:
    uid = dicom.ankle(house.folder, views=1)
    await house.ask("!share study XR26-1")
    [opened] = [one.event for one in await audit.records(house.ledger) if one.event.detail == "opened"]
    assert (opened.who, opened.device_id, opened.study_instance_uid) == (ANNA, "PHONE", uid)
    assert opened.patient == "|9990000018"


async def test_a_single_match_is_asked_about_while_another_source_is_away(house: House) -> None:
    uid = dicom.ankle(house.folder)
    gone = FolderSource("archive", house.root / "gone", house.root / "gone.db", FieldCipher(bytes(32)))
    await gone.open()
    house.dispatcher._sources = Everywhere([house.source, gone])
    [said] = await house.ask("!share study XR26-1")
    assert said.startswith("One study found, but not every source answers: there may be others. I will not guess.\n1. ")
    assert "archive" in said
    assert await shared(house) == []
    await house.ask("1")
    assert await shared(house) == [uid]
    await gone.close()
